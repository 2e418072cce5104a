"""ISO 8601 text as a point in time, by integer arithmetic: the same on every engine.

A parser of an engine stops at the first value that it cannot read; a check must count such values.
"""

from __future__ import annotations

import narwhals.stable.v2 as nw

_DATE = r"(\d{4})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
_TIME = r"([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(?:\.\d{1,9})?)?"
_ZONE = r"(Z|[+-](?:0\d|1[0-4])(?::?[0-5]\d)?)"
_ISO = rf"\A{_DATE}(?:[T ]{_TIME}{_ZONE}?)?\z".replace(r"\d", "[0-9]")
_ZONED = r"[0-9](?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)\z"
_OFFSET = r"\A.*[T ][0-9:.]+([+-])([0-9]{2}):?([0-9]{2})?\z"


def readable(text: nw.Expr) -> nw.Expr:
    """Whether the text is a date or a timestamp of the calendar; null where it is null."""
    shaped = text.str.contains(_ISO)
    kept = nw.when(shaped).then(text)
    return shaped & (_field(kept, 3) <= _month_length(kept)).fill_null(True)


def zoned(text: nw.Expr) -> nw.Expr:
    """Whether readable text names its zone."""
    return text.str.contains(":") & text.str.contains(_ZONED)


def epoch_seconds(text: nw.Expr) -> nw.Expr:
    """Seconds since 1970 in UTC (without a zone: of its own clock); null where it is not readable.

    Fractions of a second are dropped.
    """
    kept = nw.when(readable(text)).then(text)
    clock = _field(kept, 4) * 3600 + _field(kept, 5) * 60 + _field(kept, 6)
    return _days(kept) * 86_400 + clock - _offset(kept)


def _field(text: nw.Expr, group: int) -> nw.Expr:
    return text.str.replace_all(_ISO, f"0${group}").cast(nw.Int64())


def _offset(text: nw.Expr) -> nw.Expr:
    named = nw.when(text.str.contains(_OFFSET)).then(text)
    hours = named.str.replace_all(_OFFSET, "0$2").cast(nw.Int64())
    minutes = named.str.replace_all(_OFFSET, "0$3").cast(nw.Int64())
    west = named.str.replace_all(_OFFSET, "$1") == "-"
    seconds = hours * 3600 + minutes * 60
    return nw.when(west).then(-seconds).otherwise(seconds).fill_null(0)


def _month_length(text: nw.Expr) -> nw.Expr:
    year, month = _field(text, 1), _field(text, 2)
    leap = ((year % 4 == 0) & (year % 100 != 0)) | (year % 400 == 0)
    february = nw.when(leap).then(nw.lit(29)).otherwise(nw.lit(28))
    short = nw.when(month.is_in([4, 6, 9, 11])).then(nw.lit(30)).otherwise(nw.lit(31))
    return nw.when(month == 2).then(february).otherwise(short)


def _days(text: nw.Expr) -> nw.Expr:
    """Days since 1970-01-01 in the Gregorian calendar, counting years from March."""
    month = _field(text, 2)
    late = (month <= 2).cast(nw.Int64())
    year = _field(text, 1) - late
    from_march = month + 12 * late - 3
    in_year = (153 * from_march + 2) // 5 + _field(text, 3) - 1
    return year * 365 + year // 4 - year // 100 + year // 400 + in_year - 719_468
