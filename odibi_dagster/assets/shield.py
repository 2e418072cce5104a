"""A moment in which Ctrl-C and SIGTERM wait."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_STOPS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Signals that ask to stop are delivered after the block, not in it.

    A quarantine and its target become visible one after the other: a stop between them would
    leave one of them a run ahead. Python delivers signals to the main thread alone, so in any
    other thread nothing needs to be done.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[int] = []

    def hold(number: int, frame: FrameType | None) -> None:
        del frame
        held.append(number)

    before = {number: signal.signal(number, hold) for number in _STOPS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
    for stop in held:
        signal.raise_signal(stop)
