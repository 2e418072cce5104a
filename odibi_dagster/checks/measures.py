"""Numbers that describe a column: how each is measured, and what is known without measuring."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from odibi_dagster.checks.baseline import Baseline, baseline_of, metric_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from odibi_dagster.checks.base import Observation, Shape
    from odibi_dagster.core.facts import Facts

_NUMERIC: Mapping[str, Callable[[nw.Expr, float], nw.Expr]] = {
    "mean": lambda column, _: column.mean(),
    "std": lambda column, _: column.std(ddof=1),
    "min": lambda column, _: column.min(),
    "max": lambda column, _: column.max(),
    "sum": lambda column, _: column.sum(),
    "quantile": lambda column, share: column.quantile(share, interpolation="linear"),
}
"""By name. Nulls are left out; the share is that of a quantile."""


@dataclass(frozen=True)
class Measure:
    """One number of one column."""

    column: str
    metric: str
    quantile: float | None = None

    def __str__(self) -> str:
        """The number, in words."""
        return f"{self._name} of '{self.column}'"

    @property
    def _name(self) -> str:
        return f"quantile {self.quantile:g}" if self.quantile else self.metric

    @property
    def _remembered(self) -> str:
        return metric_of(self._name, self.column)

    def unfit(self, dtype: nw.dtypes.DType) -> str | None:
        """Why a column of that type has no such number; None if it has."""
        if self.metric in _NUMERIC and not dtype.is_numeric():
            return f"column '{self.column}' is {dtype}; {self.metric} needs numbers"
        if self.metric == "n_unique" and dtype.is_nested():
            return f"column '{self.column}' is {dtype}; n_unique needs plain values"
        return None

    def metrics(self, shape: Shape) -> Mapping[str, nw.Expr]:
        """The aggregates that the number is made of."""
        dtype, values = shape.schema[self.column], nw.col(self.column)
        nulls = {"nulls": values.is_null().cast(nw.Int64).sum()}
        if self.metric == "null_percentage":
            return nulls
        if self.metric == "n_unique":
            return {"distinct": values.n_unique(), **nulls}
        number = _NUMERIC[self.metric](values.cast(nw.Float64), self.quantile or 0.0)
        found = {"value": number} | (nulls if self.metric == "sum" else {})
        if dtype.is_float():
            found["nans"] = values.is_nan().fill_null(False).cast(nw.Int64).sum()
        return found

    def known(self, shape: Shape, facts: Facts) -> Mapping[str, Any]:
        """Nulls, and the bounds of whole and decimal numbers, where they are known."""
        dtype, nulls = shape.schema[self.column], facts.nulls(self.column)
        asked = self.metrics(shape)
        found: dict[str, Any] = {"nulls": nulls} if "nulls" in asked and nulls is not None else {}
        if self.metric in ("min", "max") and (dtype.is_integer() or dtype.is_decimal()):
            bounds = facts.bounds(self.column, dtype)
            if bounds is not None:
                value = bounds.low if self.metric == "min" else bounds.high
                found["value"] = None if value is None else float(value)
        return found

    def number(self, seen: Observation) -> float | None:
        """The number itself; None where the column holds no value, NaN where it holds NaN.

        Of an empty frame no share is null, and no value is distinct: both are 0.
        """
        nulls = int(seen.metrics.get("nulls") or 0)
        if self.metric == "null_percentage":
            return nulls / seen.rows if seen.rows else 0.0
        if self.metric == "n_unique":
            return float(int(seen.metrics["distinct"] or 0) - bool(nulls))
        if seen.metrics.get("nans"):
            return float("nan")
        if self.metric == "sum" and nulls == seen.rows:
            return None
        value = seen.metrics["value"]
        return None if value is None else float(value)

    def remembers(self, seen: Observation) -> Mapping[str, float | None]:
        """The number."""
        return {self._remembered: self.number(seen)}

    def baseline(self, seen: Observation, last: int) -> Baseline | None:
        """The same number of the last published runs."""
        return baseline_of(seen.history, self._remembered, last)
