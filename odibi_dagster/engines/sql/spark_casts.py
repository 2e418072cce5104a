"""Casts that nobody wrote: in the spark dialect only those that lose nothing and read no text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass

from odibi_dagster.engines.sql.ir import Call, Expr, Lit, Rel
from odibi_dagster.engines.sql.scope import Bound
from odibi_dagster.engines.sql.types import SqlError

_SAFE = {
    ("int", "int"), ("int", "float"), ("int", "dec"), ("dec", "dec"), ("dec", "float"),
    ("float", "float"), ("date", "ts"), ("date", "tstz"), ("ts", "tstz"), ("tstz", "ts"),
    ("ts", "ts"), ("tstz", "tstz"), ("category", "str"), ("date", "date"),
}  # fmt: skip


def check_casts(bound: Bound) -> None:
    """SqlError where Spark would convert a value in a way of its own, or refuse to."""
    for expr in _exprs((bound.rel, *(field.col for field in bound.fields))):
        if isinstance(expr, Call) and expr.fn == "cast":
            _check(expr)


def _check(expr: Call) -> None:
    source, (value,) = expr.params[0], expr.args
    if (source.name, expr.type.name) in _SAFE:
        return
    whole = isinstance(value, Lit) and re.fullmatch(r"-?[0-9]{1,18}", str(value.value))
    if whole and (source.name, expr.type.name) == ("str", "int"):
        return
    msg = (
        f"{source} is used as {expr.type} here; write CAST(... AS ...), so that it means one thing"
    )
    raise SqlError(msg)


def _exprs(parts: object) -> Iterator[Expr]:
    stack, seen = [parts], set()
    while stack:
        part = stack.pop()
        if isinstance(part, tuple | list):
            stack += part
        elif is_dataclass(part) and not isinstance(part, type):
            if isinstance(part, Rel):
                if id(part) in seen:
                    continue
                seen.add(id(part))
            if isinstance(part, Expr):
                yield part
            stack += [getattr(part, field.name) for field in fields(part)]
