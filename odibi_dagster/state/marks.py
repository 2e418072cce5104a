"""High-water marks as text: every type comes back as what it was."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from typing import TypeAlias

Mark: TypeAlias = int | float | Decimal | date | datetime
"""A cursor's value: a number, a day or a moment. A moment without a zone is UTC."""


def encode(mark: Mark) -> str:
    """The mark with its type.

    >>> encode(date(2024, 2, 29))
    '{"date": "2024-02-29"}'
    """
    match mark:
        case bool():
            msg = f"{mark!r} is no mark"
            raise TypeError(msg)
        case int() | float():
            return json.dumps({type(mark).__name__: mark})
        case Decimal():
            return json.dumps({"decimal": str(mark)})
        case datetime():
            return json.dumps({"timestamp": mark.isoformat()})
        case date():
            return json.dumps({"date": mark.isoformat()})


def decode(text: str) -> Mark:
    """The mark that `encode` wrote.

    >>> decode('{"timestamp": "2024-02-29T12:00:00"}')
    datetime.datetime(2024, 2, 29, 12, 0)
    """
    ((kind, value),) = json.loads(text).items()
    match kind:
        case "int":
            return int(value)
        case "float":
            return float(value)
        case "decimal":
            return Decimal(value)
        case "date":
            return date.fromisoformat(value)
        case _:
            return datetime.fromisoformat(value)


def later(old: Mark | None, new: Mark | None) -> Mark | None:
    """The one that lies further on: marks never move backwards.

    What cannot be compared (a day and a number) is the mark of another cursor: then the new one.

    >>> later(10, Decimal("9.5"))
    10
    """
    if old is None or new is None:
        return old if new is None else new
    try:
        return old if old > new else new  # type: ignore[operator]
    except TypeError:
        return new


def shown(text: str | None) -> str:
    """A mark for people."""
    return "none" if text is None else str(decode(text))
