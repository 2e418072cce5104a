"""One SELECT after FROM and WHERE: grouping, windows, columns, order."""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from odibi_dagster.engines.sql.bind import bind, plain
from odibi_dagster.engines.sql.bind_grouping import grouping_sets, has_aggregate
from odibi_dagster.engines.sql.bind_ops import condition
from odibi_dagster.engines.sql.bind_order import limited, order_key
from odibi_dagster.engines.sql.ir import (
    Aggregate,
    Call,
    Col,
    Distinct,
    Expr,
    Filter,
    Key,
    Lit,
    Project,
    Rel,
    Sort,
    Union,
    Unnest,
    Window,
    Windowed,
)  # fmt: skip
from odibi_dagster.engines.sql.scope import Bound, Context, Field, Stage
from odibi_dagster.engines.sql.types import BOOL, INT, SqlError


class Select:
    """One SELECT after FROM and WHERE: grouping, windows, columns, order."""

    def __init__(self, node: exp.Select, context: Context) -> None:
        self.node, self.source, self.context = node, context, context
        self.rel: Rel

    def run(self, rel: Rel) -> Bound:
        """The frame of the SELECT and its columns."""
        self.rel = rel
        grouped = self._group()
        context = self.context.in_clause("SELECT", windows=True)
        having = self.node.args.get("having")
        kept = having and condition(having.this, self.context.in_clause("HAVING"))
        fields = self._columns(context)
        order = self._order(fields, context)
        on = self._distinct_on(order, context)
        qualify = self.node.args.get("qualify")
        wanted = qualify and condition(
            qualify.this, self.context.in_clause("QUALIFY", windows=True)
        )
        rel = self._grouped(grouped) if grouped is not None else self.rel
        rel = self.context.stage.join(rel)
        if kept is not None:
            rel = Filter(rel, kept)
        for name, items in self.context.stage.unnests:
            rel = Unnest(rel, name, items)
        if windows := self.context.stage.windows:
            rel = Windowed(rel, tuple((name, window) for window, name in windows.items()))
        for test in (wanted, on):
            rel = Filter(rel, test) if test is not None else rel
        return self._finished(rel, fields, order)

    def _group(self) -> list[list[tuple[str, Expr]]] | None:
        """Group keys (one list per grouping set), or None for a query without grouping."""
        group = self.node.args.get("group")
        if group is None and not any(has_aggregate(n) for n in self._after_grouping()):
            return None
        sets = grouping_sets(group, self.node) if group else [[]]
        context = self.source.in_clause("GROUP BY")
        keys: dict[Expr, str] = {}
        bound = [[plain(self._key(n, context)) for n in each] for each in sets]
        for key in (key for each in bound for key in each):
            keys.setdefault(key, self.source.fresh())
        self.rel = self.source.stage.join(self.rel)
        self.context = replace(
            self.source, stage=Stage(), inner=self.source.in_clause("an aggregate"),
            keys={key: Col(key.type, name) for key, name in keys.items()},
        )  # fmt: skip
        self._keys = keys
        return [[(keys[key], key) for key in dict.fromkeys(each)] for each in bound]

    def _after_grouping(self) -> list[exp.Expr]:
        nodes = [*self.node.expressions]
        nodes += [
            self.node.args[k] for k in ("having", "qualify", "order") if self.node.args.get(k)
        ]
        return nodes

    def _key(self, node: exp.Expr, context: Context) -> Expr:
        if isinstance(node, exp.Literal) and not node.is_string:
            node = self.node.expressions[int(node.name) - 1].unalias()
        return bind(node, context)

    def _grouped(self, sets: list[list[tuple[str, Expr]]]) -> Rel:
        source = self.source.stage.join(self.rel)
        aggs = tuple((name, agg) for agg, name in self.context.stage.aggs.items())
        if len(sets) == 1:
            return Aggregate(source, tuple(sets[0]), aggs)
        parts = []
        for keys in sets:
            present = {name for name, _ in keys}
            part = Aggregate(source, tuple(keys), aggs)
            items = [
                (name, Col(key.type, name) if name in present else Lit(key.type, None))
                for key, name in self._keys.items()
            ]
            parts.append(
                Project(part, (*items, *((name, Col(agg.type, name)) for name, agg in aggs)))
            )
        return Union(tuple(parts))

    def _columns(self, context: Context) -> list[Field]:
        fields: list[Field] = []
        for item in self.node.expressions:
            inner = item.unalias()
            star = inner if isinstance(inner, exp.Star) else inner.this
            if isinstance(star, exp.Star) and isinstance(inner, exp.Star | exp.Column):
                table = inner.table if isinstance(inner, exp.Column) else ""
                fields += self._star(star, table, context)
            else:
                here = context.without_alias(item.alias) if isinstance(item, exp.Alias) else context
                fields.append(Field(item.alias or title(inner), bind(inner, here)))
        return _replaced(fields) if self.node.meta.get("deriving") else fields

    def _star(self, star: exp.Star, table: str, context: Context) -> list[Field]:
        sources = [s for s in context.sources if not table or s.alias.lower() == table.lower()]
        if not sources:
            raise context.unknown("*", table)
        if context.keys is not None:
            msg = "* needs a query without GROUP BY and aggregates; name the columns"
            raise SqlError(msg)
        fields = [f for s in sources for f in s.fields if table or not f.merged]
        without = {n.name.lower() for n in star.args.get("except_") or ()}
        other = {n.alias.lower(): n.this for n in star.args.get("replace") or ()}
        names = {n.this.name.lower(): n.alias for n in star.args.get("rename") or ()}
        known = {f.name.lower() for f in fields}
        for name in (*without, *other, *names):
            if name not in known:
                raise context.unknown(name)
        return [
            Field(
                names.get(f.name.lower(), f.name),
                bind(other[f.name.lower()], context) if f.name.lower() in other else f.col,
            )
            for f in fields
            if f.name.lower() not in without
        ]

    def _order(self, fields: list[Field], context: Context) -> list[Key]:
        order = self.node.args.get("order")
        if order is None:
            return []
        if all(
            n.this.name.upper() == "ALL" and isinstance(n.this, exp.Column | exp.Var)
            for n in order.expressions
        ):
            first = order.expressions[0]
            return [
                Key(plain(f.col), bool(first.args.get("desc")), bool(first.args.get("nulls_first")))
                for f in fields
            ]
        return [order_key(n, fields, context) for n in order.expressions]

    def _distinct_on(self, order: list[Key], context: Context) -> Expr | None:
        distinct = self.node.args.get("distinct")
        if distinct is None or distinct.args.get("on") is None:
            return None
        on = distinct.args["on"]
        keys = tuple(
            plain(bind(n, context)) for n in (on.expressions if isinstance(on, exp.Tuple) else [on])
        )
        if not order:
            msg = "DISTINCT ON needs ORDER BY: without it the row it keeps is not defined"
            raise SqlError(msg)
        window = Window(INT, "row_number", (), (), keys, tuple(order), "peers")
        name = self.context.stage.windows.setdefault(window, context.fresh())
        return Call(BOOL, "eq", (Col(INT, name), Lit(INT, 1)))

    def _finished(self, rel: Rel, fields: list[Field], order: list[Key]) -> Bound:
        distinct = self.node.args.get("distinct")
        out, seen = [], set[str]()
        for field in fields:
            name = field.name if field.name.lower() not in seen else self.source.fresh()
            seen.add(name.lower())
            out.append((name, field.col))
        result = tuple(
            Field(f.name, Col(f.col.type, name)) for f, (name, _) in zip(fields, out, strict=True)
        )
        if distinct is not None and distinct.args.get("on") is None:
            shown = {col: Col(col.type, name) for name, col in out}
            if any(key.expr not in shown for key in order):
                msg = "ORDER BY of SELECT DISTINCT must name columns of the SELECT list"
                raise SqlError(msg)
            rel = Distinct(Project(rel, tuple(out)))
            order = [replace(key, expr=shown[key.expr]) for key in order]
            rel = Sort(rel, tuple(order)) if order else rel
            return Bound(limited(self.node, rel), result)
        if not order:
            return Bound(limited(self.node, Project(rel, tuple(out))), result)
        hidden = [(self.source.fresh(), key.expr) for key in order]
        keys = tuple(
            replace(k, expr=Col(k.expr.type, n)) for k, (n, _) in zip(order, hidden, strict=True)
        )
        rel = limited(self.node, Sort(Project(rel, (*out, *hidden)), keys))
        return Bound(Project(rel, tuple((n, Col(e.type, n)) for n, e in out)), result)


def _replaced(fields: list[Field]) -> list[Field]:
    """A later column of the same name takes the place of the earlier one."""
    found: dict[str, Field] = {}
    first: dict[str, str] = {}
    for field in fields:
        same = first.setdefault(field.name.lower(), field.name)
        key = field.name if field.name in found else same
        found[key] = replace(field, name=key)
    return list(found.values())


def title(node: exp.Expr) -> str:
    """The name of a column without an alias, as DuckDB has it."""
    if isinstance(node, exp.Column | exp.Dot):
        return node.output_name or node.name
    if isinstance(node, exp.Count) and isinstance(node.this, exp.Star):
        return "count_star()"
    return node.sql("duckdb", normalize_functions="lower")
