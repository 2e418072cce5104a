"""The meaning of dates, timestamps and intervals."""

# ruff: noqa: E501

from __future__ import annotations

import re

from sqlglot import exp

from odibi_dagster.core import clock
from odibi_dagster.engines.sql import types
from odibi_dagster.engines.sql.bind import bind, binds, cast, to_kind
from odibi_dagster.engines.sql.bind_ops import folded
from odibi_dagster.engines.sql.catalogue import PARTS
from odibi_dagster.engines.sql.ir import Call, Expr, Lit
from odibi_dagster.engines.sql.scope import Context, text_of
from odibi_dagster.engines.sql.types import DATE, DUR, FLOAT, INT, STR, TS, TSTZ, SqlError

MONTHS = {"month": 1, "quarter": 3, "year": 12}
MICROS = {
    "microsecond": 1, "millisecond": 1_000, "second": 1_000_000, "minute": 60_000_000,
    "hour": 3_600_000_000, "day": 86_400_000_000, "week": 604_800_000_000,
}  # fmt: skip


def unit_of(node: exp.Expr | str | None, what: str) -> str:
    """A unit of time in the singular, lower case."""
    word = (node if isinstance(node, str) else node.name if node else "").lower()
    word = {"d": "day", "m": "minute", "h": "hour", "s": "second"}.get(word, word.removesuffix("s"))
    if word in MONTHS or word in MICROS:
        return word
    msg = f"{what}: '{word}' is no unit of time; write one of {', '.join((*MONTHS, *MICROS))}"
    raise SqlError(msg)


def moved(node: exp.Binary, context: Context) -> Expr | None:
    """Date arithmetic: a time plus or minus an interval or days, or the span between two times."""
    if isinstance(node, exp.Mul):
        return None
    sign = -1 if isinstance(node, exp.Sub) else 1
    if isinstance(node.right, exp.Interval):
        return shift(bind(node.left, context), node.right, sign, context)
    if isinstance(node.left, exp.Interval) and sign == 1:
        return shift(bind(node.right, context), node.left, sign, context)
    left, right = bind(node.left, context), bind(node.right, context)
    if isinstance(right, Call) and right.fn == "to_days" and types.is_time(left.type):
        return _added(cast(left, TS), "day", right.args[0], sign)
    if types.is_time(left.type) and types.is_time(right.type) and sign == -1:
        return _span(left, right)
    if left.type == DATE and right.type.name == "int":
        return Call(DATE, "add_days", (left, _signed(to_kind(right, "int", "+"), sign)))
    if right.type == DATE and left.type.name == "int" and sign == 1:
        return Call(DATE, "add_days", (right, to_kind(left, "int", "+")))
    return None


def _span(left: Expr, right: Expr) -> Expr:
    if left.type == right.type == DATE:
        return Call(INT, "days_between", (left, right))
    return Call(DUR, "ts_minus", (cast(left, TS), cast(right, TS)))


def _signed(count: Expr, sign: int) -> Expr:
    if isinstance(count, Lit) and isinstance(count.value, int):
        return Lit(INT, sign * count.value)
    return count if sign == 1 else Call(INT, "neg", (count,))


def shift(value: Expr, interval: exp.Interval, sign: int, context: Context) -> Expr:
    """A date or timestamp moved by an interval: a timestamp, as in DuckDB."""
    if value.type.name == "str" and isinstance(value, Lit):
        value = folded(value, TS)
    if not types.is_time(value.type):
        msg = f"an interval can be added to a date or timestamp, not to {value.type}"
        raise SqlError(msg)
    amount = bind(interval.this, context)
    unit = interval.args.get("unit")
    if isinstance(amount, Lit) and amount.type == STR:
        match = re.fullmatch(r"\s*(-?\d+)\s*([a-zA-Z]*)\s*", amount.value)
        if not match:
            msg = f"interval {amount.value!r} is not supported; write a whole number and one unit"
            raise SqlError(msg)
        amount, unit = Lit(INT, int(match[1])), match[2] or unit
    value = cast(value, TSTZ if value.type.name == "tstz" else TS)
    return _added(value, unit_of(unit, "interval"), to_kind(amount, "int", "interval"), sign)


def _added(value: Expr, unit: str, count: Expr, sign: int) -> Expr:
    if unit in MONTHS:
        months = Call(INT, "mul", (_signed(count, sign), Lit(INT, MONTHS[unit])))
        return Call(value.type, "add_months", (value, months))
    micros = Call(INT, "mul", (_signed(count, sign), Lit(INT, MICROS[unit])))
    return Call(value.type, "add_micros", (value, micros))


@binds(exp.DateAdd, exp.DateSub, keys=("this", "expression", "unit"))
def _date_add(node: exp.DateAdd | exp.DateSub, context: Context) -> Expr:
    sign = -1 if isinstance(node, exp.DateSub) else 1
    interval = node.expression
    if not isinstance(interval, exp.Interval):
        interval = exp.Interval(this=interval, unit=node.args.get("unit") or exp.Var(this="DAY"))
    return shift(bind(node.this, context), interval, sign, context)


@binds(exp.TimestampTrunc, exp.DateTrunc, keys=("this", "unit"))
def _trunc(node: exp.TimestampTrunc, context: Context) -> Expr:
    value = to_kind(bind(node.this, context), "time", "date_trunc")
    unit = unit_of(node.args.get("unit"), "date_trunc")
    if value.type == TSTZ:
        return Call(TSTZ, "date_trunc", (value,), (unit,))
    return Call(TS, "date_trunc", (cast(value, TS),), (unit,))


@binds(exp.DateDiff, exp.TimestampDiff, keys=("this", "expression", "unit"))
def _diff(node: exp.DateDiff, context: Context) -> Expr:
    end, start = (folded_time(bind(n, context)) for n in (node.this, node.expression))
    return Call(INT, "date_diff", (start, end), (unit_of(node.args.get("unit"), "date_diff"),))


def folded_time(value: Expr) -> Expr:
    """A quoted timestamp or any time as a timestamp."""
    if isinstance(value, Lit) and value.type == STR:
        value = folded(value, TS)
    return to_kind(value, "ts", "date_diff")


@binds(exp.TsOrDsToDate, keys=("this",))
def _of_spark(node: exp.TsOrDsToDate, context: Context) -> Expr:
    """What the parser puts around the argument of Spark's date functions."""
    return to_kind(bind(node.this, context), "time", "a date function")


@binds(exp.Extract)
def _extract(node: exp.Extract, context: Context) -> Expr:
    return part(node.this.name, bind(node.expression, context))


@binds("date_part", "datepart", keys=("expressions",))
def _date_part(node: exp.Anonymous, context: Context) -> Expr:
    name, value = node.expressions
    return part(name.name, bind(value, context))


def part(word: str, value: Expr) -> Expr:
    """One part of a date: year, month, dow (Sunday is 0), isodow (Monday is 1) ..."""
    name = PARTS.get(word.lower(), PARTS.get(word.lower().removesuffix("s"), ""))
    if not name:
        msg = f"extract: part '{word}' is not supported; write one of {', '.join(PARTS)}"
        raise SqlError(msg)
    if name == "epoch":
        return Call(FLOAT, "epoch", (to_kind(value, "ts", "epoch"),))
    return Call(INT, name, (to_kind(value, "time", "extract"),))


_CODES = re.compile(r"%.")
FORMAT_CODES = set("YmdHMSyjbBaAfIp%")


def checked_format(text: str) -> str:
    """A strftime format whose codes mean the same everywhere."""
    for code in _CODES.findall(text):
        if code[1] not in FORMAT_CODES:
            msg = f"format code {code} is not supported; use %Y %m %d %H %M %S %f %j %y %b %B %a %A %I %p"
            raise SqlError(msg)
    return text


@binds(exp.TimeToStr, keys=("this", "format"))
def _strftime(node: exp.TimeToStr, context: Context) -> Expr:
    text = checked_format(text_of(bind(node.args["format"], context), "the format"))
    return Call(STR, "strftime", (to_kind(bind(node.this, context), "ts", "strftime"),), (text,))


@binds(exp.StrToTime, keys=("this", "format"))
def _strptime(node: exp.StrToTime, context: Context) -> Expr:
    return _parsed(node.this, node.args["format"], context, strict=True)


@binds("try_strptime", keys=("expressions",))
def _try_strptime(node: exp.Anonymous, context: Context) -> Expr:
    value, format = node.expressions
    return _parsed(value, format, context, strict=False)


def _parsed(value: exp.Expr, format: exp.Expr, context: Context, *, strict: bool) -> Expr:
    text = checked_format(text_of(bind(format, context), "the format"))
    if set(_CODES.findall(text)) - {"%Y", "%m", "%d", "%H", "%M", "%S", "%y", "%b", "%B", "%%"}:
        msg = f"strptime format {text!r} is not supported; use %Y %m %d %H %M %S %y %b %B"
        raise SqlError(msg)
    return Call(TS, "strptime", (to_kind(bind(value, context), "str", "strptime"),), (text, strict))


@binds(exp.UnixToTime, keys=("this", "scale"))
def _from_unix(node: exp.UnixToTime, context: Context) -> Expr:
    value = bind(node.this, context)
    scale = node.args.get("scale")
    if scale is None:
        seconds = to_kind(value, "float", "to_timestamp")
        return Call(TSTZ, "from_epoch", (seconds,))
    if value.type.name in ("date", "ts"):
        return Call(INT, "epoch_ms", (cast(value, TS),))
    micros = Call(
        INT, "mul", (to_kind(value, "int", "epoch_ms"), Lit(INT, 10 ** (6 - int(scale.name))))
    )
    return Call(TS, "from_micros", (micros,))


@binds(exp.CurrentDate, exp.CurrentTimestamp, "now", keys=())
def _now(node: exp.Expr, _: Context) -> Expr:
    moment = clock.now()
    return Lit(DATE, moment.date()) if isinstance(node, exp.CurrentDate) else Lit(TSTZ, moment)


@binds(exp.AtTimeZone, keys=("this", "zone"))
def _at_zone(node: exp.AtTimeZone, context: Context) -> Expr:
    value = to_kind(bind(node.this, context), "time", "AT TIME ZONE")
    zone = text_of(bind(node.args["zone"], context), "the time zone")
    if value.type == TSTZ:
        return Call(TS, "to_zone", (value,), (zone,))
    return Call(TSTZ, "from_zone", (cast(value, TS),), (zone,))
