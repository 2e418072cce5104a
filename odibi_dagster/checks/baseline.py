"""A number of the last published batches, to compare with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from odibi_dagster.core.history import Past

NONE = "none"
"""What a check says that has nothing to compare with."""
ROWS = "rows"
"""What the rows that were judged are remembered as."""
_NAME = 64


@dataclass(frozen=True)
class Baseline:
    """The mean of a number over some published batches, the newest first.

    None for what was not one number, but a histogram.
    """

    value: float | None
    batches: tuple[Past, ...]

    def __str__(self) -> str:
        """Which batches these are."""
        newest, oldest = self.batches[0], self.batches[-1]
        when = f"published {newest.at:%Y-%m-%d %H:%M}Z"
        if newest is oldest:
            return f"{_title(newest)}, {when}"
        count, what = len(self.batches), "partitions" if newest.partition else "batches"
        first, last = (past.partition or past.number for past in (oldest, newest))
        return f"average of {count} {what}, {first} to {last}, the last {when}"


def _title(past: Past) -> str:
    return f"partition {past.partition}" if past.partition else f"batch {past.number}"


def baseline_of(history: Sequence[Past], metric: str, last: int) -> Baseline | None:
    """The mean of a metric over the last batches that have it, at most `last` of them.

    A batch of which it is not known (it held no value, or was adopted) does not count; None where
    there is none that does.
    """
    return _mean([(past, past.metrics.get(metric)) for past in history], last)


def rows_before(history: Sequence[Past], last: int | None = None) -> Baseline | None:
    """The mean number of rows of the last batches, of all by default; None where none is known.

    The rows that were judged then where the check remembers them, else those that were published.
    """
    return _mean([(past, past.metrics.get(ROWS, past.rows)) for past in history], last)


def _mean(numbers: Sequence[tuple[Past, float | None]], last: int | None) -> Baseline | None:
    known = [(past, number) for past, number in numbers if number is not None][:last]
    if not known:
        return None
    total = sum(number for _, number in known)
    return Baseline(total / len(known), tuple(past for past, _ in known))


def metric_of(metric: str, column: str) -> str:
    """The name under which a number of a column is remembered.

    With the column in it, so that a check of the same name is not compared with another column.
    """
    return f"{metric} of {column}"[:_NAME]


def shown(number: float) -> str:
    """A number for people.

    >>> shown(4_000_000.0), shown(2 / 3), shown(-1e20)
    ('4,000,000', '0.666667', '-1e+20')
    """
    if abs(number) >= 1e15:
        return f"{number:.6g}"
    return f"{number:,.0f}" if number == int(number) else f"{number:,.6g}"


def percent(share: float) -> str:
    """A share for people.

    >>> percent(0.5), percent(1 / 3)
    ('50%', '33.3333%')
    """
    return f"{share * 100:.6g}%"
