"""Named functions of the spark dialect on Polars: what Spark 4 does in ANSI mode, in UTC."""

# ruff: noqa: E501

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import polars as pl

from odibi_dagster.engines.sql.casts_polars import cast as duckdb_cast
from odibi_dagster.engines.sql.casts_polars import dtype
from odibi_dagster.engines.sql.types import Type

E = pl.Expr
_BLANK = "".join(map(chr, range(0x21))) + "\x7f"
_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_TIME = (
    r"^(\d{4})-(\d{1,2})-(\d{1,2})"
    r"(?:[ T](\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,9}))?)?)?(Z|UTC|[+-]\d{2}:\d{2})?$"
)


def _int(value: E) -> E:
    return value.cast(pl.Int64)


def raised(bad: E, message: str) -> E:
    """Null, or an error of that message where `bad` is true."""
    return pl.when(bad).then(pl.lit(message)).cast(pl.Int8, strict=True)


def _checked(value: E, bad: E, message: str) -> E:
    return pl.when(raised(bad, message).is_null()).then(value)


def spark_cast(value: E, source: Type, strict: bool, to: Type) -> E:
    """CAST as Spark does it: numbers are cut towards zero, what does not fit is an error or null."""
    convert = _CASTS.get((source.name, to.name))
    if convert:
        made: E = convert(value, to, strict)
        return made
    if source.name == to.name == "dec" or (source.name, to.name) in _AS_DUCKDB:
        return duckdb_cast(value, source, strict, to)
    return value.cast(dtype(to), strict=strict)


_AS_DUCKDB = {
    ("ts", "str"), ("ts", "tstz"), ("tstz", "ts"), ("date", "tstz"), ("int", "bool"),
}  # fmt: skip


def _str_to_int(value: E, to: Type, strict: bool) -> E:
    clean = value.str.strip_chars(_BLANK)
    return clean.cast(pl.Int64, strict=strict).cast(dtype(to), strict=strict)


def _str_to_float(value: E, to: Type, strict: bool) -> E:
    clean = value.str.strip_chars(_BLANK)
    text = clean.str.to_lowercase().str.replace(r"^([0-9.eE+-]*[0-9.])[df]$", "${1}")
    odd = text.str.contains(r"^[+-]?0x")
    words = r"^([+-]?(inf|infinity)|nan)$"
    known = text.str.contains(_NUMBER) | text.str.contains(words)
    number = (
        pl.when(known).then(text).otherwise(clean + pl.lit("?")).cast(pl.Float64, strict=strict)
    )
    return _checked(number, odd.fill_null(False), "hexadecimal numbers are not read here").cast(
        dtype(to)
    )


def _str_to_dec(value: E, to: Type, strict: bool) -> E:
    scale = to.args[1]
    clean = value.str.strip_chars(_BLANK)
    # the first digit that is dropped decides: cut behind it, then round exactly
    cut = clean.str.replace(rf"^([+-]?[0-9]*\.[0-9]{{{scale + 1}}})[0-9]+$", "${1}")
    text = pl.when(cut.str.contains(_NUMBER)).then(cut).otherwise(clean + pl.lit("?"))
    precise = text.cast(pl.Decimal(38, min(37, scale + 1)), strict=strict)
    rounded = precise.round(scale, mode="half_away_from_zero")
    return rounded.cast(dtype(to), strict=strict)


def _str_to_bool(value: E, _: Type, strict: bool) -> E:
    word = value.str.strip_chars(_BLANK).str.to_lowercase()
    code = (
        pl.when(word.is_in(["true", "t", "1", "yes", "y"]))
        .then(pl.lit("1"))
        .when(word.is_in(["false", "f", "0", "no", "n"]))
        .then(pl.lit("0"))
        .otherwise(word + pl.lit("?"))
    )
    return code.cast(pl.Int8, strict=strict).cast(pl.Boolean)


def _str_to_date(value: E, _: Type, strict: bool) -> E:
    clean = value.str.strip_chars(_BLANK)
    shape = r"^(\d{4})(?:-(\d{1,2})(?:-(\d{1,2})(?:[ T].*)?)?)?$"
    parts = [clean.str.extract(shape, n).fill_null("1").str.zfill(2) for n in (2, 3)]
    text = pl.concat_str(clean.str.extract(shape, 1), *parts, separator="-")
    fits = clean.str.contains(shape)
    day = (
        pl.when(fits)
        .then(text)
        .otherwise(clean + pl.lit("?"))
        .str.to_date("%Y-%m-%d", strict=strict)
    )
    return day if strict else _known_shape(clean, day, fits, r"^[+-]?\d{5,7}(-|$)")


def _known_shape(clean: E, made: E, fits: E, others: str) -> E:
    """TRY_CAST: an error for the rare shapes that Spark reads and we do not."""
    unread = (~fits & clean.str.contains(others)).fill_null(False)
    return _checked(made, unread, "a date or timestamp of a shape that is not read here")


def _str_to_tstz(value: E, to: Type, strict: bool) -> E:
    clean = value.str.strip_chars(_BLANK)
    fits = clean.str.contains(_TIME)
    clock = [clean.str.extract(_TIME, n).fill_null("0").str.zfill(2) for n in (4, 5, 6)]
    day = [clean.str.extract(_TIME, n).str.zfill(2) for n in (1, 2, 3)]
    fraction = clean.str.extract(_TIME, 7).fill_null("0").str.pad_end(9, "0").str.slice(0, 6)
    text = pl.concat_str(
        pl.concat_str(*day, separator="-"), pl.lit(" "), pl.concat_str(*clock, separator=":"),
        pl.lit("."), fraction,
    )  # fmt: skip
    read = pl.when(fits).then(text).otherwise(clean + pl.lit("?"))
    local = read.str.to_datetime("%Y-%m-%d %H:%M:%S.%6f", time_unit="us", strict=strict)
    zone = clean.str.extract(_TIME, 8)
    sign = pl.when(zone.str.starts_with("-")).then(-1).otherwise(1)
    offset = zone.str.slice(1, 2).cast(pl.Int64, strict=False) * 60
    minutes = (offset + zone.str.slice(4, 2).cast(pl.Int64, strict=False)).fill_null(0) * sign
    made = (local - pl.duration(minutes=minutes)).dt.replace_time_zone("UTC")
    made = made if strict else _known_shape(clean, made, fits, r"^([+-]?\d{4,7}($|-\d)|T?\d{1,2}:)")
    return made if to.name == "tstz" else made.dt.replace_time_zone(None)


def _tstz_to_str(value: E, to: Type, strict: bool) -> E:
    return duckdb_cast(value.dt.replace_time_zone(None), Type("ts"), strict, to)


def _tstz_to_date(value: E, _: Type, __: bool) -> E:
    return value.dt.replace_time_zone(None).cast(pl.Date)


def _dec_to_int(value: E, to: Type, strict: bool) -> E:
    return value.cast(pl.Int64, strict=strict).cast(dtype(to), strict=strict)


def _float_to_int(value: E, to: Type, strict: bool) -> E:
    return value.cast(pl.Float64).cast(dtype(to), strict=strict)


def _over(value: E, number: float) -> E:
    # Polars turns a division by a constant into a product with its inverse: another last digit
    return value / (value.is_not_null().cast(pl.Float64) * number)


def _half_up(value: E, places: int) -> E:
    """The whole number of units of 10**-places nearest to the decimal text of a double."""
    unit = 10.0 ** abs(places)
    size = value.abs()
    down = (size * unit if places >= 0 else size / unit).floor()

    # the tie as the nearest double to its own decimal text: a quotient of two exact numbers
    def tie(whole: E) -> E:
        return _over(whole * 10 + 5, unit * 10) if places >= 0 else (whole + 0.5) * unit

    down = pl.when(size < tie(down - 1)).then(down - 1).otherwise(down)
    near = pl.when(size >= tie(down)).then(down + 1).otherwise(down)
    return pl.when(value < 0).then(-near).otherwise(near) + 0.0


def _round(value: E, places: int) -> E:
    unit = 10.0 ** abs(places)
    whole = _half_up(value, places)
    made = _over(whole, unit) if places >= 0 else whole * unit
    large = value.is_finite() & (value.abs() >= 1e14 / unit if places >= 0 else pl.lit(False))
    text = value.cast(pl.String).cast(pl.Decimal(38, 17), strict=False)
    exact = text.round(max(places, 0), mode="half_away_from_zero").cast(pl.String).cast(pl.Float64)
    return (
        pl.when(~value.is_finite()).then(value)
        .when(large).then(pl.when(value.abs() < 1e17).then(exact).otherwise(value))
        .otherwise(made)
    )  # fmt: skip


def _float_to_dec(value: E, to: Type, strict: bool) -> E:
    value = value.cast(pl.Float64)
    scale = to.args[1]
    bad = ~value.is_nan() & (value.abs() >= 1e14 / 10.0**scale)
    message = "a double of more than 14 digits does not become a decimal"
    fits = pl.when(~bad & value.is_not_nan()).then(value)
    whole = _half_up(fits, scale).cast(pl.Int128).cast(pl.Decimal(38, 0))
    made = (whole * _one(scale)).cast(dtype(to), strict=strict)
    return _checked(made, bad.fill_null(False), message)


def _one(scale: int) -> E:
    return pl.lit(Decimal(1).scaleb(-scale), dtype=pl.Decimal(38, scale))


_CASTS: dict[tuple[str, str], Callable[[E, Type, bool], E]] = {
    ("str", "int"): _str_to_int, ("str", "float"): _str_to_float, ("str", "dec"): _str_to_dec,
    ("str", "bool"): _str_to_bool, ("str", "date"): _str_to_date, ("str", "tstz"): _str_to_tstz,
    ("str", "ts"): _str_to_tstz, ("tstz", "str"): _tstz_to_str, ("tstz", "date"): _tstz_to_date,
    ("dec", "int"): _dec_to_int, ("float", "int"): _float_to_int, ("float", "dec"): _float_to_dec,
}  # fmt: skip

_ZERO = "division by zero; write try_divide(x, y) or NULLIF(y, 0)"


def _known_zero(a: E, b: E) -> E:
    return (a.is_not_null() & (b == 0)).fill_null(False)


def _try_div(a: E, b: E) -> E:
    # Polars turns a division by a constant into a product with its inverse: another last digit
    return a / (a.is_not_null().cast(pl.Int8) * pl.when(b != 0).then(b))


def _div(a: E, b: E) -> E:
    return _checked(_try_div(a, b), _known_zero(a, b), _ZERO)


def _try_div_dec(a: E, b: E, s1: int, s2: int, scale: int, precision: int) -> E:
    top = a.to_physical().cast(pl.Int128) * pl.lit(10 ** (scale - s1 + s2), dtype=pl.Int128)
    under = pl.when(b != 0).then(b.to_physical().cast(pl.Int128))
    size = under.abs()
    whole, rest = top.abs() // size, top.abs() % size
    near = whole + (rest >= size - rest).cast(pl.Int128)
    signed = (
        pl.when((top < 0) != (under < 0)).then(pl.lit(0, dtype=pl.Int128) - near).otherwise(near)
    )
    return (signed.cast(pl.Decimal(38, 0)) * _one(scale)).cast(pl.Decimal(precision, scale))


def _div_dec(a: E, b: E, s1: int, s2: int, scale: int, precision: int) -> E:
    made = _try_div_dec(a, b, s1, s2, scale, precision)
    return _checked(made, _known_zero(a, b), _ZERO)


def _cut(a: E, b: E) -> tuple[E, E]:
    return a.abs(), pl.when(b != 0).then(b.abs())


def _intdiv(a: E, b: E) -> E:
    top, under = _cut(a, b)
    quotient = top // under
    made = pl.when((a < 0) != (b < 0)).then(-quotient).otherwise(quotient)
    return _checked(made, _known_zero(a, b), _ZERO)


def _mod(a: E, b: E) -> E:
    top, under = _cut(a, b)
    rest = top % under
    return _checked(pl.when(a < 0).then(-rest).otherwise(rest), _known_zero(a, b), _ZERO)


def _pmod(a: E, b: E) -> E:
    rest = _mod(a, b)
    return pl.when(rest < 0).then((rest + b) % b).otherwise(rest)


def _whole(value: E) -> E:
    """A whole double as 64 bits: NaN is 0 as Java cuts it, what is too large is an error."""
    return pl.when(value.is_nan()).then(0.0).otherwise(value).cast(pl.Int64, strict=True)


def _sign(value: E) -> E:
    return (
        pl.when(value.is_nan()).then(value).when(value > 0).then(1.0).when(value < 0).then(-1.0)
        .when(value.is_not_null()).then(0.0)
    )  # fmt: skip


def _positive(value: E, made: E) -> E:
    return pl.when((value > 0) | value.is_nan()).then(made)


def _log(value: E, base: float) -> E:
    return _positive(value, value.log10() if base == 10 else value.log() / pl.lit(base).log())


def _substring(value: E, start: E, length: E | None = None) -> E:
    size = value.str.len_chars().cast(pl.Int64)
    first = pl.when(start > 0).then(start - 1).when(start < 0).then(size + start).otherwise(start)
    end = size if length is None else first + length
    begin = pl.max_horizontal(first, pl.lit(0))
    known = start.is_not_null() if length is None else start.is_not_null() & length.is_not_null()
    return pl.when(known).then(value.str.slice(begin, pl.max_horizontal(end - begin, pl.lit(0))))


def _left(value: E, count: E) -> E:
    return pl.when(count.is_not_null()).then(value.str.head(pl.max_horizontal(count, pl.lit(0))))


def _right(value: E, count: E) -> E:
    return pl.when(count.is_not_null()).then(value.str.tail(pl.max_horizontal(count, pl.lit(0))))


def _item(value: E, index: int) -> E:
    outside = (value.list.len() <= index).fill_null(False)
    return _checked(
        value.list.get(index, null_on_oob=True), outside, "no item at this position of a list"
    )


def _array_contains(value: E, item: E) -> E:
    found = value.list.contains(item, nulls_equal=False)
    unknown = value.list.eval(pl.element().is_null().any()).list.first()
    return (
        pl.when(value.is_null() | item.is_null()).then(None)
        .when(found.fill_null(False)).then(True).when(unknown.fill_null(False)).then(None)
        .otherwise(False)
    )  # fmt: skip


def _strptime(value: E, text: str) -> E:
    shape = text.replace("%Y", r"\d{4}")
    for code in "mdHMS":
        shape = shape.replace(f"%{code}", r"\d{2}")
    fits = value.str.contains("^" + shape.replace(".", r"\.").replace("/", "/") + "$")
    clean = pl.when(fits).then(value).otherwise(value + pl.lit("?"))
    if "%H" in text:
        return clean.str.to_datetime(text, time_unit="us").dt.replace_time_zone("UTC")
    return clean.str.to_date(text).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")


def _initcap(value: E) -> E:
    words = value.str.to_lowercase().str.split(" ")
    each = pl.element().str.slice(0, 1).str.to_uppercase() + pl.element().str.slice(1)
    return words.list.eval(each).list.join(" ")


SPARK_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "spark_div": _div, "spark_try_div": _try_div, "spark_div_dec": _div_dec,
    "spark_try_div_dec": _try_div_dec, "spark_intdiv": _intdiv, "spark_mod": _mod,
    "spark_pmod": _pmod, "spark_round": _round, "spark_sign": _sign,
    "spark_isnan": lambda a: a.is_nan().fill_null(False),
    "spark_ceil": lambda a: _whole(a.ceil()), "spark_floor": lambda a: _whole(a.floor()),
    "spark_ln": lambda a: _positive(a, a.log()), "spark_log": _log,
    "spark_dayofweek": lambda a: _int(a.dt.weekday()) % 7 + 1,
    "spark_weekday": lambda a: _int(a.dt.weekday()) - 1,
    "spark_substring": _substring, "spark_left": _left, "spark_right": _right,
    "spark_item": _item, "spark_get": lambda a, n: a.list.get(n if n >= 0 else 2**31, null_on_oob=True),
    "spark_array_contains": _array_contains, "spark_strptime": _strptime,
    "spark_array_join": lambda a, sep: a.list.join(sep, ignore_nulls=True),
    "spark_list_distinct": lambda a: a.list.unique(maintain_order=True),
    "spark_unix_date": lambda a: _int(a.cast(pl.Int32)),
    "spark_unix_seconds": lambda a: a.dt.epoch("us") // 1_000_000,
    "spark_from_seconds": lambda a: (a * 1_000_000).cast(pl.Datetime("us", "UTC")),
    "spark_from_millis": lambda a: (a * 1_000).cast(pl.Datetime("us", "UTC")),
    "initcap": _initcap,
}  # fmt: skip
"""One row per function; Spark has a table of the same rows."""
