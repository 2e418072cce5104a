"""What a number may be: within a percentage of a baseline, or on one side of a bound."""

from __future__ import annotations

import math
import operator
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
_CLOSE = 1e-9
"""Of a number: sums of floats differ in the last digits with the order of the rows."""
_SIGNS: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}


@dataclass(frozen=True)
class Bound:
    """One side of a number, such as `>100`."""

    sign: str
    number: float

    def holds(self, value: float) -> bool:
        """Whether the value lies on the right side."""
        return _SIGNS[self.sign](value, self.number)

    def __str__(self) -> str:
        """As it may be written."""
        return f"{self.sign}{self.number:.12g}"


@dataclass(frozen=True)
class Change:
    """How far a number may be from its baseline, up or down, as a share of that."""

    share: float

    def holds(self, value: float, baseline: float) -> bool:
        """Whether it is near enough. Of a baseline of 0 only 0 is."""
        allowed = self.share * abs(baseline)
        return abs(value - baseline) <= allowed + _CLOSE * abs(baseline)

    def __str__(self) -> str:
        """As it may be written."""
        return f"{self.share * 100:.12g}%"


def parse_limit(value: Any) -> Bound | Change:
    """`"10%"` or a bound such as `">100"`, `">=0.5"`, `"<0.05"`; all of them finite.

    >>> parse_limit("<= 1e3"), parse_limit("10%")
    (Bound(sign='<=', number=1000.0), Change(share=0.1))
    """
    if isinstance(value, Bound | Change):
        return value
    text = value if isinstance(value, str) else ""
    bound = re.fullmatch(rf"\s*(>=|<=|>|<)\s*({_NUMBER})\s*", text, re.ASCII)
    change = re.fullmatch(rf"\s*\+?({_NUMBER})\s*%\s*", text, re.ASCII)
    number = float(bound[2]) if bound else float(change[1]) if change else math.nan
    if math.isfinite(number) and bound:
        return Bound(bound[1], number)
    if math.isfinite(number) and number >= 0:
        return Change(number / 100)
    shown = repr(value) if len(str(value)) <= 60 else f"{str(value)[:57]!r}..."
    msg = f"threshold must be a percentage or a bound such as >100; found {shown}"
    raise ValueError(msg)


Limit = Annotated[Bound | Change, BeforeValidator(parse_limit)]
"""A threshold for a number, written as `10%` or `>100`."""
