"""One row per group."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import narwhals
import narwhals.stable.v2 as nw
from pydantic import BeforeValidator, Field

from odibi_dagster.core.names import ColumnName
from odibi_dagster.errors import SchemaContractError
from odibi_dagster.transforms.base import Transform, transforms
from odibi_dagster.transforms.columns import Columns, refuse_clash, require

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from odibi_dagster.core.frame import Frame
    from odibi_dagster.core.types import DType
    from odibi_dagster.transforms.base import Scope


_ROUGH_LIMIT = 9.2e18
"""Just inside the range of 64 bits, by more than what a sum of doubles may be off."""


class Function(StrEnum):
    """What becomes of the values of a group."""

    SUM = "sum"
    AVG = "avg"
    MIN = "min"
    MAX = "max"
    COUNT = "count"
    FIRST = "first"


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


@transforms.register("aggregate")
class Aggregate(Transform):
    """Group the rows and reduce columns to one value per group, under the column's own name.

        - function: aggregate
          params:
            group_by: [cid]
            aggregations: {amount: sum, qty: max, oid: count}

    Functions: `sum`, `avg`, `min`, `max`, `count` (of values that are not null) and `first` (the
    value of any one row, null included: rows have no order). Others skip nulls, and give null
    where a group has nothing else; NaN is greater than every number. Null is a group of its own.
    Integers add up as 64 bits (more is an error), `avg` is a double. Result: the groups, then the
    aggregations as written; row order is not defined. A column that is not there, one both
    grouped and aggregated, and a sum or average of what is not a number are errors.
    """

    keeps_names = True

    group_by: Columns
    aggregations: Annotated[
        dict[ColumnName, Annotated[Function, BeforeValidator(_lower)]], Field(min_length=1)
    ]

    def apply(self, frame: Frame, scope: Scope) -> Frame:
        """One row per group."""
        schema = require(frame, [*self.group_by, *self.aggregations], self.kind)
        refuse_clash(self.group_by, self.aggregations, self.kind)
        return frame.group_by(self.group_by).agg(
            _FUNCTIONS[function](column, schema[column]).alias(column)
            for column, function in self.aggregations.items()
        )


def _number(column: str, dtype: DType, function: str) -> nw.Expr:
    """The column, wide enough to be added up on every engine alike."""
    if not (dtype.is_numeric() or dtype in (nw.Boolean, nw.Unknown)):
        msg = f"step aggregate: '{function}' needs numbers; column '{column}' is {dtype}"
        raise SchemaContractError(f"{msg}; cast it with cast_columns first, or use count")
    if isinstance(dtype, nw.Decimal):
        return nw.col(column)
    return nw.col(column).cast(nw.Float64() if dtype.is_float() else nw.Int64())


def _sum(column: str, dtype: DType) -> nw.Expr:
    number = _number(column, dtype, "sum")
    total = number.sum()
    if dtype in (nw.Int64, nw.UInt64):
        total = total + _zero_within_64_bits(number)
    # Polars adds up nothing to 0, SQL to null
    return nw.when(number.count() > 0).then(total)


def _zero_within_64_bits(number: nw.Expr) -> nw.Expr:
    """0, or an error of the engine: Polars would wrap an overflowing sum round, silently."""
    rough = number.cast(nw.Float64()).sum()
    too_much = nw.when(rough.abs() > _ROUGH_LIMIT).then(rough * _ROUGH_LIMIT).otherwise(0.0)
    return too_much.cast(nw.Int64())


def _avg(column: str, dtype: DType) -> nw.Expr:
    return _number(column, dtype, "avg").cast(nw.Float64()).mean()


def _max(column: str, dtype: DType) -> nw.Expr:
    values = nw.col(column)
    if not dtype.is_float():
        return values.max()
    # Polars passes NaN over, SQL has it greater than every number
    nan = nw.lit(float("nan")).cast(dtype)
    return nw.when(values.is_nan().any()).then(nan).otherwise(values.max())


def _first(column: str, _: DType) -> nw.Expr:
    # the stable API warns that any_value may change; nothing else asks for any one row's value
    return narwhals.Expr.any_value(nw.col(column), ignore_nulls=False)


_FUNCTIONS: Mapping[Function, Callable[[str, DType], nw.Expr]] = {
    Function.SUM: _sum,
    Function.AVG: _avg,
    Function.MIN: lambda column, _: nw.col(column).min(),
    Function.MAX: _max,
    Function.COUNT: lambda column, _: nw.col(column).count().cast(nw.Int64()),
    Function.FIRST: _first,
}
