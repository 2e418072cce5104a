"""Comparing rows whose order is not promised."""

from __future__ import annotations

import math
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def plain(value: Any) -> Any:
    """A value as both engines and both libraries write it: NaN equals NaN, 1 equals 1.0."""
    if isinstance(value, float) and math.isnan(value):
        return "NaN"
    if isinstance(value, (bool, str)) or value is None:
        return value
    if isinstance(value, (int, float, Decimal)):
        return round(float(value), 9)
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day)
    return value


def ordered(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{name: plain(value) for name, value in row.items()} for row in rows]


def rows(found: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return sorted(ordered(found), key=lambda row: repr(list(row.items())))


def tuples(found: Iterable[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in rows(found)]
