"""What a node at work says of itself, in Dagster's log and wherever else somebody watches."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

from odibi_dagster.core.meter import Phase
from odibi_dagster.core.watch import WATCH
from odibi_dagster.errors import OdibiError
from odibi_dagster.plan.expected import expected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from odibi_dagster.config.project import Node, Project
    from odibi_dagster.core.meter import Meter, Reading
    from odibi_dagster.core.names import NodeId
    from odibi_dagster.plan.expected import Expected

_PATIENCE_SECONDS = 2.0
"""A node that ends sooner is not worth opening a footer for."""
_OF_SOURCE = {Phase.TYPING, Phase.JUDGING, Phase.WRITING}
"""The phases that go through the whole input."""
_WITHOUT_SINK = {Phase.TYPING, Phase.JUDGING}


@dataclass(frozen=True)
class Work:
    """A node at work. Its text is how far it is; asked by any thread, it does not hold up the run.

    `51 s, writing, 12,400,000 of about 40,000,000 rows (31%), 812 MB, 240,000 rows/s`
    """

    project: Project
    node: Node
    meter: Meter

    def __str__(self) -> str:
        """How far it is now."""
        reading = self.meter.read()
        wanted = reading.phase in _OF_SOURCE and reading.seconds >= _PATIENCE_SECONDS
        return ", ".join(_parts(reading, self._expected if wanted else None))

    @cached_property
    def _expected(self) -> Expected | None:
        """Asked once, when somebody watches, and not by a node that is done before."""
        try:
            return expected(self.project, self.node)
        except OdibiError:
            return None  # only an estimate: what is wrong with the source, the run itself will say


Board: TypeAlias = "dict[NodeId, Work]"
"""What is at work in this process."""


@contextmanager
def shown(work: Work, say: Callable[[str], None], board: Board) -> Iterator[None]:
    """While a node is at work it stands on the board; where that takes long, `say` is told too."""
    board[work.node.id] = work
    try:
        with WATCH.over(lambda: say(str(work))):
            yield
    finally:
        board.pop(work.node.id, None)  # unless another run in this process took it off


def _parts(reading: Reading, source: Expected | None) -> list[str]:
    flow = None if reading.phase in _WITHOUT_SINK else reading.flow
    parts = [in_seconds(reading.seconds), str(reading.phase)]
    if flow is not None:
        parts.append(_flowing(flow.rows, source))
        parts += [f"{flow.tasks[0]:,} of {flow.tasks[1]:,} tasks"] if flow.tasks else []
        parts += [in_bytes(reading.bytes)] if reading.bytes else []
        parts += [f"{float(f'{reading.rate:.2g}'):,.0f} rows/s"] if (reading.rate or 0) >= 1 else []
    elif source is not None:
        parts.append(_held(source))
    return parts


def _flowing(rows: int, source: Expected | None) -> str:
    """A share only where every row that was read is written, and never more than all."""
    if source is None:
        return _rows(rows)
    total = source.size.rows
    if total is None or not source.row_for_row:
        return f"{_rows(rows)} from {_held(source)}"
    if rows > total or total == 0:
        return _rows(rows)
    return f"{rows:,} of about {_rows(total)} ({100 * rows // total}%)"


def _held(source: Expected) -> str:
    """What is known of the source: its rows, else its bytes."""
    size = source.size
    return f"about {_rows(size.rows)}" if size.rows is not None else in_bytes(size.bytes)


def _rows(number: int) -> str:
    return f"{number:,} row{'' if number == 1 else 's'}"


def in_bytes(number: int) -> str:
    """Three digits of a decimal unit.

    >>> in_bytes(812_345_678), in_bytes(2_149_000), in_bytes(999)
    ('812 MB', '2.15 MB', '999 B')
    """
    for unit, size in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if number >= size:
            value = number / size
            return f"{value:.{2 if value < 10 else 1 if value < 100 else 0}f} {unit}"
    return f"{number} B"


def in_seconds(seconds: float) -> str:
    """Whole seconds, in the words of a clock.

    >>> in_seconds(51.7), in_seconds(250), in_seconds(3720)
    ('51 s', '4 min 10 s', '1 h 2 min')
    """
    minutes, rest = divmod(int(seconds), 60)
    if not minutes:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
