"""Named functions of the spark dialect on Spark: its own functions, in ANSI mode."""

# ruff: noqa: E501

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyspark.sql import Column
from pyspark.sql import functions as F  # noqa: N812

from odibi_dagster.engines.sql.casts_spark import ddl
from odibi_dagster.engines.sql.types import Type

C = Column
_JAVA = {"%Y": "yyyy", "%m": "MM", "%d": "dd", "%H": "HH", "%M": "mm", "%S": "ss"}


def spark_cast(value: Column, _: Type, strict: bool, to: Type) -> Column:
    """CAST or TRY_CAST."""
    return value.cast(ddl(to)) if strict else value.try_cast(ddl(to))


def _int(value: C) -> C:
    return value.cast("bigint")


def _dec(made: C, scale: int, precision: int) -> C:
    return made.cast(f"decimal({precision},{scale})")


def _div(a: C, b: C) -> C:
    return a / b


def _strptime(value: C, text: str) -> C:
    for code, word in _JAVA.items():
        text = text.replace(code, word)
    return F.to_timestamp(value, text)


SPARK_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "spark_div": _div, "spark_try_div": F.try_divide,
    "spark_div_dec": lambda a, b, _, __, scale, precision: _dec(a / b, scale, precision),
    "spark_try_div_dec": lambda a, b, _, __, s, p: _dec(F.try_divide(a, b), s, p),
    "spark_intdiv": lambda a, b: F.call_function("div", a, b), "spark_mod": lambda a, b: a % b,
    "spark_pmod": F.pmod, "spark_round": F.round, "spark_sign": F.signum, "spark_isnan": F.isnan,
    "spark_ceil": F.ceil, "spark_floor": F.floor, "spark_ln": F.ln,
    "spark_log": lambda a, base: F.log(base, a) if base != 10 else F.log10(a),
    "spark_dayofweek": lambda a: _int(F.dayofweek(a)), "spark_weekday": lambda a: _int(F.weekday(a)),
    "spark_substring": lambda a, *n: F.substr(a, *(one.cast("int") for one in n)),
    "spark_left": lambda a, n: F.left(a, n.cast("int")),
    "spark_right": lambda a, n: F.right(a, n.cast("int")),
    "spark_item": lambda a, n: F.element_at(a, n + 1),
    "spark_get": lambda a, n: F.get(a, F.lit(n)),
    "spark_array_contains": F.array_contains, "spark_strptime": _strptime,
    "spark_array_join": F.array_join, "spark_list_distinct": F.array_distinct,
    "spark_unix_date": lambda a: _int(F.unix_date(a)), "spark_unix_seconds": F.unix_seconds,
    "spark_from_seconds": F.timestamp_seconds, "spark_from_millis": F.timestamp_millis,
    "initcap": F.initcap,
}  # fmt: skip
"""One row per function; Polars has a table of the same rows."""
