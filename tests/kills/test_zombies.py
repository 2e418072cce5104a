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
