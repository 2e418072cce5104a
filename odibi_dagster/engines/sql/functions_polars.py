"""Named functions on Polars: one row per function. Spark has a table of the same rows."""

# ruff: noqa: E501, PLW0108

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from functools import reduce
from typing import Any

import polars as pl

from odibi_dagster.engines.sql.casts_polars import cast, dtype
from odibi_dagster.engines.sql.regex import BOUNDARY
from odibi_dagster.engines.sql.spark_polars import SPARK_FUNCTIONS
from odibi_dagster.engines.sql.types import Type

E = pl.Expr


def _rust(pattern: str) -> str:
    return pattern.replace(BOUNDARY, r"(?-u:\b)")


def _case(*parts: E) -> E:
    *pairs, default = parts
    chain: Any = pl
    for when, value in zip(pairs[::2], pairs[1::2], strict=True):
        chain = chain.when(when).then(value)
    result: E = chain.otherwise(default)
    return result


def _div(a: E, b: E) -> E:
    # Polars turns a division by a constant into a product with its inverse: another last digit
    return a / (a.is_not_null().cast(pl.Int8) * b)


def _list_join(value: E, separator: str) -> E:
    some = (value.list.len() == 0) | (value.list.drop_nulls().list.len() > 0)
    return pl.when(some).then(value.list.join(separator, ignore_nulls=True))


def _intdiv(a: E, b: E) -> E:
    quotient = a.abs() // pl.when(b != 0).then(b.abs())
    return pl.when((a < 0) != (b < 0)).then(-quotient).otherwise(quotient)


def _mod(a: E, b: E) -> E:
    rest = a.abs() % pl.when(b != 0).then(b.abs())
    return pl.when(a < 0).then(-rest).otherwise(rest)


def _round(value: E, places: int, type: Type) -> E:
    if type.name == "int":
        if places >= 0:
            return value
        unit = 10**-places
        half = (value.abs() + unit // 2) // unit * unit
        return pl.when(value < 0).then(-half).otherwise(half)
    if places < 0:
        unit = float(10**-places)
        scaled = (value.cast(pl.Float64) / unit).round(0, mode="half_away_from_zero") * unit
        return scaled if type.name == "float" else scaled.cast(pl.Decimal(38, 0))
    rounded = value.round(places, mode="half_away_from_zero")
    return (
        rounded
        if type.name == "float"
        else rounded.cast(pl.Decimal(type.args[0], min(places, type.args[1])))
    )


def _nan_last(fn: Callable[..., E]) -> Callable[..., E]:
    def extreme(*values: E) -> E:
        return fn(*values)

    return extreme


def _greatest(*values: E) -> E:
    return reduce(lambda a, b: pl.when(b.is_null() | (a >= b)).then(a).otherwise(b), values)


def _least(*values: E) -> E:
    return reduce(lambda a, b: pl.when(b.is_null() | (a <= b)).then(a).otherwise(b), values)


def _substring(value: E, start: E, length: E | None = None) -> E:
    size = value.str.len_chars().cast(pl.Int64)
    first = (
        pl.when(start > 0).then(start - 1).when(start < 0).then(size + start).otherwise(pl.lit(-1))
    )
    end = size if length is None else first + length
    begin = pl.max_horizontal(first, pl.lit(0))
    span = pl.max_horizontal(end - begin, pl.lit(0))
    known = start.is_not_null() if length is None else start.is_not_null() & length.is_not_null()
    return pl.when(known).then(value.str.slice(begin, span))


def _strpos(value: E, part: E) -> E:
    before = value.str.head(0)
    at = value.str.find(part, literal=True)
    _ = before
    head = value.cast(pl.Binary).bin.slice(0, at).cast(pl.String)
    return pl.when(value.is_not_null() & part.is_not_null()).then(
        pl.when(at.is_not_null()).then(head.str.len_chars().cast(pl.Int64) + 1).otherwise(0)
    )


def _pad(value: E, width: int, fill: str, *, left: bool) -> E:
    cut = value.str.slice(0, width)
    need = pl.lit(width) - cut.str.len_chars().cast(pl.Int64)
    padding = pl.lit(fill * width).str.slice(0, need)
    return padding + cut if left else cut + padding


def _trim(value: E, side: str, chars: str) -> E:
    strip = {
        "BOTH": value.str.strip_chars, "LEADING": value.str.strip_chars_start,
        "TRAILING": value.str.strip_chars_end,
    }[side]  # fmt: skip
    return strip(chars)


def _split(value: E, separator: str) -> E:
    if separator:
        return value.str.split(separator)
    return pl.when(value == "").then(pl.lit([""])).otherwise(value.str.extract_all("(?s)."))


def _split_part(value: E, separator: str, index: int) -> E:
    if index == 0:
        return pl.when(value.is_not_null()).then(pl.lit(""))
    at = index - 1 if index > 0 else index
    return pl.when(value.is_not_null()).then(
        _split(value, separator).list.get(at, null_on_oob=True).fill_null("")
    )


def _regex_replace(value: E, pattern: str, into: tuple[str | int, ...], every: bool) -> E:
    text = "".join(
        "${" + str(p) + "}" if isinstance(p, int) else p.replace("$", "$$") for p in into
    )
    return (
        value.str.replace_all(_rust(pattern), text)
        if every
        else value.str.replace(_rust(pattern), text)
    )


def _regex_extract(value: E, pattern: str, group: int) -> E:
    found = value.str.extract(_rust(pattern), group).fill_null("")
    return pl.when(value.is_not_null()).then(found)


def _hashed(name: str) -> Callable[[E], E]:
    def digest(text: str) -> str:
        return hashlib.new(name, text.encode(), usedforsecurity=False).hexdigest()

    def column(value: E) -> E:
        return value.map_elements(digest, return_dtype=pl.String, skip_nulls=True)

    return column


def _add_months(value: E, months: E) -> E:
    return value.dt.offset_by(pl.concat_str(months.cast(pl.String), pl.lit("mo")))


_UNIT = {
    "year": "1y", "quarter": "1q", "month": "1mo", "week": "1w", "day": "1d", "hour": "1h",
    "minute": "1m", "second": "1s", "millisecond": "1ms", "microsecond": "1us",
}  # fmt: skip
_EVERY = {
    "day": 86_400_000_000, "hour": 3_600_000_000, "minute": 60_000_000,
    "second": 1_000_000, "millisecond": 1_000, "microsecond": 1,
}  # fmt: skip


def _date_diff(start: E, end: E, unit: str) -> E:
    def at(value: E) -> E:
        year, month = value.dt.year().cast(pl.Int64), value.dt.month().cast(pl.Int64)
        if unit in ("year", "quarter", "month"):
            return {
                "year": year,
                "quarter": year * 4 + (month - 1) // 3,
                "month": year * 12 + month,
            }[unit]
        return value.dt.epoch("us") // _EVERY[unit]

    if unit == "week":
        return _intdiv(_date_diff(start, end, "day"), pl.lit(7))
    return at(end) - at(start)


def _dow(value: E) -> E:
    return value.dt.weekday().cast(pl.Int64) % 7


def _strftime(value: E, text: str) -> E:
    return value.dt.to_string(text.replace("%f", "%6f"))


def _strptime(value: E, text: str, strict: bool) -> E:
    value = value.str.strip_chars(" ")
    has_time = any(code in text for code in ("%H", "%M", "%S"))
    if has_time:
        return value.str.to_datetime(text, time_unit="us", strict=strict)
    return value.str.to_date(text, strict=strict).cast(pl.Datetime("us"))


def _json_text(value: E, path: tuple[str | int, ...]) -> E:
    steps = "".join(f"[{p}]" if isinstance(p, int) else f"['{p}']" for p in path)
    return value.str.json_path_match(f"${steps}")


def _list_get(value: E, index: int) -> E:
    # DuckDB counts from 1, from the end with a negative index; there is no item 0
    past = 2**31 if index == 0 else index - 1 if index > 0 else index
    return value.list.get(past, null_on_oob=True)


def _list_contains(value: E, item: E) -> E:
    return pl.when(value.is_not_null() & item.is_not_null()).then(
        value.list.contains(item, nulls_equal=False).fill_null(False)
    )


def _translate(value: E, old: str, new: str) -> E:
    pairs: dict[str, str] = {}
    for at, char in enumerate(old):
        pairs.setdefault(char, new[at] if at < len(new) else "")
    return value.str.replace_many(list(pairs), list(pairs.values()))


def _ascii(value: E) -> E:
    return value.map_elements(lambda text: ord(text[0]) if text else 0, return_dtype=pl.Int64)


def _is_in(value: E, known: tuple[Any, ...], type: Type) -> E:
    return value.is_in(pl.lit(list(known), dtype=pl.List(dtype(type))))


def _int(value: E) -> E:
    return value.cast(pl.Int64)


FUNCTIONS: dict[str, Callable[..., E]] = {
    "eq": lambda a, b: a == b, "ne": lambda a, b: a != b, "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b, "gt": lambda a, b: a > b, "ge": lambda a, b: a >= b,
    "same": lambda a, b: a.eq_missing(b), "differs": lambda a, b: a.ne_missing(b),
    "and": lambda a, b: a & b, "or": lambda a, b: a | b, "not": lambda a: ~a,
    "is_null": lambda a: a.is_null(), "is_not_null": lambda a: a.is_not_null(),
    "case": _case, "coalesce": lambda *a: pl.coalesce(*a), "in": _is_in,
    "greatest": _greatest, "least": _least, "cast": cast,
    "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b,
    "div": _div, "intdiv": _intdiv, "mod": _mod, "neg": lambda a: -a,
    "abs": lambda a: a.abs(), "ceil": lambda a: a.ceil(), "floor": lambda a: a.floor(),
    "trunc": lambda a: pl.when(a < 0).then(a.ceil()).otherwise(a.floor()),
    "round": _round, "sign": lambda a: _int(pl.when(a.cast(pl.Float64).is_nan()).then(0).when(a > 0).then(1).when(a < 0).then(-1).when(a.is_not_null()).then(0)),
    "sqrt": lambda a: a.sqrt(), "exp": lambda a: a.exp(), "ln": lambda a: a.log(),
    "log": lambda a, base: a.log10() if base == 10 else a.log() / math.log(base), "pow": lambda a, b: a.pow(b),
    "sin": lambda a: a.sin(), "cos": lambda a: a.cos(), "tan": lambda a: a.tan(),
    "asin": lambda a: a.arcsin(), "acos": lambda a: a.arccos(), "atan": lambda a: a.arctan(),
    "atan2": pl.arctan2, "radians": lambda a: a.radians(), "degrees": lambda a: a.degrees(),
    "is_nan": lambda a: a.is_nan(), "is_inf": lambda a: a.is_infinite(),
    "is_finite": lambda a: a.is_finite(),
    "upper": lambda a: a.str.to_uppercase(), "lower": lambda a: a.str.to_lowercase(),
    "reverse": lambda a: a.str.reverse(), "length": lambda a: _int(a.str.len_chars()),
    "left": lambda a, n: a.str.head(n), "right": lambda a, n: a.str.tail(n),
    "replace": lambda a, b, c: pl.when(b == "").then(a).otherwise(a.str.replace_all(b, c, literal=True)),
    "strpos": _strpos, "starts_with": lambda a, b: a.str.starts_with(b),
    "ends_with": lambda a, b: a.str.ends_with(b),
    "contains": lambda a, b: a.str.contains(b, literal=True),
    "repeat": lambda a, n: pl.when(a.is_not_null()).then(a.repeat_by(pl.max_horizontal(n, 0)).list.join("")),
    "split": _split, "split_part": _split_part, "ascii": _ascii, "translate": _translate,
    "concat": lambda *a: pl.concat_str(*a), "trim": _trim, "substring": _substring,
    "concat_ws": lambda *a: pl.concat_str(*a[:-1], separator=a[-1], ignore_nulls=True),
    "lpad": lambda a, n, fill: _pad(a, n, fill, left=True),
    "rpad": lambda a, n, fill: _pad(a, n, fill, left=False),
    "md5": _hashed("md5"), "sha1": _hashed("sha1"), "sha256": _hashed("sha256"),
    "regex_like": lambda a, pattern: a.str.contains(_rust(pattern)),
    "regex_replace": _regex_replace, "regex_extract": _regex_extract,
    "regex_extract_all": lambda a, pattern: a.str.extract_all(_rust(pattern)),
    "json_text": _json_text, "struct_field": lambda a, name: a.struct.field(name),
    "list_join": _list_join, "list_len": lambda a: _int(a.list.len()),
    "list_sort": lambda a: a.list.sort(nulls_last=True),
    "list_distinct": lambda a: a.list.drop_nulls().list.unique(maintain_order=True),
    "list_sum": lambda a: pl.when(a.list.drop_nulls().list.len() > 0).then(a.list.sum()), "list_min": lambda a: a.list.min(),
    "list_max": lambda a: a.list.max(), "list_avg": lambda a: a.list.mean(),
    "list_reverse": lambda a: a.list.reverse(), "list_get": _list_get,
    "list_contains": _list_contains, "list_of": lambda *a: pl.concat_list(*a),
    "year": lambda a: _int(a.dt.year()), "month": lambda a: _int(a.dt.month()),
    "day": lambda a: _int(a.dt.day()), "quarter": lambda a: _int(a.dt.quarter()),
    "week": lambda a: _int(a.dt.week()), "dow": _dow, "isodow": lambda a: _int(a.dt.weekday()),
    "doy": lambda a: _int(a.dt.ordinal_day()), "isoyear": lambda a: _int(a.dt.iso_year()),
    "hour": lambda a: _int(a.cast(pl.Datetime("us")).dt.hour()), "minute": lambda a: _int(a.cast(pl.Datetime("us")).dt.minute()),
    "second": lambda a: _int(a.cast(pl.Datetime("us")).dt.second()), "epoch": lambda a: a.dt.epoch("us") / 1_000_000,
    "epoch_us": lambda a: a.dt.epoch("us"), "epoch_ms": lambda a: a.dt.epoch("us") // 1000,
    "dayname": lambda a: a.dt.to_string("%A"), "monthname": lambda a: a.dt.to_string("%B"),
    "last_day": lambda a: a.cast(pl.Date).dt.month_end(), "make_date": lambda y, m, d: pl.date(y, m, d),
    "to_days": lambda a: a,
    "add_days": lambda a, n: (a.cast(pl.Int32) + n).cast(pl.Int32).cast(pl.Date),
    "days_between": lambda a, b: _int(a.cast(pl.Int32)) - _int(b.cast(pl.Int32)),
    "ts_minus": lambda a, b: a - b, "add_months": _add_months,
    "add_micros": lambda a, n: a + n.cast(pl.Duration("us")),
    "date_trunc": lambda a, unit: a.dt.truncate(_UNIT[unit]), "date_diff": _date_diff,
    "strftime": _strftime, "strptime": _strptime,
    "from_epoch": lambda a: (a * 1_000_000).round(0).cast(pl.Int64).cast(pl.Datetime("us", "UTC")),
    "from_micros": lambda a: a.cast(pl.Datetime("us")),
    "to_zone": lambda a, zone: a.dt.convert_time_zone(zone).dt.replace_time_zone(None),
    "from_zone": lambda a, zone: a.dt.replace_time_zone(
        zone, ambiguous="earliest", non_existent="null").dt.convert_time_zone("UTC"),
    **SPARK_FUNCTIONS,
}  # fmt: skip
