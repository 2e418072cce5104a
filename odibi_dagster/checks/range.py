"""`range`: a column whose values lie between two bounds."""

from __future__ import annotations

import math
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any

import narwhals.stable.v2 as nw
from pydantic import BeforeValidator, model_validator

from odibi_dagster.checks.base import Shape, contracts
from odibi_dagster.checks.one_column import ColumnContract
from odibi_dagster.checks.values import bound, limit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from odibi_dagster.core.facts import Facts


def _bound(value: Any) -> Any:
    if isinstance(value, bool) or (isinstance(value, float) and math.isnan(value)):
        msg = f"{value!r} is no bound; write a number, a date or a timestamp"
        raise ValueError(msg)
    return value


Bound = Annotated[int | float | datetime | date | str, BeforeValidator(_bound)]


@contracts.register("range")
class Range(ColumnContract):
    """The column lies between `min` and `max`, both included; at least one of them is needed.

    Bounds are numbers for number columns, dates for date columns and timestamps for timestamp
    columns (a date there means its midnight; without a zone, UTC; whole seconds). Text bounds on a
    text column compare as text. Any other mix makes the check an error. A null passes; NaN is
    broken.

    ```yaml
    - type: range
      column: dep_delay
      min: -60
      max: 1440
      on_fail: warn
    ```
    """

    min: Bound | None = None
    """The lowest value, included."""
    max: Bound | None = None
    """The highest value, included."""

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.min is None and self.max is None:
            msg = "range needs 'min', 'max' or both"
            raise ValueError(msg)
        if _ordered(self.min, self.max) and self.min > self.max:  # type: ignore[operator]
            msg = f"range: min {self.min} is above max {self.max}: nothing could pass"
            raise ValueError(msg)
        return self

    @property
    def promise(self) -> str:
        """The bounds, as an inequality."""
        low = "" if self.min is None else f"{self.min} <= "
        high = "" if self.max is None else f" <= {self.max}"
        return f"{low}{self.column}{high}"

    def known(self, shape: Shape, facts: Facts) -> Mapping[str, Any]:
        """No broken row where the bounds of the column lie within those of the rule."""
        dtype = shape.schema[self.column]
        bounds = facts.bounds(self.column, dtype)
        if bounds is None:
            return {}
        low, high = (None if b is None else limit(b, dtype) for b in (self.min, self.max))
        if dtype.is_integer() and (isinstance(low, float) or isinstance(high, float)):
            return {}  # engines compare these as floats, which do not hold every integer
        inside = bounds.low is None or (
            (low is None or low <= bounds.low) and (high is None or bounds.high <= high)
        )
        return {"broken": 0} if inside else {}

    def valid(self, shape: Shape) -> nw.Expr:
        """True inside the bounds, null where the value is null."""
        dtype = shape.schema[self.column]
        column = nw.col(self.column)
        inside = [] if self.min is None else [column >= bound(self.min, dtype)]
        inside += [] if self.max is None else [column <= bound(self.max, dtype)]
        if dtype.is_float():
            # both engines sort NaN above every number, so that a minimum alone would let it pass
            inside.append(~column.is_nan())
        return nw.all_horizontal(*inside, ignore_nulls=False)


def _ordered(*values: Any) -> bool:
    """Whether all are numbers, or all are dates; how text compares is a matter of the column."""
    return all(isinstance(value, (int, float)) for value in values) or {
        type(value) for value in values
    } == {date}
