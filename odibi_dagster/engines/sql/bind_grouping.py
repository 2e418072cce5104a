"""GROUP BY: which aggregates a SELECT has, and its keys, one list per grouping set."""

from __future__ import annotations

from itertools import chain, combinations

from sqlglot import exp

from odibi_dagster.engines.sql.bind import HANDLERS, name_of
from odibi_dagster.engines.sql.bind_agg import _aggregate
from odibi_dagster.engines.sql.types import SqlError


def has_aggregate(node: exp.Expr) -> bool:
    """Whether an expression holds an aggregate of this very SELECT, not of a window or subquery."""
    if isinstance(node, exp.Query):
        return False
    if isinstance(node, exp.Window):
        inner = node.this
        while isinstance(inner, exp.Filter | exp.IgnoreNulls):
            inner = inner.this
        return any(
            has_aggregate(n)
            for n in (
                *inner.iter_expressions(),
                *(n for n in node.iter_expressions() if n is not node.this),
            )
        )
    if HANDLERS.get(name_of(node)) is _aggregate:
        return True
    return any(has_aggregate(child) for child in node.iter_expressions())


def grouping_sets(group: exp.Group, node: exp.Select) -> list[list[exp.Expr]]:
    """GROUP BY as lists of keys, one per grouping set."""
    if group.args.get("all"):
        return [[i.unalias() for i in node.expressions if not has_aggregate(i)]]
    wide = (exp.Rollup, exp.Cube, exp.GroupingSets)
    sets: list[list[exp.Expr]] = [[n for n in group.expressions if not isinstance(n, wide)]]

    def found(kind: type[exp.Expr], key: str) -> list[exp.Expr]:
        return [
            *(n for n in group.expressions if isinstance(n, kind)),
            *(group.args.get(key) or ()),
        ]

    for rollup in found(exp.Rollup, "rollup"):
        if not rollup.expressions:
            msg = "WITH ROLLUP is not supported; write GROUP BY ROLLUP (a, b)"
            raise SqlError(msg)
        parts = [_tuple(n) for n in rollup.expressions]
        sets = [[*s, *chain(*parts[:n])] for s in sets for n in range(len(parts), -1, -1)]
    for cube in found(exp.Cube, "cube"):
        if not cube.expressions:
            msg = "WITH CUBE is not supported; write GROUP BY CUBE (a, b)"
            raise SqlError(msg)
        parts = [_tuple(n) for n in cube.expressions]
        sets = [
            [*s, *chain(*c)]
            for s in sets
            for n in range(len(parts), -1, -1)
            for c in combinations(parts, n)
        ]
    for grouping in found(exp.GroupingSets, "grouping_sets"):
        sets = [s + _tuple(n) for s in sets for n in grouping.expressions]
    return sets


def _tuple(node: exp.Expr) -> list[exp.Expr]:
    if isinstance(node, exp.Tuple):
        return list(node.expressions)
    return [node.this if isinstance(node, exp.Paren) else node]
