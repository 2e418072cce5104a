"""Ctrl-C and SIGTERM: the first one asks, a second one (or ten seconds) does not ask again.

Dagster turns both signals into an exception inside the running node, which then leaves nothing
half published. Python raises it as soon as the node comes back from native code; a sink over many
rows does not come back for long, so a thread watches the clock.
"""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

PATIENCE_SECONDS = 10.0
_MOMENT_SECONDS = 1.0
"""The interrupt may reach the main thread before the watcher has read which signal it was."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopping:
    """While it is entered, knows which signal came first, and makes sure that it is obeyed.

    `announce` is called once, as soon as a signal arrives; `abandon` when the process is about
    to end without the node's consent. Both are called in a thread of their own.
    """

    def __init__(self, announce: Callable[[], None], abandon: Callable[[], None]) -> None:
        self.signal: int | None = None
        self._announce, self._abandon = announce, abandon
        self._heard = threading.Event()
        self._read, self._write = os.pipe()
        self._previous: int | None = None

    @property
    def exit_code(self) -> int | None:
        """130 or 143, as a shell would say; None while nobody asked to stop."""
        return None if self.signal is None else 128 + self.signal

    def heard(self) -> int | None:
        """The signal that came first, for whoever was just interrupted; None where none did."""
        if self._previous is not None:
            self._heard.wait(_MOMENT_SECONDS)
        return self.signal

    def __enter__(self) -> Stopping:
        """Watch the signals, where the interpreter allows it: in its main thread."""
        if threading.current_thread() is threading.main_thread():
            os.set_blocking(self._write, False)
            self._previous = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
            # until Dagster takes over, and after it: SIGTERM stops like Ctrl-C
            self._terminate = signal.signal(signal.SIGTERM, signal.default_int_handler)
            self._watcher = threading.Thread(target=self._watch, daemon=True)
            self._watcher.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Put back what was there before."""
        if self._previous is not None:
            signal.set_wakeup_fd(self._previous)
            signal.signal(signal.SIGTERM, self._terminate)
        with suppress(OSError):
            os.close(self._write)

    def _watch(self) -> None:
        while received := os.read(self._read, 1):
            if received[0] not in _SIGNALS:
                continue
            if self.signal is not None:
                self._leave()
            self.signal = received[0]
            self._heard.set()
            self._announce()
            timer = threading.Timer(PATIENCE_SECONDS, self._leave)
            timer.daemon = True
            timer.start()
        os.close(self._read)

    def _leave(self) -> None:
        """End the process: what the node staged is invisible, and swept by its next run."""
        try:
            self._abandon()
        finally:
            os._exit(128 + (self.signal or signal.SIGINT))
