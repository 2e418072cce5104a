"""Where a life can be met: its phases, and the named points at which it can be made to fail.

All of it is put around the library's own methods in the process of one life; the library knows
nothing of it.
"""

from __future__ import annotations

import ctypes
import errno
import functools
import importlib
import itertools
import json
import mmap
import os
import signal
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.kills.layouts import Layout

PHASES = (
    "begin", "lease", "recover", "plan", "stage", "audit", "split", "intend", "publish", "confirm",
    "end",
)  # fmt: skip
"""`recover` is met only where a dead run left an intent."""
_PLACES = (*PHASES, "over")
_RUN = "odibi_dagster.assets.run:NodeRun."
_SESSION = "odibi_dagster.assets.memory:Session."
_STORE = "odibi_dagster.state.store:Store."
_METHODS = {
    "lease": f"{_STORE}acquire",
    "recover": f"{_SESSION}_recovered",
    "plan": f"{_RUN}plan",
    "stage": f"{_RUN}stage",
    "audit": f"{_RUN}audit",
    "split": f"{_RUN}split",
    "intend": f"{_SESSION}intend",
    "publish": f"{_RUN}_publish",
    "confirm": f"{_SESSION}confirm",
}
"""What a phase is: from the call of this method to that of the next."""
POINTS = (
    "before lease", "in lease", "after lease", "before recover", "after recover", "before plan",
    "before stage", "after stage", "before audit", "after split", "before intend", "in intend",
    "after intend", "before quarantine", "in quarantine", "after quarantine", "before publish",
    "in publish", "after publish", "before confirm", "amid confirm", "in confirm", "after confirm",
)  # fmt: skip
"""`in` a step of the state: all said, and not committed; in publishing: see `Layout.inside`."""
IN_STATE = ("in lease", "in intend", "amid confirm", "in confirm")
"""There the row of the state is locked."""
ACTIONS = ("kill", "raise", "full", "hang")


class Broken(Exception):
    """What the action `raise` raises: nothing that the library knows."""


def die_in(seconds: float) -> None:
    """SIGKILL by the clock of the kernel, at whatever instruction that meets this process."""
    libc, timer, of_signal = ctypes.CDLL(None), ctypes.c_void_p(), 0
    event = struct.pack("qii48x", 0, signal.SIGKILL, of_signal)
    assert libc.timer_create(time.CLOCK_MONOTONIC, event, ctypes.byref(timer)) == 0
    once = struct.pack("4q", 0, 0, *divmod(max(int(seconds * 1e9), 1), 10**9))
    assert libc.timer_settime(timer, 0, once, None) == 0


@dataclass
class Board:
    """A page of memory on which a life writes its phase, and when it first came there."""

    path: Path
    doom: tuple[str, float] | None = None
    """The phase in which this process is killed, and how many seconds after that began."""
    _page: mmap.mmap = field(init=False)

    def __post_init__(self) -> None:
        if not self.path.exists():
            self.path.write_bytes(bytes(4096))
        with self.path.open("r+b") as file:
            self._page = mmap.mmap(file.fileno(), 4096)

    def enter(self, phase: str) -> None:
        place = _PLACES.index(phase)
        self._page[0] = place
        if self.entered(phase):
            return
        struct.pack_into("d", self._page, 8 * (place + 1), time.monotonic())
        if self.doom is not None and self.doom[0] == phase:
            die_in(self.doom[1])

    @property
    def phase(self) -> str:
        return PHASES[min(self._page[0], len(PHASES) - 1)]

    def entered(self, phase: str) -> float:
        """When, in seconds of the monotonic clock; 0 where it has not."""
        moment: float = struct.unpack_from("d", self._page, 8 * (_PLACES.index(phase) + 1))[0]
        return moment

    def lengths(self) -> dict[str, float]:
        """How long each phase took that is over, in seconds."""
        met = sorted((moment, phase) for phase in _PLACES if (moment := self.entered(phase)))
        return {phase: end - moment for (moment, phase), (end, _) in itertools.pairwise(met)}


@dataclass
class Fuses:
    """What shall happen at which points, each once."""

    waiting: dict[str, str]
    calm: threading.RLock = field(default_factory=threading.RLock)
    """Held in every transaction of the state: who falls asleep holds no lock by its heartbeat."""

    def hit(self, point: str) -> None:
        match self.waiting.pop(point, None):
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "hang":
                with self.calm:
                    os.kill(os.getpid(), signal.SIGSTOP)
            case "raise":
                raise Broken(point)
            case "full":
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), point)


def found(path: str) -> tuple[Any, str, Any]:
    """The owner, the name and the value of `module:Class.attribute`."""
    module, _, inner = path.partition(":")
    *owners, name = inner.split(".")
    owner = functools.reduce(getattr, owners, importlib.import_module(module))
    return owner, name, getattr(owner, name)


def watch(board: Board, fuses: Fuses, layout: Layout) -> None:
    """Put phases and points around the library, in this process and for good."""
    within: list[str] = []
    for phase, path in _METHODS.items():
        _around(path, functools.partial(_phase, board, fuses, within, phase))
    _around("odibi_dagster.state.store:_remember", functools.partial(_amid, fuses))
    _around(layout.inside, functools.partial(_inside, fuses, within, layout.end))
    _committing(fuses, within)
    _calming(fuses)


def _around(path: str, context: Callable[..., Any]) -> None:
    owner, name, real = found(path)

    @functools.wraps(real)
    def wrapped(*arguments: Any, **words: Any) -> Any:
        with context(arguments):
            return real(*arguments, **words)

    setattr(owner, name, wrapped)


@contextmanager
def _phase(
    board: Board, fuses: Fuses, within: list[str], phase: str, arguments: tuple[Any, ...]
) -> Iterator[None]:
    if phase == "recover" and arguments[0]._lease.remembered.intent is None:
        yield
        return
    point = phase
    if phase == "publish" and arguments[2].location != arguments[0]._target.location:
        point = "quarantine"
    board.enter(phase)
    fuses.hit(f"before {point}")
    within.append(point)
    try:
        yield
    finally:
        within.pop()
    fuses.hit(f"after {point}")


@contextmanager
def _inside(fuses: Fuses, within: list[str], end: bool, _: tuple[Any, ...]) -> Iterator[None]:
    if not end:
        fuses.hit(f"in {within[-1]}")
    yield
    if end:
        fuses.hit(f"in {within[-1]}")


@contextmanager
def _amid(fuses: Fuses, _: tuple[Any, ...]) -> Iterator[None]:
    """The row of the state is changed, and the batch is not noted yet."""
    fuses.hit("amid confirm")
    yield


def watch_flushes(told: Path) -> None:
    """Leave the inodes of all that was brought to the disk, as the run goes on to its mark."""
    flushed: set[int] = set()
    fsync = os.fsync

    def noted(handle: Any) -> None:
        fsync(handle)
        flushed.add(os.fstat(handle).st_ino)

    @contextmanager
    def leave(_: tuple[Any, ...]) -> Iterator[None]:
        told.write_text(json.dumps(sorted(flushed)))
        yield

    os.fsync = noted
    _around(f"{_SESSION}confirm", leave)


def _calming(fuses: Fuses) -> None:
    """One transaction of the state at a time in this process."""
    owner, name, real = found("odibi_dagster.state.database:insist")

    def insist(engine: Any, attempt: Callable[[], Any]) -> Any:
        def alone() -> Any:
            with fuses.calm:
                return attempt()

        return real(engine, alone)

    setattr(owner, name, insist)


def _committing(fuses: Fuses, within: list[str]) -> None:
    """A point in every transaction of the state: all was said, and nothing is committed."""
    owner, name, real = found("odibi_dagster.state.store:patiently")

    def patiently(engine: Any, work: Callable[[Any], Any]) -> Any:
        def said(connection: Any) -> Any:
            done = work(connection)
            if within and threading.current_thread() is threading.main_thread():
                fuses.hit(f"in {within[-1]}")
            return done

        return real(engine, said)

    setattr(owner, name, patiently)
