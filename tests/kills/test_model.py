"""Whatever happens in whatever order: the target holds what a plain list says, or a run refuses."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.kills.machine import Machine
from tests.kills.model import LAG
from tests.kills.nursery import Nursery

pytestmark = [pytest.mark.databases, pytest.mark.timeout(6_000)]
LONG = "ODIBI_TEST_KILLS" in os.environ


def renamed(machine: Machine) -> None:
    """With the state, before the state and after a refusal, and then back."""
    machine.run()
    machine.rows_arrive([2, 4])
    machine.the_node_is_renamed()
    machine.the_state_follows()
    machine.run()
    machine.the_node_is_renamed()
    machine.run()
    machine.the_state_follows()
    machine.rows_arrive([3])
    machine.run()
    machine.two_runners_at_once()


def replaced_by_another(machine: Machine) -> None:
    """Whoever wrote the table before has no mark there any more."""
    machine.run()
    machine.the_node_is_renamed()
    machine.rows_arrive([2, 4])
    machine.a_full_refresh()
    machine.the_node_is_renamed()
    machine.run()
    machine.a_full_refresh()
    machine.the_target_is_deleted()
    machine.the_node_is_renamed()
    machine.the_state_follows()
    machine.a_full_refresh()
    machine.the_node_is_renamed()
    machine.rows_arrive([1])
    machine.run()


def interrupted(machine: Machine) -> None:
    """Each death, and what the next run makes of it; in a state that is older than that, too."""
    machine.a_run_dies("after publish")
    machine.rows_arrive([2, 4])
    machine.run()
    machine.a_late_row_arrives(LAG - 1)
    machine.a_run_dies("after intend")
    machine.run()
    machine.rows_arrive([3])
    machine.a_run_dies_in_publishing()
    machine.run()
    machine.a_full_refresh_dies("after intend")
    machine.save_the_state()
    machine.run()
    machine.rows_arrive([1, 2])
    machine.run()
    machine.restore_the_state()
    machine.run()
    machine.run()


def restored(machine: Machine) -> None:
    machine.run()
    machine.save_the_state()
    machine.save_the_target()
    machine.rows_arrive([2, 4])
    machine.run()
    machine.restore_the_target()
    machine.run()
    machine.restore_the_state()
    machine.run()
    if machine.format == "delta":
        machine.the_table_is_tidied()
    machine.rows_arrive([1])
    machine.run()
    machine.the_target_is_deleted()
    machine.run()
    machine.a_full_refresh()


STORIES = (renamed, replaced_by_another, interrupted, restored)
PAIRS = pytest.mark.parametrize(
    ("format", "mode"),
    [
        ("delta", "append"),
        ("delta", "append_once"),
        ("parquet", "append"),
        ("parquet", "append_once"),
        ("sql", "append"),
        ("sql", "append_once"),
        ("csv", "append"),
    ],
)


@pytest.fixture
def machine(tmp_path: Path, nursery: Nursery, format: str, mode: str) -> type[Machine]:
    """The machine for one layout and mode."""
    said = {"nursery": nursery, "folder": tmp_path, "format": format, "mode": mode}
    return type("Machine", (Machine,), said)


@PAIRS
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_what_chance_may_miss(machine: type[Machine], story: Callable[[Machine], None]) -> None:
    """Orders of which each step needs the one before."""
    told = machine()
    told.begin([3, 1])
    story(told)


@PAIRS
def test_against_a_plain_list(machine: type[Machine]) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=200 if LONG else 5,
            stateful_step_count=30 if LONG else 15,
            deadline=None,
            database=None,
            derandomize=not LONG,
            phases=[Phase.generate, *([Phase.shrink] if LONG else [])],
            suppress_health_check=list(HealthCheck),
        ),
    )
