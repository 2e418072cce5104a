"""The one type that two columns share when rows of both meet in one column."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from odibi_dagster.errors import SchemaContractError

if TYPE_CHECKING:
    from odibi_dagster.core.types import DType

_SIGNED = (nw.Int8, nw.Int16, nw.Int32, nw.Int64)
_UNSIGNED = (nw.UInt8, nw.UInt16, nw.UInt32, nw.UInt64)
_TEXT = (nw.String, nw.Categorical, nw.Enum)
_UNITS = ("s", "ms", "us", "ns")
_INT64_DIGITS = 19
_MAX_PRECISION = 38


def common_type(column: str, left: DType, right: DType, step: str) -> DType:
    """The narrowest type that holds the values of both; a SchemaContractError where none does.

    Numbers widen (an integer and a float: a double), a date beside a timestamp becomes one, and a
    column of nothing but nulls takes the other's type. Text never mixes with anything else.
    """
    shared = _shared(left, right)
    if shared is None:
        msg = f"step {step}: column '{column}' is {left} here and {right} there"
        raise SchemaContractError(f"{msg}; give both one type with cast_columns first")
    return shared


def _shared(left: DType, right: DType) -> DType | None:
    if left == right or right == nw.Unknown:
        return left
    if left == nw.Unknown:
        return right
    if left.is_numeric() and right.is_numeric():
        return _number(left, right)
    if left in _TEXT and right in _TEXT:
        return nw.String()
    return _moment(left, right)


def _number(left: DType, right: DType) -> DType | None:
    if left.is_float() or right.is_float():
        return nw.Float64()
    if isinstance(left, nw.Decimal) or isinstance(right, nw.Decimal):
        return _decimal(left, right)
    for family in (_SIGNED, _UNSIGNED):
        if left in family and right in family:
            return max(left, right, key=lambda dtype: family.index(type(dtype)))
    return None if nw.UInt64 in (left, right) else nw.Int64()


def _decimal(left: DType, right: DType) -> DType | None:
    digits, scales = zip(*(_places(dtype) for dtype in (left, right)), strict=True)
    precision = max(digits) + max(scales)
    return nw.Decimal(precision, max(scales)) if precision <= _MAX_PRECISION else None


def _places(dtype: DType) -> tuple[int, int]:
    if isinstance(dtype, nw.Decimal):
        return dtype.precision - dtype.scale, dtype.scale
    return _INT64_DIGITS, 0


def _moment(left: DType, right: DType) -> DType | None:
    if isinstance(left, nw.Datetime) and isinstance(right, nw.Datetime):
        if left.time_zone != right.time_zone:
            return None
        return max(left, right, key=lambda dtype: _UNITS.index(dtype.time_unit))
    for one, other in ((left, right), (right, left)):
        if isinstance(one, nw.Datetime) and other == nw.Date and one.time_zone is None:
            return one
    return None
