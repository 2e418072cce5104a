"""Errors of rows that a condition has left out: SQL does not raise them, Polars would.

`CASE WHEN k <> 0 THEN i / k END` divides only where the condition holds. Polars computes every
branch for every row, so what can fail there gets null for the rows the branch is not taken for.
"""

from __future__ import annotations

from dataclasses import replace

from odibi_dagster.engines.sql.ir import Call, Expr, Lit
from odibi_dagster.engines.sql.types import BOOL, FLOAT, INT

FAILING = {"spark_div", "spark_div_dec", "spark_intdiv", "spark_mod", "spark_pmod", "spark_item",
           "spark_strptime", "spark_cast", "cast", "strptime"}  # fmt: skip


def safe(expr: Expr) -> Expr:
    """The value with every conditional part in it guarded."""
    if not isinstance(expr, Call):
        return expr
    kept = guarded(expr)
    return replace(kept, args=tuple(map(safe, kept.args)))


def guarded(expr: Call) -> Call:
    """The call, its conditional parts safe for the rows they are not meant for."""
    if expr.fn == "case":
        return replace(expr, args=_case(expr.args))
    if expr.fn == "coalesce":
        return replace(expr, args=_coalesce(expr.args))
    if expr.fn in ("and", "or"):
        left, right = expr.args
        return replace(expr, args=(left, _within(right, _open(left, other=expr.fn == "or"))))
    return expr


def _case(args: tuple[Expr, ...]) -> tuple[Expr, ...]:
    *pairs, default = args
    made: list[Expr] = []
    free: Expr | None = None
    for when, value in zip(pairs[::2], pairs[1::2], strict=True):
        taken = when if free is None else Call(BOOL, "and", (free, when))
        made += [_within(when, free) if free is not None else when, _within(value, taken)]
        closed = _open(when, other=True)
        free = closed if free is None else Call(BOOL, "and", (free, closed))
    return (*made, _within(default, free) if free is not None else default)


def _coalesce(args: tuple[Expr, ...]) -> tuple[Expr, ...]:
    made, free = [args[0]], Call(BOOL, "is_null", (args[0],))
    for arg in args[1:]:
        made.append(_within(arg, free))
        free = Call(BOOL, "and", (free, Call(BOOL, "is_null", (arg,))))
    return tuple(made)


def _open(when: Expr, *, other: bool) -> Expr:
    """Where a condition is not true (`other`), or not false: null counts as neither."""
    return Call(BOOL, "differs", (when, Lit(BOOL, other)))


def can_fail(expr: Expr) -> bool:
    """Whether evaluating this value may be an error."""
    if not isinstance(expr, Call):
        return False
    return (expr.fn in FAILING and not _harmless(expr)) or any(map(can_fail, expr.args))


def _harmless(expr: Call) -> bool:
    """A TRY_CAST or its like, or a cast into a type that holds every value."""
    if expr.fn in ("cast", "spark_cast"):
        source, strict = expr.params
        wide = expr.type in (INT, FLOAT) and source.name in ("int", "bool", "dec", "float")
        fits = wide and (expr.type == FLOAT or source.name in ("int", "bool"))
        return fits or not strict or (expr.type.name in ("str", "bool") and source.name != "str")
    return expr.fn == "strptime" and not expr.params[1]


def _within(expr: Expr, condition: Expr) -> Expr:
    """The value, with null for what can fail where the condition does not hold."""
    if not isinstance(expr, Call) or not can_fail(expr) or can_fail(condition):
        return expr
    args = tuple(_within(arg, condition) for arg in expr.args)
    if expr.fn in FAILING:
        first = args[0]
        args = (Call(first.type, "case", (condition, first, Lit(first.type, None))), *args[1:])
    return replace(expr, args=args)
