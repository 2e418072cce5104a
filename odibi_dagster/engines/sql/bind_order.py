"""ORDER BY, LIMIT and OFFSET over finished columns."""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from odibi_dagster.engines.sql.bind import bind, plain
from odibi_dagster.engines.sql.ir import (
    Expr,
    Key,
    Limit,
    Rel,
    Sort,
)  # fmt: skip
from odibi_dagster.engines.sql.scope import Bound, Context, Field, Source
from odibi_dagster.engines.sql.types import SqlError


def ordered_result(node: exp.Expr, rel: Rel, fields: list[Field], context: Context) -> Bound:
    """ORDER BY and LIMIT over finished columns."""
    if order := node.args.get("order"):
        here = replace(context, sources=(Source("", tuple(fields)),), clause="ORDER BY")
        rel = Sort(rel, tuple(order_key(n, fields, here) for n in order.expressions))
    return Bound(limited(node, rel), tuple(fields))


def order_key(node: exp.Expr, fields: list[Field], context: Context) -> Key:
    """One item of ORDER BY as a sort key."""
    desc, nulls_first = bool(node.args.get("desc")), bool(node.args.get("nulls_first"))
    return Key(
        plain(order_target(node.this, fields) or bind(node.this, context)), desc, nulls_first
    )


def order_target(node: exp.Expr, fields: list[Field]) -> Expr | None:
    """The output column that ORDER BY names: by position or by alias."""
    if isinstance(node, exp.Literal) and not node.is_string:
        at = int(node.name)
        if not 1 <= at <= len(fields):
            msg = f"ORDER BY {at}: the query has {len(fields)} columns"
            raise SqlError(msg)
        return fields[at - 1].col
    if isinstance(node, exp.Column) and not node.table:
        found = [f for f in fields if f.name.lower() == node.name.lower()]
        return found[0].col if found else None
    return None


def limited(node: exp.Expr, rel: Rel) -> Rel:
    """LIMIT and OFFSET, which are constants."""
    numbers = {}
    for key in ("limit", "offset"):
        if clause := node.args.get(key):
            value = clause.expression
            if not isinstance(value, exp.Literal) or value.is_string or not value.name.isdigit():
                msg = f"{key.upper()} must be a whole number"
                raise SqlError(msg)
            numbers[key] = int(value.name)
    return Limit(rel, numbers.get("limit"), numbers.get("offset", 0)) if numbers else rel
