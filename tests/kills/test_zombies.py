"""Eight runners on one node: some sleep past their lease and wake up, others are killed."""

from __future__ import annotations

import itertools
import json
import os
import signal
import time
from collections import Counter

import pytest

from tests.kills.conftest import DATABASES, FORMATS
from tests.kills.field import Field, Life

pytestmark = [pytest.mark.databases, pytest.mark.timeout(6_000)]
RUNNERS = 8
INCIDENTS = int(os.environ.get("ODIBI_TEST_KILLS", "30")) // 3
PAIRS = [("sqlite", "parquet"), ("postgres", "delta"), ("mariadb", "sql")]
if "ODIBI_TEST_KILLS" in os.environ:
    PAIRS = [*itertools.product(DATABASES, FORMATS)]
ASLEEP = 0.45
"""Seconds: half as long again as a lease."""


def disturb(ground: Field, runners: list[Life]) -> str:
    """One incident: somebody dies and is replaced, or sleeps while the others go on."""
    chosen = ground.chance.choice(runners)
    if ground.chance.random() < 0.4:
        chosen.signal(signal.SIGKILL)
        assert chosen.end() == -signal.SIGKILL, chosen.error
        runners[runners.index(chosen)] = ground.runner()
        return "killed"
    chosen.signal(signal.SIGSTOP)
    ground.grow()
    time.sleep(ASLEEP)
    chosen.signal(signal.SIGCONT)
    return "slept"


@pytest.mark.parametrize(("database", "ground"), PAIRS, indirect=True)
def test_many_runners_on_one_node(ground: Field, capsys: pytest.CaptureFixture[str]) -> None:
    ground.grow()
    ground.watch()
    runners, incidents = [ground.runner() for _ in range(RUNNERS)], Counter[str]()
    while incidents.total() < INCIDENTS:
        ground.grow()
        time.sleep(ground.chance.uniform(0, 0.2))
        incidents[disturb(ground, runners)] += 1
    for runner in runners:
        assert runner.stop() == 0, runner.error
    heard = Counter[str]()
    for file in ground.root.glob("told-*.heard"):
        heard.update(json.loads(file.read_text() or "{}"))
    ground.drain()
    verdict = ground.verdict()
    with capsys.disabled():
        print(f"\n{ground.format}, {ground.state_url.split(':')[0]}: {dict(incidents)};", end=" ")
        print(f"runs {dict(heard)}; {ground.last} rows,", end=" ")
        print(f"{len(verdict.lost)} lost, {len(verdict.twice)} twice", end="")
    assert verdict.is_exact, verdict
    assert heard["ended well"] > 0


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("ground", [*FORMATS, "csv"], indirect=True)
def test_who_wakes_leaves_what_another_has_staged(ground: Field) -> None:
    """Both stage the same batch: the one that holds the node publishes it."""
    ground.grow()
    ground.drain()
    ground.grow()
    sleeper = ground.life(fuses={"before stage": "hang"})
    sleeper.until_stopped()
    ground.lease_runs_out()
    other = ground.life(fuses={"after stage": "hang"})
    other.until_stopped()
    sleeper.signal(signal.SIGCONT)
    assert (sleeper.wait(), sleeper.error.split(":")[0]) == (1, "FencedError")
    other.signal(signal.SIGCONT)
    assert other.wait() == 0, other.error
    ground.drain()
    assert (verdict := ground.verdict()).is_exact, verdict
