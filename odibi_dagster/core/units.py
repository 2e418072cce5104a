"""Units that odibi.yaml writes as text: durations and thresholds."""

from __future__ import annotations

import math
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


def duration_text(length: timedelta) -> str:
    """A length of time as odibi.yaml writes it, in the largest unit of which it is a whole number.

    >>> duration_text(timedelta(days=14)), duration_text(timedelta(minutes=90))
    ('14d', '90m')
    """
    seconds = length.total_seconds()
    fits = (unit for unit in "dhm" if seconds and seconds % _SECONDS[unit] == 0)
    unit = next(fits, "s")
    return f"{seconds / _SECONDS[unit]:g}{unit}"


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


def parse_ratio(value: Any) -> float:
    """A number of at least 0, or `"n%"`: how large one thing is beside another.

    >>> parse_ratio("150%"), parse_ratio(0.5)
    (1.5, 0.5)
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        ratio = float(value)
    else:
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*%\s*", str(value), re.ASCII)
        ratio = float(match[1]) / 100 if match else math.nan
    if 0 <= ratio < math.inf:
        return ratio
    msg = f"{value!r} is no share; write a number such as 0.5, or '50%'"
    raise ValueError(msg)


def parse_share(value: Any) -> float:
    """A number from 0 to 1, or `"n%"` of at most 100%.

    >>> parse_share("95%"), parse_share(1)
    (0.95, 1.0)
    """
    share = parse_ratio(value)
    if share <= 1:
        return share
    msg = f"{value!r} is more than all; write a share from 0 to 1 such as 0.95, or '95%'"
    raise ValueError(msg)


Ratio = Annotated[float, BeforeValidator(parse_ratio)]
"""A ratio, written as `0.5`, `1.5` or `150%`."""
Share = Annotated[float, BeforeValidator(parse_share)]
"""A share of a whole, written as `0.95` or `95%`."""
