"""Ctrl-C and SIGTERM, on the real command: a node that is held by a fifo, or by a long sink."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
import pytest

from odibi_dagster.assets.instance import open_instance
from tests.cli.support import PROJECT

if TYPE_CHECKING:
    from tests.cli.support import Cli


@pytest.fixture
def held(cli: Cli) -> Cli:
    """The node gold/large waits at a fifo; its neighbours are stored already."""
    assert cli("run", "odibi.yaml").code == 0
    os.mkfifo(cli.root / "gate")
    gate = cli.root / "gate"
    cli.write(
        PROJECT.replace(
            "function: above\n              params: {limit: 5}",
            f"function: wait\n              params: {{at: '{gate}'}}",
        )
    )
    return cli


def statuses(root: Path) -> list[dg.DagsterRunStatus]:
    with open_instance(root / ".dagster_home", ours=True) as instance:
        return [run.status for run in instance.get_runs()]


def wait_for_run(root: Path, number: int) -> None:
    """Until so many steps of the newest run have started."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        with open_instance(root / ".dagster_home", ours=True) as instance:
            run = instance.get_runs(limit=1)[0]
            if not run.is_finished:
                records = instance.get_records_for_run(
                    run.run_id, of_type=dg.DagsterEventType.STEP_START
                ).records
                if len(records) >= number:
                    return
        time.sleep(0.2)
    pytest.fail("the run did not get that far")


def wait_for_file(path: Path) -> None:
    deadline = time.monotonic() + 120
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} was never made"
        time.sleep(0.05)


CANCELED, FAILURE = dg.DagsterRunStatus.CANCELED, dg.DagsterRunStatus.FAILURE
SIGNALS = pytest.mark.parametrize(
    ("number", "code", "status"),
    [(signal.SIGINT, 130, CANCELED), (signal.SIGTERM, 143, FAILURE)],
)
"""Ctrl-C is a person who cancels the run, SIGTERM a machine that lets it fail."""


@SIGNALS
def test_a_signal_ends_the_run_and_a_second_run_works(
    held: Cli, number: signal.Signals, code: int, status: dg.DagsterRunStatus
) -> None:
    before = held.stored("gold_answers")
    process = held.start("run", "odibi.yaml")
    wait_for_run(held.root, 2)
    process.send_signal(number)
    out, err = process.communicate(timeout=120)
    assert process.returncode == code, out + err
    assert "stopping; what was published before stays" in err
    assert "Traceback" not in out + err
    assert "gold/large" in out
    assert "1 ok, 2 stopped" in out
    assert statuses(held.root)[0] is status
    assert held.stored("gold_answers").equals(before)
    assert [p.name for p in (held.root / "lake").iterdir() if p.name.startswith(".")] == []
    held.write()
    assert held("run", "odibi.yaml").code == 0


@SIGNALS
def test_a_second_signal_does_not_wait_for_a_sink(
    held: Cli, number: signal.Signals, code: int, status: dg.DagsterRunStatus
) -> None:
    gate = held.root / "gate"
    held.write(
        PROJECT.replace(
            "function: above\n              params: {limit: 5}",
            f"function: hold_the_sink\n              params: {{at: '{gate}'}}",
        )
    )
    before = held.stored("gold_answers")
    process = held.start("run", "odibi.yaml")
    assert process.stderr is not None
    wait_for_file(held.root / "gate.reached")
    process.send_signal(number)
    assert process.stderr.readline().startswith("stopping;")
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code, out + err
    assert "stopped at once" in err
    assert "Traceback" not in out + err
    assert statuses(held.root)[0] is status
    assert held.stored("gold_answers").equals(before)
    held.write()
    assert held("run", "odibi.yaml").code == 0


def test_two_first_starts_at_once(cli: Cli) -> None:
    first, second = cli.start("run", "odibi.yaml"), cli.start("run", "odibi.yaml", "silver/orders")
    for process in (first, second):
        out, err = process.communicate(timeout=240)
        assert process.returncode == 0, out + err
        assert "Traceback" not in out + err
    success = dg.DagsterRunStatus.SUCCESS
    assert statuses(cli.root) == [success, success]
