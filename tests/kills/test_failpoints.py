"""At each named point: killed, broken by an error or a full disk, or asleep past its lease."""

from __future__ import annotations

import itertools
import signal

import pytest

from tests.kills.field import BAD, Field, Life
from tests.kills.points import ACTIONS, IN_STATE, POINTS

pytestmark = [pytest.mark.databases, pytest.mark.timeout(1_200)]
EXPECTED = ("Broken", "OSError", "WriteError", "FencedError")
LEFT = ("after intend", "in publish", "after quarantine", "after publish")
"""Where the run died that is to be recovered: nothing, something or all of it is visible."""


def befall(ground: Field, point: str, action: str) -> None:
    """One life to which this happens."""
    ground.grow()
    life = ground.life(fuses={point: action})
    if action == "hang":
        oversleep(ground, life, point)
        return
    code, where = life.end(), f"{action} {point}"
    assert code == (-signal.SIGKILL if action == "kill" else 1), (where, life.error)
    assert code < 0 or life.error.startswith(EXPECTED), (where, life.error)


def oversleep(ground: Field, sleeper: Life, point: str) -> None:
    """One sleeps past its lease; another one comes, and goes where no lock keeps it waiting."""
    sleeper.until_stopped()
    if point not in IN_STATE:
        ground.lease_runs_out()
    ground.grow()
    other = ground.life()
    in_target = ground.layout.locks and point in ("in publish", "in quarantine")
    ended = None if in_target or point in IN_STATE else other.end()
    sleeper.signal(signal.SIGCONT)
    slept = sleeper.end()
    assert (other.end() if ended is None else ended) == 0, (point, other.error)
    assert slept == 0 or sleeper.error.startswith(EXPECTED), (point, sleeper.error)


def test_whatever_befalls_a_run(ground: Field) -> None:
    ground.watch(pause=0.03)
    ground.grow()
    ground.drain()
    for action in ACTIONS:
        ground.gather()
        for point in POINTS:
            if "recover" not in point:
                befall(ground, point, action)
    ground.drain()
    assert (verdict := ground.verdict()).is_exact, verdict
    assert verdict.reads > 0


def test_whatever_befalls_the_run_that_recovers(ground: Field) -> None:
    """A run dies, and so does the one that would put it right."""
    ground.grow()
    ground.drain()
    lefts = itertools.cycle(LEFT)
    for action, point in itertools.product(ACTIONS, POINTS):
        if point == POINTS[0]:
            ground.gather()
        left = next(lefts)
        if point == "in quarantine":
            ground.drain()  # one that is there already is not published again
            left = "after intend"
        ground.grow(2 * BAD)
        assert ground.life(fuses={left: "kill"}).end() == -signal.SIGKILL
        befall(ground, point, action)
    ground.drain()
    assert (verdict := ground.verdict()).is_exact, verdict
