"""Types, constants and casts on Polars.

Text is read by rungs: the usual spelling first, at the speed of the plain parser, and only what that
left null goes on to the next and more thorough one. A rung reads nothing otherwise than the last.
"""

# ruff: noqa: E501

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl

from odibi_dagster.engines.sql.types import OFFSET, Type

E = pl.Expr
Rung = Callable[[E, Type, bool], E]
BLANK = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
"""What `strip_chars()` takes off. Written out, because Polars never shares what holds a bare null."""
_INTEGERS: dict[Any, Any] = {
    8: pl.Int8, 16: pl.Int16, 32: pl.Int32, 128: pl.Int128, "u8": pl.UInt8, "u16": pl.UInt16,
    "u32": pl.UInt32, "u64": pl.UInt64,
}  # fmt: skip
_PLAIN: dict[str, Any] = {
    "bool": pl.Boolean, "str": pl.String, "date": pl.Date, "time": pl.Time, "null": pl.Null,
    "dur": pl.Duration("us"), "blob": pl.Binary, "category": pl.Categorical,
}  # fmt: skip


def dtype(type: Type) -> Any:
    """The Polars type."""
    match type.name:
        case "int":
            return _INTEGERS[type.args[0]] if type.args else pl.Int64
        case "float":
            return pl.Float32 if type.args else pl.Float64
        case "dec":
            return pl.Decimal(*type.args)
        case "ts" | "tstz":
            unit: Any = type.args[0] if type.args else "us"
            return pl.Datetime(unit, "UTC" if type.name == "tstz" else None)
        case "list":
            return pl.List(dtype(type.args[0]))
        case "struct":
            return pl.Struct({name: dtype(inner) for name, inner in type.args})
        case other:
            return _PLAIN[other]


def lit(value: Any, type: Type) -> E:
    """A constant of exactly that type."""
    if type.name == "null":
        return pl.lit(None)
    if (
        value is None
        and type.name not in _PLAIN
        and type.name not in ("int", "float", "dec", "ts", "tstz", "list")
    ):
        return pl.lit(None)
    return pl.lit(value, dtype=dtype(type))


def cast(value: E, source: Type, strict: bool, to: Type) -> E:
    """CAST as DuckDB does it: halves of floats go to the even neighbour, those of decimals away from zero."""
    if rungs := rungs_of(source, to):
        return _climbed(value, rungs, to, strict)
    convert = _CASTS.get((source.name, to.name))
    return convert(value, to, strict) if convert else value.cast(dtype(to), strict=strict)


def rungs_of(source: Type, to: Type) -> tuple[Rung, ...]:
    """How text becomes another type, rung by rung; empty for every other cast."""
    return _RUNGS.get(to.name, ()) if source.name == "str" else ()


def _climbed(value: E, rungs: tuple[Rung, ...], to: Type, strict: bool) -> E:
    made = rungs[0](value, to, strict)
    if not rungs[1:]:
        return made
    rest = pl.when(made.is_null()).then(value)
    return pl.coalesce(made, _climbed(rest, rungs[1:], to, strict))


def _float_to_int(value: E, to: Type, strict: bool) -> E:
    return value.round(0, mode="half_to_even").cast(dtype(to), strict=strict)


def _dec_to_int(value: E, to: Type, strict: bool) -> E:
    return value.round(0, mode="half_away_from_zero").cast(dtype(to), strict=strict)


def _dec_to_dec(value: E, to: Type, strict: bool) -> E:
    return value.round(to.args[1], mode="half_away_from_zero").cast(dtype(to), strict=strict)


def _float_to_dec(value: E, to: Type, strict: bool) -> E:
    rounded = value.cast(pl.Float64).round(to.args[1], mode="half_away_from_zero")
    return rounded.cast(dtype(to), strict=strict)


def _digits_to_int(value: E, to: Type, _: bool) -> E:
    return value.cast(pl.Int64, strict=False).cast(dtype(to), strict=False)


def _str_to_int(value: E, to: Type, strict: bool) -> E:
    clean = value.str.strip_chars(BLANK)
    whole = clean.str.contains(r"^[+-]?[0-9]+$")
    exact = (
        pl.when(whole)
        .then(clean.str.strip_prefix("+"))
        .otherwise(pl.lit("0"))
        .cast(pl.Int64, strict=strict)
    )
    other = pl.when(~whole).then(clean).cast(pl.Float64, strict=strict)
    rounded = pl.when(other < 0).then((other - 0.5).ceil()).otherwise((other + 0.5).floor())
    return (
        pl.when(whole)
        .then(exact)
        .otherwise(rounded.cast(pl.Int64, strict=strict))
        .cast(dtype(to), strict=strict)
    )


def _digits_to_float(value: E, to: Type, _: bool) -> E:
    return value.cast(dtype(to), strict=False)


def _str_to_float(value: E, to: Type, strict: bool) -> E:
    return value.str.strip_chars(BLANK).cast(dtype(to), strict=strict)


def _str_to_dec(value: E, to: Type, strict: bool) -> E:
    precise = value.str.strip_chars(BLANK).cast(
        pl.Decimal(38, min(18, to.args[1] + 9)), strict=strict
    )
    return _dec_to_dec(precise, to, strict)


_TRUE, _FALSE = ("true", "t", "1", "yes", "y", "on"), ("false", "f", "0", "no", "n", "off")


def _str_to_bool(value: E, _: Type, strict: bool) -> E:
    word = value.str.strip_chars(BLANK).str.to_lowercase()
    code = (
        pl.when(word.is_in(_TRUE))
        .then(pl.lit("1"))
        .when(word.is_in(_FALSE))
        .then(pl.lit("0"))
        .otherwise(word)
    )
    return code.cast(pl.Int8, strict=strict).cast(pl.Boolean)


def _seconds_to_ts(value: E, _: Type, __: bool) -> E:
    # a length that cannot fit is cheaper to see than to parse
    short = pl.when(value.str.len_bytes() == 19).then(value)
    return short.str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us", strict=False)


def _iso_to_ts(value: E, _: Type, __: bool) -> E:
    sure = pl.when(value.str.contains(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$")).then(value)
    return sure.str.to_datetime("%Y-%m-%dT%H:%M:%S", time_unit="us", strict=False)


def _fraction_to_ts(value: E, _: Type, __: bool) -> E:
    text = value.str.replace(r"^(\d+-\d+-\d+)T", "${1} ")
    return text.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us", strict=False)


def _moment(value: E) -> E:
    """A timestamp as text in one spelling: date, blank, hours, minutes, seconds."""
    text = value.str.strip_chars(BLANK).str.replace(r"^(\d+)/(\d+)/(\d+)", "${1}-${2}-${3}")
    text = text.str.replace(r"^(\d+-\d+-\d+)T", "${1} ")
    text = text.str.replace(r"^(\d+-\d+-\d+ \d+:.*?) ?(?:Z|UTC|[+-]\d\d(?::?\d\d)?)$", "${1}")
    text = text.str.replace(r"^(\d+-\d+-\d+)$", "${1} 00:00:00")
    return text.str.replace(r"^(\d+-\d+-\d+ \d+:\d+)$", "${1}:00")


def _str_to_ts(value: E, to: Type, strict: bool) -> E:
    # DuckDB lets blanks follow a time, or a date that becomes a date, but no date that becomes a timestamp
    if to.name != "date":
        value = value.str.replace(r"^(\s*\d+\S\d+\S\d+)\s+$", "${1}?")
    return _moment(value).str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us", strict=strict)


def _str_to_tstz(value: E, to: Type, strict: bool) -> E:
    hours, minutes = (value.str.extract(OFFSET, part).cast(pl.Int64) for part in (3, 4))
    sign = pl.when(value.str.extract(OFFSET, 2) == "-").then(-1).otherwise(1)
    away = (hours * 60 + minutes.fill_null(0)) * sign
    # another offset is none
    local = value.str.replace(OFFSET, "${1}").str.replace(r"^(.*:.*)[+-]", "${1}?")
    moment = _str_to_ts(local, to, strict) - pl.duration(minutes=away.fill_null(0))
    return _ts_to_tstz(moment, to, strict)


def _day_to_date(value: E, _: Type, __: bool) -> E:
    # the parser alone would also read blanks and signs between the digits
    sure = pl.when(value.str.contains(r"^\d{4}-\d\d-\d\d$")).then(value)
    return sure.str.to_date("%Y-%m-%d", strict=False)


_TS = (_seconds_to_ts, _iso_to_ts, _fraction_to_ts, _str_to_ts)


def _as_date(rung: Rung) -> Rung:
    return lambda value, to, strict: rung(value, to, strict).cast(pl.Date)


def _as_utc(rung: Rung) -> Rung:
    return lambda value, to, strict: _ts_to_tstz(rung(value, to, strict), to, strict)


def _float_to_str(value: E, _: Type, __: bool) -> E:
    ordinary = ((value.abs() >= 1e-3) & (value.abs() < 1e9)) | (value == 0)
    other = _odd_float_to_str(pl.when(~ordinary).then(value))
    return pl.when(ordinary).then(value.cast(pl.String)).otherwise(other)


def _odd_float_to_str(value: E) -> E:
    """NaN, infinities, and numbers that are written with an exponent."""
    text = value.cast(pl.String).str.replace("NaN", "nan")
    text = text.str.replace(r"e([+-]?)(\d)$", "e${1}0${2}").str.replace(r"e(\d)", "e+${1}")
    text = text.str.replace(r"\.0e", "e")
    digits = text.str.replace(r"^-?0\.0*", "")
    zeros = text.str.extract(r"^-?0\.(0*)", 1).str.len_chars().cast(pl.Int64) + 1
    sign = pl.when(value < 0).then(pl.lit("-")).otherwise(pl.lit(""))
    tail = (
        pl.when(digits.str.len_chars() > 1)
        .then(pl.lit(".") + digits.str.slice(1))
        .otherwise(pl.lit(""))
    )
    small = (
        sign
        + digits.str.slice(0, 1)
        + tail
        + pl.lit("e-")
        + zeros.cast(pl.String).str.pad_start(2, "0")
    )
    tiny = (value.abs() < 1e-4) & (value != 0) & ~text.str.contains("e", literal=True)
    return pl.when(tiny).then(small).otherwise(text)


def _ts_to_str(value: E, _: Type, __: bool) -> E:
    text = value.dt.to_string("%Y-%m-%d %H:%M:%S%.6f")
    return text.str.strip_chars_end("0").str.strip_suffix(".")


def _tstz_to_ts(value: E, to: Type, _: bool) -> E:
    return value.dt.convert_time_zone("UTC").dt.replace_time_zone(None).cast(dtype(to))


def _ts_to_tstz(value: E, to: Type, _: bool) -> E:
    return value.cast(pl.Datetime("us")).dt.replace_time_zone("UTC").cast(dtype(to))


def _int_to_bool(value: E, _: Type, __: bool) -> E:
    return value != 0


_CASTS: dict[tuple[str, str], Any] = {
    ("float", "int"): _float_to_int, ("dec", "int"): _dec_to_int, ("dec", "dec"): _dec_to_dec,
    ("float", "dec"): _float_to_dec, ("float", "str"): _float_to_str, ("ts", "str"): _ts_to_str,
    ("tstz", "ts"): _tstz_to_ts, ("ts", "tstz"): _ts_to_tstz, ("date", "tstz"): _ts_to_tstz,
    ("int", "bool"): _int_to_bool, ("float", "bool"): _int_to_bool,
}  # fmt: skip
_RUNGS: dict[str, tuple[Rung, ...]] = {
    "int": (_digits_to_int, _str_to_int), "float": (_digits_to_float, _str_to_float),
    "dec": (_str_to_dec,), "bool": (_str_to_bool,), "ts": _TS, 
    "tstz": (*map(_as_utc, _TS[:-1]), _str_to_tstz),
    "date": (_day_to_date, *map(_as_date, _TS)),
}  # fmt: skip
"""How text becomes a value of each type, the usual spelling first."""
