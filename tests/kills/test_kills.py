"""Killed at any instant, again and again: every row of the source is stored once.

`make chaos` does the same a thousand times for each pair of a layout and a database.
"""

from __future__ import annotations

import os
import time
from collections import Counter

import pytest

from tests.kills.field import Field, Life
from tests.kills.points import PHASES

pytestmark = [pytest.mark.databases, pytest.mark.timeout(6_000)]
KILLS = int(os.environ.get("ODIBI_TEST_KILLS", "30"))
LEAST = max(KILLS // 20, 2)
"""Kills in each phase."""


def lengths(life: Life) -> dict[str, float]:
    """How long each phase of a life took that nothing befell, in seconds."""
    met = sorted((life.board.entered(phase), phase) for phase in PHASES)
    whole = [(moment, phase) for moment, phase in met if moment]
    ends = [moment for moment, _ in whole[1:]] + [whole[-1][0] + 0.02]
    found = {phase: end - moment for (moment, phase), end in zip(whole, ends, strict=True)}
    return {**dict.fromkeys(PHASES, 0.02), **found}


def kill_one(ground: Field, life: Life, usual: dict[str, float], aim: str | None) -> str | None:
    """Kill a life at a random instant, of one phase or of all of it; the phase that it met."""
    chance = ground.chance
    if aim is not None and not life.until(aim):
        assert life.end() == 0, life.error
        return None
    pause = chance.uniform(0, sum(usual.values()))
    if aim is not None:
        pause = usual[aim] * chance.random() ** 2
    if chance.random() < 0.3:
        time.sleep(pause / 2)
        ground.grow()
        pause /= 2
    time.sleep(pause)
    return life.kill()


def aimed(ground: Field, met: Counter[str], last: str | None) -> str | None:
    """The phase in which to kill the next life; None is any instant of it."""
    rarest = min(PHASES, key=lambda each: (met[each], ground.chance.random()))
    if met[rarest] >= LEAST and ground.chance.random() > 0.3:
        return None
    if rarest == "recover" and last not in ("publish", "confirm"):
        return "publish"  # it leaves something to recover
    return rarest


def slay(ground: Field, kills: int) -> tuple[Counter[str], int]:
    """So many kills, and `LEAST` in each phase; in which phases they met a life, and survivors."""
    ground.grow()
    ground.drain()
    usual, met, survivors = dict.fromkeys(PHASES, 0.02), Counter(dict.fromkeys(PHASES, 0)), 0
    phase: str | None = None
    while met.total() < kills or min(met.values()) < LEAST:
        ground.grow()
        # half of those that were killed are tried again by the same run, as Dagster does
        retry = phase is not None and ground.chance.random() < 0.5
        aim = aimed(ground, met, phase)
        life = ground.life(same_run=retry)
        phase = kill_one(ground, life, usual, aim)
        if phase is None:
            survivors, usual = survivors + 1, lengths(life)
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
