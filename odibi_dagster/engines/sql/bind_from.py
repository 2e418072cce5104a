"""FROM: tables, subqueries, UNNEST and joins become one frame and the names it offers."""

# ruff: noqa: E501

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlglot import exp

from odibi_dagster.engines.sql.bind import bind
from odibi_dagster.engines.sql.bind_ops import alike, condition
from odibi_dagster.engines.sql.ir import Call, Col, Expr, Join, OneRow, Project, Rel, Unnest
from odibi_dagster.engines.sql.scope import Bound, Context, Field, Source, Stage, columns_in
from odibi_dagster.engines.sql.types import BOOL, SqlError

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class From:
    """A frame under construction, and the sources it offers."""

    rel: Rel
    sources: tuple[Source, ...]
    taken: set[str]


def bind_from(
    node: exp.Select, context: Context, table: Callable[[exp.Expr], tuple[Bound, str]]
) -> From:
    """The FROM clause and its joins; without one, a single row."""
    if (first := node.args.get("from_")) is None:
        return From(OneRow(), (), set())
    made = _first(first.this, table)
    for join in node.args.get("joins") or ():
        _add(made, join, context, table)
    for lateral in node.args.get("laterals") or ():
        _lateral(made, lateral, context)
    return made


def _first(node: exp.Expr, table: Callable[[exp.Expr], tuple[Bound, str]]) -> From:
    bound, alias = table(node)
    taken = {f.col.name.lower() for f in bound.fields if isinstance(f.col, Col)}
    return From(bound.rel, (Source(alias, bound.fields),), taken)


def renamed(bound: Bound, taken: set[str], context: Context) -> Bound:
    """The same frame, its columns renamed where the frame it is joined to has them too."""
    names = {f.col.name.lower() for f in bound.fields if isinstance(f.col, Col)}
    if not names & taken:
        return bound
    fields, items = [], []
    for field in bound.fields:
        name = context.fresh()
        items.append((name, field.col))
        fields.append(replace(field, col=Col(field.col.type, name)))
    return Bound(Project(bound.rel, tuple(items)), tuple(fields))


def _add(
    made: From, join: exp.Join, context: Context, table: Callable[[exp.Expr], tuple[Bound, str]]
) -> None:
    if isinstance(join.this, exp.Unnest | exp.Lateral):
        _lateral(made, join.this, context)
        return
    bound, alias = table(join.this)
    if alias.lower() in {s.alias.lower() for s in made.sources}:
        msg = f"table name '{alias}' is used twice in FROM; give one of them an alias"
        raise SqlError(msg)
    bound = renamed(bound, made.taken, context)
    right = Source(alias, bound.fields)
    how = _how(join)
    using = [column.name for column in join.args.get("using") or ()]
    if join.args.get("method") == "NATURAL":
        using = [f.name for f in right.fields if any(s.find(f.name) for s in made.sources)]
    here = replace(context, clause="ON")
    pairs: list[tuple[Expr, Expr]] = []
    rest: list[Expr] = []
    if on := join.args.get("on"):
        inner = Stage()
        both = replace(here, sources=(*made.sources, right), stage=inner)
        pairs, rest = split(condition(on, both), columns_of(made.sources), columns_of((right,)))
        if inner.joins:
            msg = "a subquery in ON is not supported; write it in WHERE or join it"
            raise SqlError(msg)
    sources, right, pairs = _merge(
        made.sources, right, using, how, pairs, replace(here, sources=made.sources)
    )
    made.rel = Join(
        made.rel, bound.rel, how if pairs or rest or how not in ("inner",) else "cross", tuple(pairs),
        both_true(rest), False, (names_of(made.sources), names_of((right,))),
    )  # fmt: skip
    made.taken |= {f.col.name.lower() for f in bound.fields if isinstance(f.col, Col)}
    made.sources = sources if how in ("semi", "anti") else (*sources, right)


def _how(join: exp.Join) -> str:
    side, kind = (join.args.get("side") or "").upper(), (join.args.get("kind") or "").upper()
    conditions = (
        join.args.get("on") or join.args.get("using") or join.args.get("method") == "NATURAL"
    )
    if kind == "CROSS" or (not conditions and not side and kind in ("", "INNER")):
        return "cross"
    if not conditions:
        msg = f"{side} {kind} JOIN needs ON or USING"
        raise SqlError(msg)
    if kind in ("SEMI", "ANTI"):
        return kind.lower()
    return side.lower() or "inner"


def _merge(
    left: tuple[Source, ...], right: Source, using: list[str], how: str,
    pairs: list[tuple[Expr, Expr]], context: Context,
) -> tuple[tuple[Source, ...], Source, list[tuple[Expr, Expr]]]:  # fmt: skip
    """USING: the key columns of both sides are one column, filled from the side that has a row."""
    for name in using:
        mine, theirs = context.column(name), replace(context, sources=(right,)).column(name)
        if mine is None or theirs is None:
            raise context.unknown(name)
        one, other = alike(mine, theirs)
        pairs.append((one, other))
        both = {"right": other, "full": Call(one.type, "coalesce", (one, other))}.get(how, mine)
        left = tuple(
            replace(s, fields=tuple(
                replace(f, col=both) if f.name.lower() == name.lower() and not f.merged else f for f in s.fields
            ))
            for s in left
        )  # fmt: skip
        right = replace(right, fields=tuple(
            replace(f, merged=True) if f.name.lower() == name.lower() else f for f in right.fields
        ))  # fmt: skip
    return left, right, pairs


def columns_of(sources: tuple[Source, ...]) -> frozenset[str]:
    """Every column that these sources read from the frame."""
    return frozenset().union(*(columns_in(f.col) for s in sources for f in s.fields))


def names_of(sources: tuple[Source, ...]) -> tuple[str, ...]:
    """The same in a fixed order."""
    return tuple(sorted(columns_of(sources)))


def conjuncts(expr: Expr) -> list[Expr]:
    """The conditions that AND holds together."""
    if isinstance(expr, Call) and expr.fn == "and":
        return [part for arg in expr.args for part in conjuncts(arg)]
    return [expr]


def both_true(parts: list[Expr]) -> Expr | None:
    """Conditions under one AND."""
    found: Expr | None = None
    for part in parts:
        found = part if found is None else Call(BOOL, "and", (found, part))
    return found


def split(
    on: Expr, left: frozenset[str], right: frozenset[str]
) -> tuple[list[tuple[Expr, Expr]], list[Expr]]:
    """A join condition as pairs of equal values (left, right) and the rest."""
    pairs, rest = [], []
    for part in conjuncts(on):
        if isinstance(part, Call) and part.fn == "eq":
            one, other = part.args
            a, b = columns_in(one), columns_in(other)
            if a and b and a <= left and b <= right:
                pairs.append((one, other))
                continue
            if a and b and a <= right and b <= left:
                pairs.append((other, one))
                continue
        rest.append(part)
    return pairs, rest


def _lateral(made: From, node: exp.Expr, context: Context) -> None:
    unnest = node.this if isinstance(node, exp.Lateral) else node
    alias = node.args.get("alias")
    if node.args.get("outer") or type(unnest) not in (exp.Unnest, exp.Explode):
        msg = f"'{node.sql('spark')[:60]}' is not supported; write explode(x) or UNNEST(x)"
        raise SqlError(msg)
    name = alias.columns[0].name if alias and alias.columns else "unnest"
    (value,) = unnest.expressions or [unnest.this]
    items = bind(value, replace(context, sources=made.sources, clause="UNNEST"))
    if items.type.name != "list":
        msg = f"UNNEST takes a list, not {items.type}"
        raise SqlError(msg)
    column = context.fresh()
    made.rel = Unnest(made.rel, column, items)
    source = Source(
        alias.name if alias else "unnest", (Field(name, Col(items.type.args[0], column)),)
    )
    made.sources = (*made.sources, source)
