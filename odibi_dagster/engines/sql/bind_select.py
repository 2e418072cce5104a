"""SELECT: clause by clause into frames, in the order SQL gives them their meaning."""

# ruff: noqa: E501

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import chain, combinations, count

from sqlglot import exp

from odibi_dagster.engines.sql import (  # noqa: F401  (they register their handlers)
    bind_text,
    bind_time,
    spark_ops,
    spark_text,
    spark_time,
)
from odibi_dagster.engines.sql.bind import HANDLERS, bind, cast, name_of, plain, unify
from odibi_dagster.engines.sql.bind_agg import _aggregate, keys_of
from odibi_dagster.engines.sql.bind_from import bind_from
from odibi_dagster.engines.sql.bind_ops import condition
from odibi_dagster.engines.sql.bind_where import where
from odibi_dagster.engines.sql.ir import (
    Aggregate,
    Call,
    Col,
    Distinct,
    Expr,
    Extend,
    Filter,
    Join,
    Key,
    Limit,
    Lit,
    Project,
    Rel,
    Scan,
    Sort,
    Union,
    Unnest,
    Window,
    Windowed,
)  # fmt: skip
from odibi_dagster.engines.sql.scope import Bound, Context, Field, Source, Stage
from odibi_dagster.engines.sql.spark_casts import check_casts
from odibi_dagster.engines.sql.types import BOOL, INT, SqlError, Type
from odibi_dagster.errors import did_you_mean

Schemas = Mapping[str, Mapping[str, Type]]
Ctes = Mapping[str, Bound]


def bind_query(tree: exp.Expr, schemas: Schemas, dialect: str) -> Bound:
    """A whole query over frames of these columns. SqlError says what is wrong."""
    bound = Binder(schemas, dialect).query(tree, {})
    if dialect == "spark":
        check_casts(bound)
    seen: set[str] = set()
    for field in bound.fields:
        if field.name.lower() in seen:
            msg = f"two columns are named '{field.name}'; give one an alias, or leave it out with EXCLUDE or USING"
            raise SqlError(msg)
        seen.add(field.name.lower())
    return bound


class Binder:
    """Binds the SELECTs of one query; column names it makes up never repeat."""

    def __init__(self, schemas: Schemas, dialect: str) -> None:
        self.schemas, self.dialect, self.names = schemas, dialect, count()

    def query(self, node: exp.Expr, ctes: Ctes, outer: Context | None = None) -> Bound:
        """A SELECT, a set operation, or one of them in parentheses."""
        if with_ := node.args.get("with_"):
            for cte in with_.expressions:
                bound = _aliased(self.query(cte.this, ctes), cte.args["alias"])
                ctes = {**ctes, cte.alias.lower(): bound}
        if isinstance(node, exp.Subquery):
            return self.query(node.this, ctes, outer)
        if isinstance(node, exp.SetOperation):
            return self._set_operation(node, ctes)
        if not isinstance(node, exp.Select):
            msg = "only SELECT is allowed here"
            raise SqlError(msg)
        return self._select(node, ctes)

    def table(self, node: exp.Expr, ctes: Ctes) -> tuple[Bound, str]:
        """A table in FROM and the name it goes by."""
        alias = node.args.get("alias")
        if isinstance(node, exp.Subquery):
            return _aliased(self.query(node.this, ctes), alias), node.alias or "subquery"
        if not isinstance(node, exp.Table):
            msg = f"'{node.sql('duckdb')[:60]}' is not supported in FROM; write a table name or a subquery"
            raise SqlError(msg)
        if node.name.lower() in ctes:
            return _aliased(ctes[node.name.lower()], alias), node.alias or node.name
        name = _matching(node.name, self.schemas)
        fields = tuple(
            Field(column, Col(type, column)) for column, type in self.schemas[name].items()
        )
        return _aliased(Bound(Scan(name), fields), alias), node.alias or node.name

    def context(self, ctes: Ctes) -> Context:
        """A place without columns yet."""
        return Context((), Stage(), lambda node: self.query(node, ctes), self.names, self.dialect)

    def _select(self, node: exp.Select, ctes: Ctes) -> Bound:
        context = self.context(ctes)
        made = bind_from(node, context, lambda table: self.table(table, ctes))
        deriving = bool(node.meta.get("deriving"))
        aliases = {} if deriving else {
            i.alias.lower(): i.this for i in node.expressions if isinstance(i, exp.Alias)
        }  # fmt: skip
        context = replace(context, sources=made.sources, aliases=aliases)
        rel = where(
            node.args.get("where"), made.rel, context, lambda table: self.table(table, ctes)
        )
        return Select(node, context).run(rel)

    def _set_operation(self, node: exp.SetOperation, ctes: Ctes) -> Bound:
        left, right = self.query(node.left, ctes), self.query(node.right, ctes)
        rights = _by_name(left, right) if node.args.get("by_name") else right.fields
        if len(left.fields) != len(rights):
            msg = f"{type(node).__name__.upper()}: {len(left.fields)} columns on the left, {len(rights)} on the right"
            raise SqlError(msg)
        names, lefts, theirs = [], [], []
        for mine, other in zip(left.fields, rights, strict=True):
            type_ = unify(mine.col.type, other.col.type)
            if type_ is None:
                msg = f"column '{mine.name}' is {mine.col.type} on one side and {other.col.type} on the other; write CAST"
                raise SqlError(msg)
            name = f"__odibi_{next(self.names)}"
            names.append(Field(mine.name, Col(type_, name)))
            lefts.append((name, cast(mine.col, type_)))
            theirs.append((name, cast(other.col, type_)))
        rel = _combined(
            node, Project(left.rel, tuple(lefts)), Project(right.rel, tuple(theirs)), names
        )
        return _ordered_result(node, rel, names, self.context(ctes))


def _matching(name: str, schemas: Schemas) -> str:
    if name in schemas:
        return name
    found = [known for known in schemas if known.lower() == name.lower()]
    if len(found) == 1:
        return found[0]
    msg = f"no table '{name}'; {did_you_mean(name, schemas)}"
    raise SqlError(msg)


def _aliased(bound: Bound, alias: exp.Expr | None) -> Bound:
    names = [column.name for column in alias.columns] if isinstance(alias, exp.TableAlias) else []
    fields = [replace(f, name=name) for f, name in zip(bound.fields, names, strict=False)]
    return Bound(bound.rel, (*fields, *bound.fields[len(fields) :]))


def _by_name(left: Bound, right: Bound) -> tuple[Field, ...]:
    theirs = {field.name.lower(): field for field in right.fields}
    if {f.name.lower() for f in left.fields} != set(theirs):
        msg = "BY NAME is supported for two sides of the same column names"
        raise SqlError(msg)
    return tuple(theirs[f.name.lower()] for f in left.fields)


def _combined(node: exp.SetOperation, left: Project, right: Project, fields: list[Field]) -> Rel:
    distinct = bool(node.args.get("distinct"))
    if isinstance(node, exp.Union):
        union = Union((left, right))
        return Distinct(union) if distinct else union
    if not distinct:
        msg = f"{type(node).__name__.upper()} ALL is not supported"
        raise SqlError(msg)
    names = {f.col.name: f"{f.col.name}_r" for f in fields if isinstance(f.col, Col)}
    other = Project(right, tuple((names[n], Col(e.type, n)) for n, e in right.items))
    pairs = tuple((Col(e.type, n), Col(e.type, names[n])) for n, e in left.items)
    how = "anti" if isinstance(node, exp.Except) else "semi"
    return Distinct(
        Join(left, other, how, pairs, None, True, (tuple(names), tuple(names.values())))
    )


def _ordered_result(node: exp.Expr, rel: Rel, fields: list[Field], context: Context) -> Bound:
    """ORDER BY and LIMIT over finished columns."""
    if order := node.args.get("order"):
        here = replace(context, sources=(Source("", tuple(fields)),), clause="ORDER BY")
        rel = Sort(rel, tuple(_order_key(n, fields, here) for n in order.expressions))
    return Bound(limited(node, rel), tuple(fields))


def _order_key(node: exp.Expr, fields: list[Field], context: Context) -> Key:
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
        for name in (*without, *other, *names):
            if not any(f.name.lower() == name for f in fields):
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
        return [_order_key(n, fields, context) for n in order.expressions]

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
    for field in fields:
        key = (
            field.name
            if field.name in found
            else next((n for n in found if n.lower() == field.name.lower()), field.name)
        )
        found[key] = replace(field, name=key)
    return list(found.values())


def title(node: exp.Expr) -> str:
    """The name of a column without an alias, as DuckDB has it."""
    if isinstance(node, exp.Column | exp.Dot):
        return node.output_name or node.name
    if isinstance(node, exp.Count) and isinstance(node.this, exp.Star):
        return "count_star()"
    return node.sql("duckdb", normalize_functions="lower")


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


_ = (Extend, keys_of)
