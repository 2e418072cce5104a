"""A value in place of nulls."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, TypeAlias

import narwhals.stable.v2 as nw
from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr

from odibi_dagster.core.names import ColumnName
from odibi_dagster.errors import SchemaContractError
from odibi_dagster.transforms.base import RowForRow, transforms
from odibi_dagster.transforms.columns import require

if TYPE_CHECKING:
    from odibi_dagster.core.frame import Frame
    from odibi_dagster.core.types import DType
    from odibi_dagster.transforms.base import Scope

StrictDatetime = Annotated[datetime, Field(strict=True)]
StrictDate = Annotated[date, Field(strict=True)]
Value: TypeAlias = StrictBool | StrictInt | StrictFloat | StrictStr | StrictDatetime | StrictDate


@transforms.register("fill_nulls")
class FillNulls(RowForRow):
    """Replace the nulls of a column by a value, one value per column.

        - function: fill_nulls
          params:
            values: {amount: 0, day: unknown}

    A column keeps its type, except that an integer column filled with a fraction becomes a
    double. Text columns take any value as it is written; dates and timestamps take ISO 8601
    (without a zone: UTC). NaN and the empty string are not null and stay. Rows and their order
    stay. A column that is not there is an error, and so is a value its type cannot hold.
    """

    keeps_names = True

    values: dict[ColumnName, Value] = Field(min_length=1)

    def apply(self, frame: Frame, scope: Scope) -> Frame:
        """The frame without nulls in these columns."""
        schema = require(frame, self.values, self.kind)
        return frame.with_columns(
            _filled(column, value, schema[column]) for column, value in self.values.items()
        )


def _filled(column: str, value: Value, dtype: DType) -> nw.Expr:
    fitted = _fitted(value, dtype)
    if fitted is None:
        msg = f"step fill_nulls: column '{column}' is {dtype} and cannot hold {value!r}"
        raise SchemaContractError(f"{msg}; write a value of that type, or cast the column first")
    filling, filled = fitted
    kept = nw.col(column) if filled == dtype else nw.col(column).cast(filled)
    return nw.coalesce(kept, nw.lit(filling).cast(filled)).alias(column)


def _fitted(value: Value, dtype: DType) -> tuple[Value, DType] | None:
    """The value as the column can hold it, and the column's type afterwards."""
    if dtype == nw.Unknown:
        return value, _OWN_TYPE[type(value)]
    if dtype in (nw.String, nw.Categorical, nw.Enum):
        return _text(value), nw.String()
    if dtype == nw.Boolean:
        return (value, dtype) if isinstance(value, bool) else None
    if dtype.is_numeric():
        return _number(value, dtype)
    if dtype == nw.Date or isinstance(dtype, nw.Datetime):
        return _moment(value, dtype)
    return None


_OWN_TYPE: dict[type, DType] = {
    bool: nw.Boolean(),
    int: nw.Int64(),
    float: nw.Float64(),
    str: nw.String(),
    date: nw.Date(),
    datetime: nw.Datetime("us"),
}


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _number(value: Value, dtype: DType) -> tuple[Value, DType] | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if isinstance(value, float) and dtype.is_integer() and not value.is_integer():
        return value, nw.Float64()
    return value, dtype


def _moment(value: Value, dtype: DType) -> tuple[Value, DType] | None:
    moment = _parsed(value)
    if moment is None:
        return None
    if isinstance(dtype, nw.Datetime):
        zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        zoned = zoned.astimezone(UTC)
        return (zoned if dtype.time_zone else zoned.replace(tzinfo=None)), dtype
    midnight = moment == datetime(moment.year, moment.month, moment.day)
    return (moment.date(), dtype) if midnight else None


def _parsed(value: Value) -> datetime | None:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
