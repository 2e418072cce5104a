"""At each named point: killed, broken by an error or a full disk, or asleep past its lease."""

from __future__ import annotations

import signal

import pytest

from tests.kills.field import Field
from tests.kills.points import ACTIONS, POINTS

pytestmark = [pytest.mark.databases, pytest.mark.timeout(300)]
EXPECTED = ("Broken", "OSError", "WriteError", "FencedError")


def befall(ground: Field, point: str, action: str) -> None:
    """One life to which this happens; a sleeper wakes up when another life has come and gone."""
    life = ground.life(fuses={point: action})
    if action != "hang":
        code = life.end()
        assert code == (-signal.SIGKILL if action == "kill" else 1), (life.error, life.board.phase)
        assert code < 0 or life.error.startswith(EXPECTED), life.error
        return
    life.until_stopped()
    ground.grow()
    other = ground.life()
    other_ended = other.end() if _lets_others_in(point, ground.format) else None
    life.signal(signal.SIGCONT)
    slept = life.end()
    if other_ended is None:
        other_ended = other.end()
    assert other_ended == 0, other.error
    assert slept == 0 or life.error.startswith(EXPECTED), life.error


def _lets_others_in(point: str, format: str) -> bool:
    """Whether one who sleeps there holds no lock that others wait for."""
    in_a_folder = point in ("in publish", "in quarantine") and format != "delta"
    return not (in_a_folder or point in ("in lease", "in intend", "in confirm"))


@pytest.mark.parametrize("point", POINTS)
def test_whatever_befalls_a_run(ground: Field, point: str) -> None:
    ground.watch()
    ground.grow()
    ground.drain()
    for action in ACTIONS:
        ground.grow()
        if "recover" in point:
            assert ground.life(fuses={"after publish": "kill"}).end() == -signal.SIGKILL
        befall(ground, point, action)
    ground.drain()
    verdict = ground.verdict()
    assert verdict.is_exact, verdict


@pytest.mark.parametrize(
    "left", ["after intend", "in publish", "after quarantine", "after publish"]
)
@pytest.mark.parametrize("point", ["in lease", "after recover", "before publish", "in confirm"])
def test_whatever_befalls_the_run_that_recovers(ground: Field, left: str, point: str) -> None:
    """A run dies, and so does the one that would put it right, in every way."""
    ground.grow()
    ground.drain()
    for action in ACTIONS:
        ground.grow()
        assert ground.life(fuses={left: "kill"}).end() == -signal.SIGKILL
        befall(ground, point, action)
    ground.drain()
    verdict = ground.verdict()
    assert verdict.is_exact, verdict
