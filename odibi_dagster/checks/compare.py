"""Keys of two tables side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

if TYPE_CHECKING:
    from collections.abc import Sequence

_TEXT = (nw.String, nw.Categorical, nw.Enum)
_BIG = (nw.UInt64, nw.Int128, nw.UInt128)
"""Whole numbers that not every engine holds as 64 bits with a sign."""


def has_null(columns: Sequence[str]) -> nw.Expr:
    """True where any of these columns is null; never null itself."""
    return nw.any_horizontal(*(nw.col(name).is_null() for name in columns), ignore_nulls=False)


def common_type(one: nw.dtypes.DType, other: nw.dtypes.DType) -> nw.dtypes.DType | None:
    """The type in which values of both are compared exactly; None where there is none.

    Whole numbers of any width, floats of any width, text however it is kept, and times of one zone
    can be compared; everything else with its own type alone, and nested values with nothing.

    >>> common_type(nw.Int16(), nw.Int64()), common_type(nw.Int64(), nw.String())
    (Int64, None)
    """
    if one.is_nested() or other.is_nested():
        return None
    if one == other:
        return one
    if isinstance(one, _BIG) or isinstance(other, _BIG):
        return None
    if one.is_integer() and other.is_integer():
        return nw.Int64()
    if one.is_float() and other.is_float():
        return nw.Float64()
    if isinstance(one, _TEXT) and isinstance(other, _TEXT):
        return nw.String()
    if isinstance(one, nw.Datetime) and isinstance(other, nw.Datetime):
        return nw.Datetime("us", one.time_zone) if one.time_zone == other.time_zone else None
    return None
