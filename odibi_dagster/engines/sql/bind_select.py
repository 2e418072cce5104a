"""SELECT: clause by clause into frames, in the order SQL gives them their meaning."""

# ruff: noqa: E501

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import count

from sqlglot import exp

from odibi_dagster.engines.sql import (  # noqa: F401  (they register their handlers)
    bind_text,
    bind_time,
    spark_ops,
    spark_text,
    spark_time,
)
from odibi_dagster.engines.sql.bind import cast, unify
from odibi_dagster.engines.sql.bind_from import bind_from
from odibi_dagster.engines.sql.bind_one_select import Select
from odibi_dagster.engines.sql.bind_order import ordered_result
from odibi_dagster.engines.sql.bind_where import where
from odibi_dagster.engines.sql.ir import (
    Col,
    Distinct,
    Join,
    Project,
    Rel,
    Scan,
    Union,
)  # fmt: skip
from odibi_dagster.engines.sql.scope import Bound, Context, Field, Stage
from odibi_dagster.engines.sql.spark_casts import check_casts
from odibi_dagster.engines.sql.types import SqlError, Type
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
        return ordered_result(node, rel, names, self.context(ctes))


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
