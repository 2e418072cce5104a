"""Values written in YAML, as literals of a column's own type; ValueError where one does not fit."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_INT64 = 2**63
_SECOND = "%Y-%m-%d %H:%M:%S"


def one_of(column: str, values: Sequence[Any], dtype: nw.dtypes.DType) -> nw.Expr:
    """True where the column holds one of the values, each read in the column's type; never null."""
    wanted = [in_type(value, dtype) for value in values if value is not None]
    subject = nw.col(column).cast(nw.String()) if _is_text(dtype) else nw.col(column)
    null_listed = len(wanted) < len(values)
    if not wanted:
        return subject.is_null()
    if isinstance(dtype, nw.Datetime):
        # no list of timestamps means the same on every engine: a local zone would creep in
        moments = [subject == literal(moment, dtype) for moment in wanted]
        return nw.any_horizontal(*moments, ignore_nulls=False).fill_null(null_listed)
    return subject.is_in(wanted).fill_null(null_listed)


def bound(value: Any, dtype: nw.dtypes.DType) -> nw.Expr:
    """A literal to compare the column with: `min` and `max` of a range."""
    return literal(limit(value, dtype), dtype)


def limit(value: Any, dtype: nw.dtypes.DType) -> Any:
    """The same as a plain value: a number, text, a date, a timestamp (zoned as the column is)."""
    if dtype.is_numeric() and not dtype.is_decimal():
        return _number(value, dtype)
    if _is_text(dtype) and not isinstance(value, str):
        article = "date" if isinstance(value, date) else "number"
        msg = (
            f"it is text ({dtype}) and cannot be compared with the {article} {value}; cast the "
            "column first, or quote the bound to compare text"
        )
        raise ValueError(msg)
    if dtype == nw.Boolean:
        msg = "it is Boolean: a range needs numbers, dates, timestamps or text"
        raise ValueError(msg)
    return in_type(value, dtype)


def literal(value: Any, dtype: nw.dtypes.DType) -> nw.Expr:
    """A value of the column's type (see `in_type`) as an expression, in UTC on every engine."""
    if isinstance(dtype, nw.Datetime) and dtype.time_zone is None:
        # a naive literal would be read in the machine's zone on Spark; text is not
        return nw.lit(value.strftime(_SECOND)).str.to_datetime(format=_SECOND)
    if isinstance(dtype, nw.Datetime) and dtype.time_zone != "UTC":
        # Polars compares no times of different zones
        return nw.lit(value).cast(dtype)
    return nw.lit(value)


def in_type(value: Any, dtype: nw.dtypes.DType) -> Any:
    """A YAML value in the column's type; ValueError names what does not fit."""
    for fits, read in _READERS:
        if fits(dtype):
            return read(value, dtype)
    msg = f"values of type {dtype} cannot be written in YAML; cast the column first"
    raise ValueError(msg)


def _is_text(dtype: nw.dtypes.DType) -> bool:
    return isinstance(dtype, (nw.String, nw.Categorical, nw.Enum))


def _misfit(value: Any, dtype: nw.dtypes.DType, write: str) -> ValueError:
    return ValueError(f"{value!r} is not a value of type {dtype}; write {write}")


def _number(value: Any, dtype: nw.dtypes.DType) -> int | float:
    if isinstance(value, str):
        try:
            value = int(value) if value.strip().lstrip("+-").isdigit() else float(value)
        except ValueError:
            raise _misfit(value, dtype, "a number") from None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _misfit(value, dtype, "a number")
    # literals of more than 64 bits exist on one engine only
    return value if isinstance(value, float) or -_INT64 <= value < _INT64 else float(value)


def _integer(value: Any, dtype: nw.dtypes.DType) -> int:
    number = _number(value, dtype)
    if not -_INT64 <= number < _INT64 or number != int(number):
        raise _misfit(value, dtype, "a whole number of at most 64 bits")
    return int(number)


def _float(value: Any, dtype: nw.dtypes.DType) -> float:
    return float(_number(value, dtype))


def _decimal(value: Any, dtype: nw.dtypes.DType) -> Decimal:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise _misfit(value, dtype, "a number") from None
    if isinstance(value, bool) or not number.is_finite():
        raise _misfit(value, dtype, "a finite number")
    return number


def _text(value: Any, dtype: nw.dtypes.DType) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        raise _misfit(value, dtype, "it in quotes (YAML reads yes, no, on and off as booleans)")
    if isinstance(value, float) and math.isnan(value):
        raise _misfit(value, dtype, "text")
    return str(value)


def _boolean(value: Any, dtype: nw.dtypes.DType) -> bool:
    named = {"true": True, "false": False}
    found = named.get(value.strip().lower()) if isinstance(value, str) else value
    if not isinstance(found, bool):
        raise _misfit(value, dtype, "true or false")
    return found


def _moment(value: Any, dtype: nw.dtypes.DType) -> datetime:
    """A timestamp in UTC: zoned where the column is, and naive where it is not."""
    moment = value
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value.strip())
        except ValueError:
            raise _misfit(value, dtype, "a timestamp such as 2024-01-31 12:30:00") from None
    elif isinstance(value, date) and not isinstance(value, datetime):
        moment = datetime.combine(value, time())
    if not isinstance(moment, datetime):
        raise _misfit(value, dtype, "a timestamp such as 2024-01-31 12:30:00")
    if moment.microsecond:
        raise _misfit(value, dtype, "whole seconds")
    zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    utc = zoned.astimezone(UTC)
    return utc if isinstance(dtype, nw.Datetime) and dtype.time_zone else utc.replace(tzinfo=None)


def _date(value: Any, dtype: nw.dtypes.DType) -> date:
    moment = _moment(value, dtype)
    if moment.time() != time():
        raise _misfit(value, dtype, "a date without a time, such as 2024-01-31")
    return moment.date()


_READERS: Sequence[tuple[Callable[[nw.dtypes.DType], bool], Callable[..., Any]]] = (
    (_is_text, _text),
    (lambda dtype: dtype == nw.Boolean, _boolean),
    (lambda dtype: dtype.is_integer(), _integer),
    (lambda dtype: dtype.is_float(), _float),
    (lambda dtype: dtype.is_decimal(), _decimal),
    (lambda dtype: dtype == nw.Date, _date),
    (lambda dtype: isinstance(dtype, nw.Datetime), _moment),
)
