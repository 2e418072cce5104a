"""ISO 8601 text as a point in time, counting what cannot be read: the same on every engine.

A parser of an engine stops at the first value that it cannot read, and comparing text goes wrong
between zones. So the calendar is checked by one regular expression, text without an offset is
compared as text (where that is right), and text with an offset by integer arithmetic, on the
newest value of each offset alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

if TYPE_CHECKING:
    from odibi_dagster.core.frame import Frame

_DAY = r"(?:0[1-9]|1[0-9]|2[0-8])"
_COMMON = (
    rf"[0-9]{{4}}-(?:(?:0[1-9]|1[0-2])-{_DAY}|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
)
_LEAP_YEAR = r"(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)"
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,9})?)?"
_OFFSET = r"[+-](?:0[0-9]|1[0-4])(?::?[0-5][0-9])?"
_ISO = rf"\A(?:{_COMMON}|{_LEAP_YEAR}-02-29)(?:[T ]{_CLOCK}(?:Z|{_OFFSET})?)?\z"
_ZONED = rf":[0-9:.]+(?:Z|{_OFFSET})\z"
_SHIFTED = rf":[0-9:.]+{_OFFSET}\z"
_PARTS = (
    r"\A([0-9]{4})-([0-9]{2})-([0-9]{2})[T ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.[0-9]+)?)?"
    r"([+-])([0-9]{2}):?([0-9]{2})?\z"
)
_TEXT, _TAIL = "__odibi_text", "__odibi_tail"


def readable(text: nw.Expr) -> nw.Expr:
    """Whether the text is a date or a timestamp of the calendar; null where it is null."""
    return text.str.contains(_ISO)


def zoned(text: nw.Expr) -> nw.Expr:
    """Whether readable text names its zone."""
    return text.str.contains(_ZONED)


def newest(text: nw.Expr) -> nw.Expr:
    """The newest readable text without an offset, with a space before the time and without `Z`.

    In that one form, and in one zone, the order of text is the order of time.
    """
    plain = nw.when(~text.str.contains(_SHIFTED)).then(text)
    return plain.str.replace_all("T", " ", literal=True).str.strip_chars("Z").max()


def newest_shifted(frame: Frame, column: str) -> Frame:
    """One row: the newest readable text with an offset, as whole seconds since 1970 in UTC."""
    text = nw.col(column)
    rows = frame.filter(text.str.contains(_SHIFTED) & readable(text)).select(
        text.alias(_TEXT), text.str.tail(6).alias(_TAIL)
    )
    # values with the same last six characters have the same offset, so that text can be compared
    newest_of_each = rows.group_by(_TAIL).agg(
        nw.col(_TEXT).str.replace_all("T", " ", literal=True).max()
    )
    return newest_of_each.select(_epoch_seconds(nw.col(_TEXT)).max())


def _epoch_seconds(text: nw.Expr) -> nw.Expr:
    clock = _part(text, 4) * 3600 + _part(text, 5) * 60 + _part(text, 6)
    offset = _part(text, 8) * 3600 + _part(text, 9) * 60
    east = text.str.replace_all(_PARTS, "$7") == "+"
    return _days(text) * 86_400 + clock + nw.when(east).then(-offset).otherwise(offset)


def _part(text: nw.Expr, group: int) -> nw.Expr:
    return text.str.replace_all(_PARTS, f"0${group}").cast(nw.Int64())


def _days(text: nw.Expr) -> nw.Expr:
    """Days since 1970-01-01 in the Gregorian calendar, counting years from March."""
    month = _part(text, 2)
    late = (month <= 2).cast(nw.Int64())
    year = _part(text, 1) - late
    from_march = month + 12 * late - 3
    in_year = (153 * from_march + 2) // 5 + _part(text, 3) - 1
    return year * 365 + year // 4 - year // 100 + year // 400 + in_year - 719_468
