"""Values of a row as Polars expressions."""

from __future__ import annotations

import polars as pl

from odibi_dagster.engines.sql import ir
from odibi_dagster.engines.sql.casts_polars import cast, dtype, lit
from odibi_dagster.engines.sql.functions_polars import FUNCTIONS
from odibi_dagster.engines.sql.guards import safe
from odibi_dagster.engines.sql.spark_polars import spark_cast

CASTS = {"cast": cast, "spark_cast": spark_cast}


def expression(expr: ir.Expr) -> pl.Expr:
    """A value of each row as a Polars expression."""
    return made(safe(expr))


def made(expr: ir.Expr) -> pl.Expr:
    """The same for a value that is guarded already."""
    if isinstance(expr, ir.Col):
        return pl.col(expr.name)
    if isinstance(expr, ir.Lit):
        return lit(expr.value, expr.type)
    if not isinstance(expr, ir.Call):
        msg = f"{type(expr).__name__} is no value of a row"
        raise TypeError(msg)
    args = [made(arg) for arg in expr.args]
    if expr.fn in CASTS:
        source, strict = expr.params
        return CASTS[expr.fn](args[0], source, strict, expr.type)
    if expr.type.name == "dec" and expr.fn in ("mul", "add", "sub", "mod"):
        wide = pl.Decimal(38, expr.type.args[1])
        return FUNCTIONS[expr.fn](*(arg.cast(wide) for arg in args)).cast(dtype(expr.type))
    if expr.type.name == "dec" and expr.fn in ("ceil", "floor", "trunc"):
        return FUNCTIONS[expr.fn](*args).cast(dtype(expr.type))
    return FUNCTIONS[expr.fn](*args, *expr.params)
