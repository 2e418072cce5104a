"""Rows in one spelling, so that two engines and DuckDB can be compared."""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable


def plain(value: Any) -> Any:
    """Numbers as rounded floats, times as ISO text in UTC without an empty clock."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float | Decimal):
        return _number(float(value))
    if isinstance(value, datetime):
        text = value.replace(tzinfo=None).isoformat()
        return text.removesuffix("T00:00:00")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


def _number(value: float) -> float | str:
    if math.isnan(value) or math.isinf(value):
        return str(value)
    return float(f"{value:.9g}") + 0.0


def same(rows: Iterable[Iterable[Any]]) -> list[Any]:
    """Rows as a sorted list, whatever order they came in."""
    return sorted(([plain(value) for value in row] for row in rows), key=repr)
