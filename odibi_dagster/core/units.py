"""Units that odibi.yaml writes as text: durations and thresholds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def parse_duration(value: Any) -> timedelta:
    """`30s`, `15m`, `6h`, `7d`, `2w` (a fraction is allowed) as a timedelta.

    >>> parse_duration("90m")
    datetime.timedelta(seconds=5400)
    """
    if isinstance(value, timedelta):
        return value
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smhdw])\s*", str(value))
    if not match:
        msg = f"{value!r} is not a duration; write a number and a unit, such as 30s, 15m, 6h or 7d"
        raise ValueError(msg)
    return timedelta(seconds=float(match[1]) * _SECONDS[match[2]])


Duration = Annotated[timedelta, BeforeValidator(parse_duration)]
"""A length of time, written as a number and one of s, m, h, d, w."""


@dataclass(frozen=True)
class Threshold:
    """How many broken rows are tolerated: `rows` of them, or a `share` of all rows judged."""

    rows: int | None = None
    share: float | None = None

    def allows(self, broken: int, total: int) -> bool:
        """Whether `broken` of `total` rows are tolerated. No broken row is always tolerated."""
        if self.rows is not None:
            return broken <= self.rows
        return broken <= (self.share or 0.0) * total

    def __str__(self) -> str:
        """`5 rows` or `1%`."""
        return f"{self.rows} rows" if self.rows is not None else f"{self.share or 0:.4%}"


def parse_threshold(value: Any) -> Threshold:
    """An integer is rows, a float in [0, 1) a share, `"n%"` a share.

    >>> parse_threshold("5%")
    Threshold(rows=None, share=0.05)
    """
    if isinstance(value, Threshold):
        return value
    if isinstance(value, bool):
        value = str(value)
    if isinstance(value, int) and value >= 0:
        return Threshold(rows=value)
    if isinstance(value, float) and 0 <= value < 1:
        return Threshold(share=value)
    if isinstance(value, str) and (match := re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*%\s*", value)):
        share = float(match[1]) / 100
        if share <= 1:
            return Threshold(share=share)
    if value == 1.0:
        msg = "threshold 1.0 could mean one row or all rows; write 1 (a row) or '100%' (all rows)"
        raise ValueError(msg)
    msg = f"{value!r} is not a threshold; write rows (5), a share below one (0.05) or '5%'"
    raise ValueError(msg)


Tolerance = Annotated[Threshold, BeforeValidator(parse_threshold)]
"""A threshold of broken rows, written as `5`, `0.05` or `5%`."""
