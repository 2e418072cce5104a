"""Types, constants and casts on Spark, in ANSI mode."""

# ruff: noqa: E501, N812

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyspark.sql import Column
from pyspark.sql import functions as F

from odibi_dagster.engines.sql.types import OFFSET, Type

_INTEGERS: dict[Any, str] = {
    8: "tinyint", 16: "smallint", 32: "int", 128: "decimal(38,0)", "u8": "smallint", "u16": "int",
    "u32": "bigint", "u64": "decimal(20,0)",
}  # fmt: skip
_PLAIN = {
    "bool": "boolean", "str": "string", "date": "date", "null": "void", "category": "string",
    "dur": "interval day to second", "blob": "binary", "ts": "timestamp_ntz", "tstz": "timestamp",
}  # fmt: skip
_NUMBER = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?\z"
"""One way only to read the digits: Java tries each, in time that grows with their square."""


def ddl(type: Type) -> str:
    """The Spark type, as Spark writes it."""
    match type.name:
        case "int":
            return _INTEGERS[type.args[0]] if type.args else "bigint"
        case "float":
            return "float" if type.args else "double"
        case "dec":
            return f"decimal({type.args[0]},{type.args[1]})"
        case "list":
            return f"array<{ddl(type.args[0])}>"
        case "struct":
            return f"struct<{','.join(f'`{name}`:{ddl(inner)}' for name, inner in type.args)}>"
        case other:
            return _PLAIN[other]


def lit(value: Any, type: Type) -> Column:
    """A constant of exactly that type."""
    if type.name in ("dec", "ts", "tstz", "date") and value is not None:
        value = str(value)
    return F.lit(value) if type.name == "null" else F.lit(value).cast(ddl(type))


def cast(value: Column, source: Type, strict: bool, to: Type) -> Column:
    """CAST as DuckDB does it: halves of floats go to the even neighbour, those of decimals away from zero."""
    prepared = _PREPARED.get((source.name, to.name))
    ready = prepared(value, to) if prepared else value
    if source.name == "list" or (source.name, to.name) in _DONE:
        return ready
    return ready.cast(ddl(to)) if strict else ready.try_cast(ddl(to))


def whole(value: Column) -> Column:
    """The nearest whole number of a float, halves away from zero, still a float."""
    return F.round(value, 0)


def rounded(value: Column, places: int) -> Column:
    """A float rounded as C does it: scaled, rounded to a whole number, scaled back."""
    unit = F.lit(float(10 ** abs(places)))
    return whole(value * unit) / unit if places >= 0 else whole(value / unit) * unit


def _number_text(value: Column) -> Column:
    text = F.btrim(value)
    lower = F.lower(text)
    number = text.rlike(_NUMBER)
    words = F.when(lower.isin("nan", "inf", "infinity", "-inf", "-infinity"), lower)
    return F.when(number, text).otherwise(
        F.coalesce(words, F.concat(F.lit("not a number: "), text))
    )


def _str_to_int(value: Column, _: Type) -> Column:
    text = _number_text(value)
    fits = text.rlike(r"^[+-]?[0-9]+\z")
    # A whole number keeps its digits; another one goes by way of a decimal, halves away from zero.
    fraction = text.rlike(_NUMBER)
    parsed = F.round(F.when(fraction, text).cast("double"), 0).cast("bigint").cast("string")
    return F.when(fits, text).when(fraction, parsed).otherwise(text)


def _str_to_dec(value: Column, to: Type) -> Column:
    return F.round(
        _number_text(value).try_cast(f"decimal(38,{min(18, to.args[1] + 9)})"), to.args[1]
    )


def _str_to_bool(value: Column, _: Type) -> Column:
    word = F.lower(F.btrim(value))
    return (
        F.when(word.isin("true", "t", "1", "yes", "y", "on"), "true")
        .when(word.isin("false", "f", "0", "no", "n", "off"), "false")
        .otherwise(F.concat(F.lit("not a boolean: "), word))
    )


def _moment(value: Column, to: Type) -> Column:
    """A timestamp as text in one spelling; what is none stays text that no cast accepts."""
    if to.name != "date":
        # DuckDB lets blanks follow a time, or a date that becomes a date, but no date that becomes a timestamp
        value = F.regexp_replace(value, r"^(\s*\d+\S\d+\S\d+)\s+\z", "$1?")
    text = F.regexp_replace(F.btrim(value), r"^(\d+)/(\d+)/(\d+)", "$1-$2-$3")
    text = F.regexp_replace(text, r"^(\d+-\d+-\d+)T", "$1 ")
    text = F.regexp_replace(text, r"^(\d+-\d+-\d+ \d+:.*?) ?(?:Z|UTC|[+-]\d\d(?::?\d\d)?)\z", "$1")
    text = F.regexp_replace(text, r"^(\d+-\d+-\d+)\z", "$1 00:00:00")
    text = F.regexp_replace(text, r"^(\d+-\d+-\d+ \d+:\d+)\z", "$1:00")
    known = text.rlike(r"^\d+-\d+-\d+ \d+:\d+:\d+(\.\d+)?\z")
    return F.when(known, text).otherwise(F.concat(F.lit("not a timestamp: "), text))


def _str_to_tstz(value: Column, to: Type) -> Column:
    sign, hours, minutes = (F.regexp_extract(value, OFFSET, part) for part in (2, 3, 4))
    away = F.concat(sign, hours, F.lit(":"), F.when(minutes != "", minutes).otherwise("00"))
    # another offset is none
    local = F.regexp_replace(value, OFFSET, "$1")
    local = F.regexp_replace(local, r"^(.*:.*)[+-]", "$1?")
    return F.concat(_moment(local, to), F.when(sign != "", away).otherwise("+00:00"))


def _str_to_date(value: Column, to: Type) -> Column:
    return F.regexp_replace(_moment(value, to), r"^([0-9-]+) .*", "$1")


def _float_to_str(value: Column, _: Type) -> Column:
    java = value.cast("string")
    size = F.abs(value)
    long = (
        F.when((size < 1e16) & (size >= 1e-4), value)
        .cast("string")
        .cast("decimal(38,21)")
        .cast("string")
    )
    trimmed = F.regexp_replace(F.rtrim(long, F.lit("0")), r"\.\z", ".0")
    mantissa = F.regexp_replace(F.regexp_replace(java, r"E.*", ""), r"\.0\z", "")
    power = F.regexp_extract(java, r"E-?(\d+)", 1)
    sign = F.when(java.contains("E-"), "e-").otherwise("e+")
    padded = F.when(F.length(power) < 2, F.lpad(power, 2, "0")).otherwise(power)
    return (
        F.when(F.isnan(value), "nan").when(size == float("inf"), F.when(value > 0, "inf").otherwise("-inf"))
        .when(value == 0, java).when((size >= 1e-4) & (size < 1e16), trimmed)
        .otherwise(F.concat(mantissa, sign, padded))
    )  # fmt: skip


def _float_to_dec(value: Column, to: Type) -> Column:
    return rounded(value.cast("double"), to.args[1])


_PREPARED: dict[tuple[str, str], Callable[[Column, Type], Column]] = {
    ("float", "int"): lambda v, _: F.rint(v), ("dec", "int"): lambda v, _: F.round(v, 0),
    ("dec", "dec"): lambda v, to: F.round(v, to.args[1]), ("float", "dec"): _float_to_dec,
    ("str", "int"): _str_to_int, ("str", "float"): lambda v, _: _number_text(v),
    ("str", "dec"): _str_to_dec, ("str", "bool"): _str_to_bool, ("str", "ts"): _moment,
    ("str", "tstz"): _str_to_tstz, ("str", "date"): _str_to_date, ("float", "str"): _float_to_str,
    ("int", "bool"): lambda v, _: v != 0, ("float", "bool"): lambda v, _: v != 0,
}  # fmt: skip
_DONE: set[tuple[str, str]] = {("float", "str"), ("int", "bool"), ("float", "bool")}
