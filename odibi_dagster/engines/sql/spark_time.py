"""Dates, timestamps and their formats as Spark SQL has them; the session's time zone is UTC."""

# ruff: noqa: E501

from __future__ import annotations

import re

from sqlglot import exp

from odibi_dagster.engines.sql import types
from odibi_dagster.engines.sql.bind import bind, binds, cast, to_kind
from odibi_dagster.engines.sql.bind_ops import folded
from odibi_dagster.engines.sql.bind_time import MICROS, MONTHS, unit_of
from odibi_dagster.engines.sql.ir import Call, Expr, Lit
from odibi_dagster.engines.sql.scope import Context, text_of
from odibi_dagster.engines.sql.spark_ops import spark_cast
from odibi_dagster.engines.sql.types import DATE, DUR, INT, STR, TS, TSTZ, SqlError


def _date(node: exp.Expr, context: Context) -> Expr:
    """An argument as a date: a date, a timestamp, or a quoted ISO date."""
    while isinstance(node, exp.TsOrDsToDate) and not node.args.get("safe"):
        node = node.this
    value = bind(node, context)
    if isinstance(value, Lit) and value.type == STR and value.value is not None:
        value = folded(value, DATE)
    if value.type.name == "str":
        msg = "a date function takes a date or timestamp; write to_date(x) around a text"
        raise SqlError(msg)
    value = to_kind(value, "time", "a date function")
    return value if value.type == DATE else spark_cast(value, DATE)


def _count(node: exp.Expr, context: Context) -> Expr:
    return to_kind(bind(node, context), "int", "a date function")


@binds(exp.TsOrDsAdd, keys=("this", "expression", "unit"), spark=True)
def _date_add(node: exp.TsOrDsAdd, context: Context) -> Expr:
    if unit_of(node.args.get("unit"), "date_add") != "day":
        msg = "date_add counts days; write x + INTERVAL n MONTH for more"
        raise SqlError(msg)
    return Call(DATE, "add_days", (_date(node.this, context), _count(node.expression, context)))


@binds(exp.DateDiff, spark=True)
def _datediff(node: exp.DateDiff, context: Context) -> Expr:
    return Call(INT, "days_between", (_date(node.this, context), _date(node.expression, context)))


@binds(exp.AddMonths, spark=True)
def _add_months(node: exp.AddMonths, context: Context) -> Expr:
    day = cast(_date(node.this, context), TS)
    moved = Call(TS, "add_months", (day, _count(node.expression, context)))
    return spark_cast(moved, DATE)


def spark_moved(node: exp.Binary, context: Context) -> Expr | None:
    """A time plus or minus an interval or days, or the span between two times."""
    if isinstance(node, exp.Mul):
        return None
    sign = -1 if isinstance(node, exp.Sub) else 1
    if isinstance(node.right, exp.Interval):
        return _shifted(bind(node.left, context), node.right, sign)
    if isinstance(node.left, exp.Interval) and sign == 1:
        return _shifted(bind(node.right, context), node.left, sign)
    left, right = bind(node.left, context), bind(node.right, context)
    if not types.is_time(left.type):
        return None
    if types.is_time(right.type) and sign == -1:
        return Call(DUR, "ts_minus", (_as_ts(left), _as_ts(right)))
    if left.type == DATE and right.type.name == "int":
        days = to_kind(right, "int", "+")
        return Call(DATE, "add_days", (left, days if sign == 1 else Call(INT, "neg", (days,))))
    msg = f"'{node.sql('spark')[:60]}' is not supported; write date_add(x, n) or an INTERVAL"
    raise SqlError(msg)


def _as_ts(value: Expr) -> Expr:
    return value if value.type == TS else spark_cast(value, TS)


def _shifted(value: Expr, interval: exp.Interval, sign: int) -> Expr:
    if not types.is_time(value.type):
        msg = f"an interval can be added to a date or timestamp, not to {value.type}"
        raise SqlError(msg)
    match = re.fullmatch(
        r"\s*(-?\d+)\s*([a-zA-Z]*)\s*", interval.this.name if interval.this else ""
    )
    if not match or not isinstance(interval.this, exp.Literal):
        msg = "an interval is a whole number and one unit here: INTERVAL 3 DAY"
        raise SqlError(msg)
    unit = unit_of(match[2] or interval.args.get("unit"), "interval")
    amount = sign * int(match[1])
    is_date = value.type == DATE
    if unit in MONTHS:
        moved = Call(
            TS if is_date else value.type, "add_months",
            (cast(value, TS) if is_date else value, Lit(INT, amount * MONTHS[unit])),
        )  # fmt: skip
        return spark_cast(moved, DATE) if is_date else moved
    if is_date and unit in ("day", "week"):
        return Call(DATE, "add_days", (value, Lit(INT, amount * (7 if unit == "week" else 1))))
    start = spark_cast(value, TSTZ) if is_date else value
    return Call(start.type, "add_micros", (start, Lit(INT, amount * MICROS[unit])))


@binds(exp.TimestampTrunc, keys=("this", "unit"), spark=True)
def _date_trunc(node: exp.TimestampTrunc, context: Context) -> Expr:
    value = to_kind(bind(node.this, context), "time", "date_trunc")
    unit = unit_of(node.args.get("unit"), "date_trunc")
    return Call(TSTZ, "date_trunc", (spark_cast(value, TSTZ),), (unit,))


@binds(exp.DateTrunc, keys=("this", "unit"), spark=True)
def _trunc(node: exp.DateTrunc, context: Context) -> Expr:
    word = node.args["unit"].name.lower()
    unit = {"mm": "month", "mon": "month", "yy": "year", "yyyy": "year"}.get(word, word)
    if unit not in ("year", "quarter", "month", "week"):
        msg = f"trunc(date, '{word}'): write 'year', 'quarter', 'month' or 'week'"
        raise SqlError(msg)
    day = cast(_date(node.this, context), TS)
    return spark_cast(Call(TS, "date_trunc", (day,), (unit,)), DATE)


PARTS = {
    "year": "year", "quarter": "quarter", "month": "month", "week": "week", "day": "day",
    "doy": "doy", "dayofyear": "doy", "dow": "spark_dayofweek", "dayofweek": "spark_dayofweek",
    "dayofweek_iso": "isodow", "dow_iso": "isodow", "yearofweek": "isoyear", "hour": "hour",
    "minute": "minute",
}  # fmt: skip


@binds(exp.Extract, spark=True)
def _extract(node: exp.Extract, context: Context) -> Expr:
    return _part(node.this.name, bind(node.expression, context))


@binds("date_part", "datepart", keys=("expressions",), spark=True)
def _date_part(node: exp.Anonymous, context: Context) -> Expr:
    name, value = node.expressions
    return _part(name.name, bind(value, context))


def _part(word: str, value: Expr) -> Expr:
    name = PARTS.get(word.lower())
    if name is None:
        msg = f"extract: part '{word}' is not supported in the spark dialect; write one of {', '.join(PARTS)}"
        raise SqlError(msg)
    return Call(INT, name, (to_kind(value, "time", "extract"),))


_CODE = re.compile(r"%(?:[YmdHMSybBaA])(?:strict)?")
_READ = {"%Y", "%mstrict", "%dstrict", "%Hstrict", "%Mstrict", "%Sstrict"}
_WRITTEN = _READ | {"%y", "%b", "%B", "%a", "%A"}


def _format(node: exp.Expr, known: set[str], what: str) -> str:
    """Spark's pattern, which the parser has turned into strftime codes, checked and plain."""
    text = node.name
    rest = _CODE.sub("", text)
    if set(_CODE.findall(text)) - known or "%" in rest or re.search(r"[A-Za-z']", rest):
        words = "yyyy, MM, dd, HH, mm and ss"
        words += "" if known is _READ else ", yy, MMM, MMMM, E and EEEE"
        msg = f"{what}: this date pattern is not supported in the spark dialect; use {words}"
        raise SqlError(msg)
    return text.replace("strict", "")


@binds(exp.TsOrDsToDate, keys=("this", "format", "safe"), spark=True)
def _to_date(node: exp.TsOrDsToDate, context: Context) -> Expr:
    if not node.args.get("safe"):
        return to_kind(bind(node.this, context), "time", "a date function")
    return _read(bind(node.this, context), node.args.get("format"), types.DATE)


@binds(exp.StrToTime, keys=("this", "format"), spark=True)
def _to_timestamp(node: exp.StrToTime, context: Context) -> Expr:
    return _read(bind(node.this, context), node.args.get("format"), TSTZ)


def _read(value: Expr, format: exp.Expr | None, to: types.Type) -> Expr:
    if format is None or types.is_time(value.type):
        return spark_cast(value, to)
    text = _format(format, _READ, "to_date and to_timestamp")
    made = Call(TSTZ, "spark_strptime", (to_kind(value, "str", "to_timestamp"),), (text,))
    return spark_cast(made, to)


@binds(exp.TimeStrToTime, keys=("this",), spark=True)
def _time(node: exp.TimeStrToTime, context: Context) -> Expr:
    """What the parser puts around the argument of date_format."""
    return to_kind(bind(node.this, context), "time", "date_format")


@binds(exp.TimeToStr, keys=("this", "format"), spark=True)
def _date_format(node: exp.TimeToStr, context: Context) -> Expr:
    text = _format(node.args["format"], _WRITTEN, "date_format")
    return Call(STR, "strftime", (_as_ts(bind(node.this, context)),), (text,))


@binds(exp.StrToUnix, keys=("this", "format"), spark=True)
def _unix_timestamp(node: exp.StrToUnix, context: Context) -> Expr:
    if node.this is None:
        msg = "unix_timestamp takes an argument here; write unix_timestamp(current_timestamp())"
        raise SqlError(msg)
    moment = _read(bind(node.this, context), node.args.get("format"), TSTZ)
    return Call(INT, "spark_unix_seconds", (moment,))


@binds(exp.UnixToStr, keys=("this", "format"), spark=True)
def _from_unixtime(node: exp.UnixToStr, context: Context) -> Expr:
    text = _format(node.args["format"], _WRITTEN, "from_unixtime")
    moment = Call(TSTZ, "spark_from_seconds", (_count(node.this, context),))
    return Call(STR, "strftime", (_as_ts(moment),), (text,))


__all__ = ["spark_moved", "text_of"]
