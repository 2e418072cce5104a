"""Named functions on Spark: one row per function. Polars has a table of the same rows."""

# ruff: noqa: E501, N812, PLW0108

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from pyspark.sql import Column
from pyspark.sql import functions as F

from odibi_dagster.engines.sql.casts_spark import cast, lit, rounded
from odibi_dagster.engines.sql.regex import BOUNDARY
from odibi_dagster.engines.sql.spark_spark import SPARK_FUNCTIONS
from odibi_dagster.engines.sql.types import Type

C = Column
_WORD = "[0-9A-Za-z_]"
_JAVA_BOUNDARY = f"(?:(?<!{_WORD})(?={_WORD})|(?<={_WORD})(?!{_WORD}))"


def _java(pattern: str) -> str:
    return "(?d)" + pattern.replace(BOUNDARY, _JAVA_BOUNDARY)


def _case(*parts: C) -> C:
    *pairs, default = parts
    chain: Any = F
    for when, value in zip(pairs[::2], pairs[1::2], strict=True):
        chain = chain.when(when, value)
    result: C = chain.otherwise(default)
    return result


def _div(a: C, b: C) -> C:
    zero = (
        F.when(F.isnan(a) | (a == 0), float("nan"))
        .when(a > 0, float("inf"))
        .when(a < 0, float("-inf"))
    )
    return F.when(b == 0, zero).otherwise(a / F.when(b != 0, b))


def _list_join(value: C, separator: str) -> C:
    some = (F.size(value) == 0) | (F.size(F.array_compact(value)) > 0)
    return F.when(some, F.array_join(value, separator))


def _intdiv(a: C, b: C) -> C:
    return F.call_function("div", a, F.when(b != 0, b))


def _floor(value: C) -> C:
    near = F.rint(value)
    return F.when(near > value, near - 1).otherwise(near)


def _ceil(value: C) -> C:
    near = F.rint(value)
    return F.when(near < value, near + 1).otherwise(near)


def _trunc(value: C) -> C:
    return F.when(value < 0, _ceil(value)).otherwise(_floor(value))


def _round(value: C, places: int, type: Type) -> C:
    if type.name == "int":
        if places >= 0:
            return value
        unit = 10**-places
        whole: C = F.round(value.cast("decimal(20,0)") / unit, 0).cast("bigint") * unit
        return whole
    return rounded(value, places) if type.name == "float" else F.round(value, places)


def _sign(value: C) -> C:
    return (
        F.when(F.isnan(value.cast("double")), 0)
        .when(value > 0, 1)
        .when(value < 0, -1)
        .when(value.isNotNull(), 0)
        .cast("bigint")
    )


def _nan_where(bad: C, value: C, wrong: float) -> C:
    return F.when(bad, F.lit(wrong)).otherwise(value)


def _ln(value: C) -> C:
    fits = F.when(value > 0, value)
    return (
        F.when(F.isnan(value) | (value < 0), float("nan"))
        .when(value == 0, float("-inf"))
        .otherwise(F.ln(fits))
    )


def _log(value: C, base: float) -> C:
    scaled = (
        F.log10(F.when(value > 0, value)) if base == 10 else F.log(base, F.when(value > 0, value))
    )
    return (
        F.when(F.isnan(value) | (value < 0), float("nan"))
        .when(value == 0, float("-inf"))
        .otherwise(scaled)
    )


def _substring(value: C, start: C, length: C | None = None) -> C:
    size = F.length(value)
    first = F.when(start > 0, start - 1).when(start < 0, size + start).otherwise(-1)
    begin = F.greatest(first, F.lit(0))
    end = size if length is None else first + length
    span = F.greatest(end - begin, F.lit(0))
    known = start.isNotNull() if length is None else start.isNotNull() & length.isNotNull()
    return F.when(
        known, F.substr(value, (begin + 1).cast("int"), F.least(span, F.lit(2**31 - 1)).cast("int"))
    )


def _left(value: C, count: C) -> C:
    wanted = F.when(count < 0, F.length(value) + count).otherwise(count)
    return F.substr(value, F.lit(1), F.greatest(wanted, F.lit(0)).cast("int"))


def _right(value: C, count: C) -> C:
    start = F.when(count < 0, -count).otherwise(F.greatest(F.length(value) - count, F.lit(0)))
    return F.substr(value, (start + 1).cast("int"))


def _trim(value: C, side: str, chars: str) -> C:
    trims: dict[str, Callable[..., C]] = {"BOTH": F.btrim, "LEADING": F.ltrim, "TRAILING": F.rtrim}
    return trims[side](value, F.lit(chars))


def _split(value: C, separator: str) -> C:
    if not separator:
        return F.when(value == "", F.array(F.lit(""))).otherwise(
            F.regexp_extract_all(value, F.lit("(?s)."), F.lit(0))
        )
    return F.split(value, re.sub(r"([^0-9A-Za-z ])", r"\\\1", separator), -1)


def _split_part(value: C, separator: str, index: int) -> C:
    if index == 0:
        return F.when(value.isNotNull(), "")
    part = F.try_element_at(_split(value, separator), F.lit(index))
    return F.when(value.isNotNull(), F.coalesce(part, F.lit("")))


def _regex_replace(value: C, pattern: str, into: tuple[str | int, ...], every: bool) -> C:
    def text(shift: int) -> str:
        return "".join(
            f"${p + shift}" if isinstance(p, int) else re.sub(r"([\\$])", r"\\\1", p) for p in into
        )

    if every:
        return F.regexp_replace(value, _java(pattern), text(0))
    if 0 in into:
        first = f"^([\\s\\S]*?)({_java(pattern)})"
        return F.regexp_replace(value, first, "$1" + text(2).replace("$2", "$2"))
    return F.regexp_replace(value, f"^([\\s\\S]*?)(?:{_java(pattern)})", "$1" + text(1))


def _json_text(value: C, path: tuple[str | int, ...]) -> C:
    steps = "".join(f"[{p}]" if isinstance(p, int) else f"['{p}']" for p in path)
    return F.get_json_object(value, f"${steps}")


def _add_months(value: C, months: C) -> C:
    return value + F.make_interval(F.lit(0), months.cast("int"))


_DAY = 86_400_000_000


def _add_micros(value: C, micros: C) -> C:
    days, rest = F.call_function("div", micros, F.lit(_DAY)), micros % _DAY
    seconds = (rest.cast("decimal(18,6)") / F.lit(1_000_000)).cast("decimal(18,6)")
    return value + F.make_dt_interval(days.cast("int"), F.lit(0), F.lit(0), seconds)


_EVERY = {
    "day": _DAY, "hour": 3_600_000_000, "minute": 60_000_000, "second": 1_000_000,
    "millisecond": 1_000, "microsecond": 1,
}  # fmt: skip


def _micros(value: C) -> C:
    return F.unix_micros(value.cast("timestamp"))


def _date_diff(start: C, end: C, unit: str) -> C:
    def at(value: C) -> C:
        year, month = F.year(value).cast("bigint"), F.month(value).cast("bigint")
        if unit in ("year", "quarter", "month"):
            return {
                "year": year,
                "quarter": year * 4 + F.quarter(value),
                "month": year * 12 + month,
            }[unit]
        micros = _micros(value)
        return F.call_function(
            "div", micros - F.pmod(micros, F.lit(_EVERY[unit])), F.lit(_EVERY[unit])
        )

    if unit == "week":
        return _intdiv(_date_diff(start, end, "day"), F.lit(7))
    return at(end) - at(start)


_JAVA_CODES = {
    "%Y": "yyyy", "%m": "MM", "%d": "dd", "%H": "HH", "%M": "mm", "%S": "ss", "%y": "yy", "%j": "DDD",
    "%b": "MMM", "%B": "MMMM", "%a": "EEE", "%A": "EEEE", "%f": "SSSSSS", "%I": "hh", "%p": "a", "%%": "%",
}  # fmt: skip


def java_format(text: str) -> str:
    """A strftime format as Java writes it."""
    parts = re.split(r"(%.)", text)
    return "".join(
        _JAVA_CODES[p]
        if p in _JAVA_CODES
        else "'" + p.replace("'", "''") + "'"
        if re.search("[A-Za-z']", p)
        else p
        for p in parts
    )


def _parse_format(text: str) -> str:
    """The format for reading: a lone number may have one digit, as in strptime."""
    java = java_format(text)
    if re.search(r"%[YmdHMSy]%[YmdHMSy]", text):
        return java
    return re.sub(r"MM(?!M)(?<!MMM)|dd|HH|mm|ss", lambda found: found[0][0], java)


def _strptime(value: C, text: str, strict: bool) -> C:
    clean, pattern = F.btrim(value), _parse_format(text)
    read = F.to_timestamp(clean, pattern) if strict else F.try_to_timestamp(clean, F.lit(pattern))
    return read.cast("timestamp_ntz")


def _list_contains(value: C, item: C) -> C:
    known = value.isNotNull() & item.isNotNull()
    return F.when(known, F.coalesce(F.array_contains(value, item), F.lit(False)))


def _list_get(value: C, index: int) -> C:
    return (
        F.get(value, F.lit(None).cast("int"))
        if index == 0
        else F.try_element_at(value, F.lit(index))
    )


def _list_sum(value: C) -> C:
    known = F.array_compact(value)
    return F.when(
        F.size(known) > 0,
        F.aggregate(
            F.slice(known, 2, F.greatest(F.size(known) - 1, F.lit(0))),
            F.try_element_at(known, F.lit(1)),
            lambda a, b: a + b,
        ),
    )


def _list_avg(value: C) -> C:
    known = F.array_compact(F.transform(value, lambda x: x.cast("double")))
    return _list_sum(known) / F.when(F.size(known) > 0, F.size(known))


def _is_in(value: C, known: tuple[Any, ...], type: Type) -> C:
    return (
        value.isin(*(lit(one, type) for one in known))
        if known
        else F.when(value.isNotNull(), False)
    )


def _int(value: C) -> C:
    return value.cast("bigint")


def _bytes(value: C) -> C:
    return value.cast("binary")


FUNCTIONS: dict[str, Callable[..., C]] = {
    "eq": lambda a, b: a == b, "ne": lambda a, b: a != b, "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b, "gt": lambda a, b: a > b, "ge": lambda a, b: a >= b,
    "same": lambda a, b: a.eqNullSafe(b), "differs": lambda a, b: ~a.eqNullSafe(b),
    "and": lambda a, b: a & b, "or": lambda a, b: a | b, "not": lambda a: ~a,
    "is_null": lambda a: a.isNull(), "is_not_null": lambda a: a.isNotNull(),
    "case": _case, "coalesce": F.coalesce, "in": _is_in,
    "greatest": lambda *a: F.greatest(*a) if len(a) > 1 else a[0],
    "least": lambda *a: F.least(*a) if len(a) > 1 else a[0], "cast": cast,
    "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b,
    "div": _div, "intdiv": _intdiv, "mod": lambda a, b: a % F.when(b != 0, b), "neg": lambda a: -a,
    "abs": F.abs, "ceil": _ceil, "floor": _floor, "trunc": _trunc, "round": _round, "sign": _sign,
    "sqrt": F.sqrt, "exp": F.exp, "ln": _ln, "log": _log, "pow": F.pow, "sin": F.sin, "cos": F.cos,
    "tan": F.tan, "asin": F.asin, "acos": F.acos, "atan": F.atan, "atan2": F.atan2,
    "radians": F.radians, "degrees": F.degrees,
    "is_nan": lambda a: F.when(a.isNotNull(), F.isnan(a)),
    "is_inf": lambda a: F.abs(a) == float("inf"),
    "is_finite": lambda a: F.when(a.isNotNull(), ~F.isnan(a) & (F.abs(a) != float("inf"))),
    "upper": F.upper, "lower": F.lower, "reverse": F.reverse, "length": lambda a: _int(F.length(a)),
    "left": _left, "right": _right, "replace": F.replace,
    "strpos": lambda a, b: _int(F.position(b, a)), "starts_with": F.startswith,
    "ends_with": F.endswith, "contains": F.contains,
    "repeat": lambda a, n: F.repeat(a, n.cast("int")), "split": _split, "split_part": _split_part,
    "ascii": lambda a: _int(F.ascii(a)), "translate": lambda a, old, new: F.translate(a, old, new),
    "concat": F.concat, "trim": _trim, "substring": _substring,
    "concat_ws": lambda *a: F.concat_ws(a[-1], *a[:-1]),
    "lpad": lambda a, n, fill: F.lpad(a, n, fill), "rpad": lambda a, n, fill: F.rpad(a, n, fill),
    "md5": lambda a: F.md5(_bytes(a)), "sha1": lambda a: F.sha1(_bytes(a)),
    "sha256": lambda a: F.sha2(_bytes(a), 256), "regex_like": lambda a, p: a.rlike(_java(p)),
    "regex_replace": _regex_replace,
    "regex_extract": lambda a, p, group: F.regexp_extract(a, _java(p), group),
    "regex_extract_all": lambda a, p: F.regexp_extract_all(a, F.lit(_java(p)), F.lit(0)),
    "json_text": _json_text, "struct_field": lambda a, name: a.getField(name),
    "list_join": _list_join, "list_len": lambda a: _int(F.array_size(a)),
    "list_sort": lambda a: F.array_sort(a), "list_distinct": lambda a: F.array_distinct(F.array_compact(a)),
    "list_sum": _list_sum, "list_min": F.array_min, "list_max": F.array_max, "list_avg": _list_avg,
    "list_reverse": F.reverse, "list_get": _list_get, "list_contains": _list_contains,
    "list_of": lambda *a: F.array(*a),
    "year": lambda a: _int(F.year(a)), "month": lambda a: _int(F.month(a)),
    "day": lambda a: _int(F.dayofmonth(a)), "quarter": lambda a: _int(F.quarter(a)),
    "week": lambda a: _int(F.weekofyear(a)), "dow": lambda a: _int(F.dayofweek(a)) - 1,
    "isodow": lambda a: _int(F.weekday(a)) + 1, "doy": lambda a: _int(F.dayofyear(a)),
    "isoyear": lambda a: _int(F.extract(F.lit("YEAROFWEEK"), a)), "hour": lambda a: _int(F.hour(a)),
    "minute": lambda a: _int(F.minute(a)), "second": lambda a: _int(F.second(a)),
    "epoch": lambda a: _micros(a) / 1_000_000, "epoch_us": _micros,
    "epoch_ms": lambda a: F.unix_millis(a.cast("timestamp")),
    "dayname": lambda a: F.date_format(a, "EEEE"), "monthname": lambda a: F.date_format(a, "MMMM"),
    "last_day": F.last_day,
    "make_date": lambda y, m, d: F.make_date(y.cast("int"), m.cast("int"), d.cast("int")),
    "to_days": lambda a: a, "add_days": lambda a, n: F.date_add(a, n.cast("int")),
    "days_between": lambda a, b: _int(F.datediff(a, b)), "ts_minus": lambda a, b: a - b,
    "add_months": _add_months, "add_micros": _add_micros,
    "date_trunc": lambda a, unit: F.date_trunc(unit, a), "date_diff": _date_diff,
    "strftime": lambda a, text: F.date_format(a, java_format(text)), "strptime": _strptime,
    "from_epoch": lambda a: F.timestamp_micros(F.rint(a * 1_000_000).cast("bigint")),
    "from_micros": lambda a: F.timestamp_micros(a).cast("timestamp_ntz"),
    "to_zone": lambda a, zone: F.from_utc_timestamp(a, zone).cast("timestamp_ntz"),
    "from_zone": lambda a, zone: F.to_utc_timestamp(a.cast("timestamp"), zone),
    **SPARK_FUNCTIONS,
}  # fmt: skip
