"""What is known of a frame's rows without reading them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from odibi_dagster.core.types import DType


class Bounds(NamedTuple):
    """The least and the greatest value of a column; None and None where it holds no value."""

    low: Any
    high: Any


class Facts(Protocol):
    """Answers that are true for every row of a frame; None is "not known", never a guess."""

    @property
    def rows(self) -> int:
        """How many rows there are."""
        ...

    def nulls(self, column: str) -> int | None:
        """How many values of the column are null."""
        ...

    def bounds(self, column: str, dtype: DType) -> Bounds | None:
        """The bounds of a column that the frame has as `dtype`: whole and decimal numbers, dates
        and timestamps (in UTC, and zoned where the column is).
        """
        ...

    def coded(self, column: str) -> bool:
        """Whether its values lie in dictionaries that the engine filters by.

        A filter on such a column alone looks at each distinct value once; an aggregate looks at
        each row.
        """
        ...
