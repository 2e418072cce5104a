"""WHERE: conditions become filters; IN (SELECT ...) and EXISTS become semi and anti joins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sqlglot import exp

from odibi_dagster.engines.sql.bind import bind
from odibi_dagster.engines.sql.bind_from import (
    bind_from,
    both_true,
    columns_of,
    names_of,
    renamed,
    split,
)
from odibi_dagster.engines.sql.bind_ops import alike, condition
from odibi_dagster.engines.sql.ir import Expr, Filter, Join, Rel
from odibi_dagster.engines.sql.scope import Bound, Context, Source, Stage, columns_in
from odibi_dagster.engines.sql.types import SqlError

Tables = Callable[[exp.Expr], tuple[Bound, str]]


def where(node: exp.Where | None, rel: Rel, context: Context, table: Tables) -> Rel:
    """The rows that WHERE keeps."""
    context = context.in_clause("WHERE")
    for part in _parts(node.this) if node else ():
        inner, negated = (part.this, True) if isinstance(part, exp.Not) else (part, False)
        while isinstance(inner, exp.Paren):
            inner = inner.this
        if isinstance(inner, exp.Exists):
            rel = _exists(inner.this, rel, context, table, "anti" if negated else "semi")
        elif isinstance(inner, exp.In) and inner.args.get("query") and not negated:
            rel = _in(inner, rel, context)
        else:
            wanted = condition(part, context)
            rel = Filter(context.stage.join(rel), wanted)
    return rel


def _parts(node: exp.Expr) -> list[exp.Expr]:
    while isinstance(node, exp.Paren):
        node = node.this
    if isinstance(node, exp.And):
        return [*_parts(node.left), *_parts(node.right)]
    return [node]


def _in(node: exp.In, rel: Rel, context: Context) -> Rel:
    query = node.args["query"]
    bound = context.subquery(query.this if isinstance(query, exp.Subquery) else query)
    if len(bound.fields) != 1:
        msg = "IN (SELECT ...) takes a subquery of one column"
        raise SqlError(msg)
    value = bind(node.this, context)
    rel = context.stage.join(rel)
    bound = renamed(bound, {n.lower() for n in columns_of(context.sources)}, context)
    pair = alike(value, bound.fields[0].col)
    return Join(rel, bound.rel, "semi", (pair,))


def _exists(query: exp.Expr, rel: Rel, context: Context, table: Tables, how: str) -> Rel:
    """EXISTS whose subquery may name columns of this query in its WHERE."""
    if not isinstance(query, exp.Select) or any(
        query.args.get(key)
        for key in ("group", "having", "qualify", "limit", "offset", "with_", "distinct")
    ):
        msg = "EXISTS takes a plain SELECT ... FROM ... WHERE; write a join for more"
        raise SqlError(msg)
    inner = replace(context, sources=(), stage=Stage(), aliases={})
    made = bind_from(query, inner, table)
    taken = {n.lower() for n in columns_of(context.sources)}
    fields = tuple(f for s in made.sources for f in s.fields)
    moved = renamed(Bound(made.rel, fields), taken, context)
    at, sources = 0, []
    for source in made.sources:
        sources.append(Source(source.alias, moved.fields[at : at + len(source.fields)]))
        at += len(source.fields)
    here = replace(inner, sources=tuple(sources), outer=context, clause="WHERE")
    clause = query.args.get("where")
    parts = [condition(part, here) for part in _parts(clause.this)] if clause else []
    if here.stage.joins:
        msg = "a subquery inside EXISTS is not supported; write a join"
        raise SqlError(msg)
    right = columns_of(tuple(sources))
    own = [part for part in parts if columns_in(part) <= right]
    others = both_true([part for part in parts if not columns_in(part) <= right])
    kept = both_true(own)
    other: Rel = Filter(moved.rel, kept) if kept is not None else moved.rel
    pairs: list[tuple[Expr, Expr]] = []
    rest: list[Expr] = []
    if others is not None:
        pairs, rest = split(others, columns_of(context.sources), right)
    return Join(
        context.stage.join(rel), other, how, tuple(pairs), both_true(rest), False,
        (names_of(context.sources), names_of(tuple(sources))),
    )  # fmt: skip
