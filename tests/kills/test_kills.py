"""Killed at any instant, again and again: every row of the source is stored once.

`make chaos` does the same a thousand times for each pair of a layout and a database.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Sequence

import pytest

from tests.kills.field import Field, Life
from tests.kills.points import PHASES

pytestmark = [pytest.mark.databases, pytest.mark.timeout(6_000)]
KILLS = int(os.environ.get("ODIBI_TEST_KILLS", "60"))
LEAST = max(KILLS // 20, 2)
"""Kills in each phase."""
LEAVES_AN_INTENT = ("publish", "confirm", "recover")


def doom(ground: Field, usual: dict[str, float], aim: str | None) -> tuple[str, float]:
    """A random instant of one phase, or of a whole life."""
    if aim is None:
        return "begin", ground.chance.uniform(0, sum(usual.values()))
    return aim, ground.chance.uniform(0, usual[aim])


def aimed(ground: Field, met: Counter[str], last: str | None) -> str | None:
    """The phase in which to kill the next life; None is any instant of it."""
    rarest = min(met, key=lambda each: (met[each], ground.chance.random()))
    if met[rarest] >= LEAST and ground.chance.random() > 0.3:
        return None
    if rarest == "recover" and last not in LEAVES_AN_INTENT:
        return "publish"
    return rarest


def learn(usual: dict[str, float], life: Life) -> None:
    """How long the phases of this pair take, by what was seen last and before."""
    for phase, seconds in life.board.lengths().items():
        usual[phase] = (usual[phase] + seconds) / 2


def slay(ground: Field, kills: int, phases: Sequence[str] = PHASES) -> tuple[Counter[str], int]:
    """So many kills, `LEAST` in each phase; in which phases they met a life, and survivors."""
    ground.grow()
    usual, met, survivors = dict.fromkeys(PHASES, 0.01), Counter(dict.fromkeys(phases, 0)), 0
    for life in ground.drain():
        learn(usual, life)
    phase: str | None = None
    while met.total() < kills or min(met.values()) < LEAST:
        if met.total() % 50 == 49:
            ground.gather()
        ground.grow()
        # half of those that were killed are tried again by the same run, as Dagster does
        retry = phase is not None and ground.chance.random() < 0.5
        aim = aimed(ground, met, phase)
        life = ground.life(same_run=retry, doom=doom(ground, usual, aim))
        if ground.chance.random() < 0.3:
            time.sleep(ground.chance.uniform(0, sum(usual.values()) / 2))
            ground.grow()
        phase = life.fate()
        learn(usual, life)
        if phase is None:
            survivors += 1
        else:
            met[phase] += 1
    return met, survivors


def test_killed_at_any_instant(ground: Field, capsys: pytest.CaptureFixture[str]) -> None:
    ground.watch()
    met, survivors = slay(ground, KILLS)
    ground.drain()
    verdict = ground.verdict()
    with capsys.disabled():
        phases = ", ".join(f"{phase} {count}" for phase, count in met.items())
        where = f"{ground.format} with its state in {ground.state_url.split(':')[0]}"
        print(f"\n{where}: {met.total()} kills ({phases}), {survivors} survivors,", end=" ")
        print(f"{ground.last} rows,", end=" ")
        print(f"{len(verdict.lost)} lost, {len(verdict.twice)} twice,", end=" ")
        print(f"{len(verdict.partial)} of {verdict.reads} reads partial", end="")
    assert verdict.is_exact, verdict
    assert verdict.reads > 0


@pytest.mark.parametrize(("database", "ground"), [("sqlite", "delta")], indirect=True)
def test_a_wrong_protocol_is_found_out(ground: Field) -> None:
    """As random as the kills are, they meet its moment."""
    ground.mutant = "write_then_mark"
    slay(ground, 30, [phase for phase in PHASES if phase != "recover"])  # it announces nothing
    ground.mutant = ""
    ground.drain()
    assert ground.verdict().twice
