"""What is remembered of published batches, and how much of it somebody wants to see."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


@dataclass(frozen=True)
class Lookback:
    """So many of the last published batches, and every one of the last days; 0 asks for none."""

    batches: int = 0
    days: float = 0
    beneath: bool = False
    """Whether they are looked at as what an increment is added to, of whichever kind they were.

    Of a batch that is no increment, or replaces the table, there are none.
    """


@dataclass(frozen=True)
class Past:
    """One batch that was published."""

    number: int
    at: datetime
    """When, by the clock of the state's database; in UTC."""
    rows: int | None = None
    """How many rows were published; None where that is unknown."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """What one check remembers of it; empty where that did not judge it, as of an adopted batch."""
    partition: str = ""
    """The partition it was of, where that is another than the one that is judged."""
