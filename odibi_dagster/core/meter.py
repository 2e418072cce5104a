"""How far a run is: written by the thread that works, read by any other at any time."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_FRESH_SECONDS = 0.5
_SHARE = 20
"""Looking takes at most one part in so many of the time: to add up many files is slow."""


class Phase(StrEnum):
    """What a node is doing, in the order it does it."""

    PLANNING = "planning"
    TYPING = "looking at the types of its source"
    LANDING = "landing the input"
    JUDGING = "judging the input"
    WRITING = "writing"
    AUDITING = "auditing"
    SPLITTING = "splitting off broken rows"
    PUBLISHING = "publishing"


@dataclass(frozen=True)
class Flow:
    """What a sink has taken so far, as its engine knows it without being asked to stop."""

    rows: int
    tasks: tuple[int, int] | None = None
    """Of those it works at: how many are done, and of how many. None where an engine has none."""


@dataclass(frozen=True)
class Reading:
    """A meter at one moment. The last sink's numbers stay when it has ended."""

    phase: Phase
    seconds: float
    """Since the node began."""
    flow: Flow | None = None
    """None before the first sink."""
    bytes: int = 0
    """What lies in the sink's folder."""
    rate: float | None = None
    """Rows per second while a sink runs, over all of its time."""


class Meter:
    """Holds the phase and the sink of one run. Metering costs the sink nothing: it is asked."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.start()

    def start(self) -> None:
        """A node begins."""
        self._started = self._clock()
        self._sink: _Sink | None = None
        self.phase = Phase.PLANNING

    @contextmanager
    def during(self, phase: Phase) -> Iterator[None]:
        """A phase within another one, which goes on after the block."""
        outer, self.phase = self.phase, phase
        try:
            yield
        finally:
            self.phase = outer

    @contextmanager
    def sinking(self, folder: Path, flow: Callable[[], Flow]) -> Iterator[None]:
        """While it is entered, a sink writes files below `folder`, and `flow` knows how far it is.

        `flow` is called by other threads, also after the block.
        """
        sink = self._sink = _Sink(folder, flow, self._clock)
        try:
            yield
        finally:
            sink.end()

    def read(self) -> Reading:
        """How far the run is now. Numbers of a sink may be half a second old, or as much more as
        looking is slow.
        """
        seconds, sink = self._clock() - self._started, self._sink
        if sink is None:
            return Reading(self.phase, seconds)
        return Reading(self.phase, seconds, *sink.look())


class _Sink:
    def __init__(self, folder: Path, flow: Callable[[], Flow], clock: Callable[[], float]) -> None:
        self._folder, self._flow, self._clock = folder, flow, clock
        self._started = self._due = clock()
        self._seen: tuple[Flow, int, float | None] = (Flow(0), 0, None)
        self._runs = True

    def look(self) -> tuple[Flow, int, float | None]:
        now = self._clock()
        if now >= self._due:
            flow = self._flow()
            self._seen = flow, _bytes_below(self._folder), self._rate(flow, now)
            took = self._clock() - now
            self._due = now + took + max(_FRESH_SECONDS, _SHARE * took)
        return self._seen

    def end(self) -> None:
        self._runs, self._due = False, self._started

    def _rate(self, flow: Flow, now: float) -> float | None:
        return flow.rows / (now - self._started) if self._runs and now > self._started else None


def _bytes_below(folder: Path) -> int:
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):  # renamed by the sink meanwhile
                total += Path(path, name).stat().st_size
    return total
