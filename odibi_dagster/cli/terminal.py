"""Where the commands speak: colours on a terminal, plain text anywhere else."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console


class Terminal:
    """Lines on stdout, errors and notes on stderr. A reader who left is no error.

    Both streams are duplicated: Dagster captures the file descriptors 1 and 2 while a node runs,
    and what the command says about the run does not belong to the node's own log.
    """

    def __init__(self) -> None:
        self.stdout = _own(sys.stdout)
        self.stderr = _own(sys.stderr)
        self.gone = False
        """Whether the reader of stdout has left (`odibi-dagster show ... | head`)."""
        self._console: Console | None = None

    @property
    def is_live(self) -> bool:
        """Whether stdout is a terminal that understands cursor movements."""
        return self.stdout.isatty() and os.environ.get("TERM", "") not in ("dumb", "unknown")

    @property
    def console(self) -> Console:
        """rich's console on stdout; it honours NO_COLOR."""
        if self._console is None:
            from rich.console import Console

            self._console = Console(file=self.stdout, highlight=False, soft_wrap=True)
        return self._console

    def line(self, text: str = "", style: str = "") -> None:
        """One line on stdout; `style` is rich's word for a colour and means nothing in a pipe."""
        if self.is_live and style:
            from rich.text import Text

            self.console.print(Text(text, style=style), soft_wrap=True)
        else:
            self.write(f"{text}\n")

    def write(self, text: str) -> None:
        """Text on stdout as it is."""
        if self.gone:
            return
        try:
            self.stdout.write(text)
        except BrokenPipeError:
            self._left()

    def flush(self) -> None:
        """Whoever reads a pipe sees the line now."""
        if self.gone:
            return
        try:
            self.stdout.flush()
        except BrokenPipeError:
            self._left()

    def error(self, text: str) -> None:
        """What went wrong, on stderr."""
        self.note(f"error: {text}")

    def note(self, text: str) -> None:
        """A remark on stderr: stdout stays the answer and nothing else."""
        self.flush()
        with suppress(BrokenPipeError):
            self.stderr.write(f"{text}\n")
            self.stderr.flush()

    def close(self) -> None:
        """Everything said is written out."""
        self.flush()
        for own, original in ((self.stdout, sys.stdout), (self.stderr, sys.stderr)):
            if own is not original:
                with suppress(BrokenPipeError):
                    own.close()

    def _left(self) -> None:
        """Python would complain once more when it flushes the stream at the end."""
        self.gone = True
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.stdout.fileno())


def _own(stream: TextIO) -> TextIO:
    """The same stream under a descriptor of its own; as it is where it has none."""
    try:
        descriptor = os.dup(stream.fileno())
    except (OSError, ValueError, AttributeError):
        return stream
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return open(  # noqa: PTH123  (closed by Terminal.close)
        descriptor, "w", encoding=encoding, errors="replace", newline=""
    )
