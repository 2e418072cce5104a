"""Speak of long work now and then; of short work, never.

One thread of a process watches everything that is at work in it: a thread for each node would cost
a small node more than all else that this library does for it.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FIRST_SECONDS = 10.0
MOST_SECONDS = 300.0


def humane() -> Iterator[float]:
    """How many seconds to wait before each report: 10, 10, 20, 40, ... and at most 300."""
    yield FIRST_SECONDS
    wait = FIRST_SECONDS
    while True:
        yield wait
        wait = min(2 * wait, MOST_SECONDS)


class Watch:
    """Calls `speak` for all that is at work, as often as `pace` says, in a thread of its own."""

    def __init__(self, pace: Callable[[], Iterator[float]] = humane) -> None:
        self._pace = pace
        self._lock = threading.Lock()
        self._watched: list[_Watched] = []
        self._thread: threading.Thread | None = None

    @contextmanager
    def over(self, speak: Callable[[], None]) -> Iterator[None]:
        """While it is entered, `speak` is called at its pace; once it is left, no longer.

        What `speak` raises ends the watch of everything, with a traceback on stderr: the work
        itself goes on.
        """
        work = _Watched(speak, self._pace())
        with self._lock:
            self._watched.append(work)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="odibi-watch", daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            with self._lock:
                self._watched.remove(work)

    def _run(self) -> None:
        while (wait := self._look()) is not None:
            time.sleep(wait)

    def _look(self) -> float | None:
        """Whoever is due speaks. The seconds until the next look; None where nothing is at work."""
        with self._lock:
            if not self._watched:
                self._thread = None
                return None
            for work in self._watched:
                work.speak_if_due()
            due = min(work.due for work in self._watched)
        return min(max(due - time.monotonic(), 0), FIRST_SECONDS)


class _Watched:
    def __init__(self, speak: Callable[[], None], pace: Iterator[float]) -> None:
        self._speak, self._pace = speak, pace
        self.due = time.monotonic() + next(pace)

    def speak_if_due(self) -> None:
        if time.monotonic() >= self.due:
            self._speak()
            self.due = time.monotonic() + next(self._pace)


WATCH = Watch()
"""The one watch of this process."""
