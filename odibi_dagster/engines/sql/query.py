"""A query or an expression of the user's, parsed when the file is loaded.

Pydantic fields typed `Sql` (one SELECT) or `SqlExpr` (one scalar expression) parse themselves:
the dialect comes from the validation context (`{"dialect": "duckdb"}`, the default).

In the spark dialect a text means what Spark 4 gives for it in ANSI mode and UTC, on every engine:
back-ticks quote names and double quotes hold a text. What cannot be exact is refused at load.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, ValidationInfo
from sqlglot import exp

from odibi_dagster.core.partition import PLACEHOLDER, filled
from odibi_dagster.engines.sql.bind_select import bind_query
from odibi_dagster.engines.sql.types import SqlError, of_narwhals, of_spark
from odibi_dagster.engines.sql.vet import DIALECTS, parse
from odibi_dagster.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from odibi_dagster.core.frame import Frame
    from odibi_dagster.engines.sql.scope import Bound

__all__ = ["DIALECTS", "Expression", "Query", "Sql", "SqlExpr", "deriving", "filtering"]

_ROW_FOR_ROW = {"expressions", "from_", "order"}
"""The parts of a SELECT that neither add nor remove rows."""


@dataclass(frozen=True)
class Query:
    """One SELECT: its text, its dialect, its syntax tree, and the tables it reads."""

    text: str
    dialect: str
    tree: exp.Expr

    @classmethod
    def parse(cls, text: str, dialect: str = "duckdb") -> Query:
        """Parse and vet; ValueError names line and column of what is wrong.

        >>> sorted(Query.parse("SELECT a FROM df JOIN other USING (k)").tables)
        ['df', 'other']
        """
        return cls(text, dialect, parse(text, dialect, "query"))

    @cached_property
    def tables(self) -> frozenset[str]:
        """The names it reads from outside (not its own CTEs), as they are written."""
        return frozenset(_outside(self.tree, frozenset()))

    @property
    def row_for_row(self) -> bool:
        """Whether it surely yields one row for each row of the one table that it reads."""
        parts = {name: part for name, part in self.tree.args.items() if part}
        if not {"from_"} <= parts.keys() <= _ROW_FOR_ROW:
            return False
        spreading = self.tree.find(exp.UDTF) is not None
        aggregates = (n for n in self.tree.find_all(exp.AggFunc) if not n.find_ancestor(exp.Window))
        return isinstance(parts["from_"].this, exp.Table) and not (spreading or any(aggregates))

    def filled(self, key: str) -> Query:
        """See `core.partition.filled`: in its texts, and nowhere else."""
        if PLACEHOLDER not in self.text:
            return self
        return replace(self, text=filled(self.text, key), tree=_filled(self.tree, key))

    def bind(self, frames: Mapping[str, Frame]) -> Bound:
        """Names and types resolved against frames; ConfigError says what does not fit."""
        used = {name.lower() for name in self.tables}
        typed = of_spark if self.dialect == "spark" else of_narwhals
        schemas = {
            name: {c: typed(t) for c, t in frame.collect_schema().items()}
            if name.lower() in used
            else {}
            for name, frame in frames.items()
        }
        try:
            return bind_query(self.tree, schemas, self.dialect)
        except SqlError as error:
            shown = " ".join(self.text.split())
            msg = f"{error} (in sql: {shown[:120]}{'...' if len(shown) > 120 else ''})"
            raise ConfigError(msg) from None


def _outside(node: exp.Expr, ctes: frozenset[str]) -> set[str]:
    """Table names below a node that no CTE in reach defines; a CTE sees those before it."""
    found: set[str] = set()
    if isinstance(node, exp.Table):
        return set() if node.name.lower() in ctes else {node.name}
    if with_ := node.args.get("with_"):
        for cte in with_.expressions:
            found |= _outside(cte.this, ctes)
            ctes |= {cte.alias.lower()}
    for child in node.iter_expressions():
        if not isinstance(child, exp.With):
            found |= _outside(child, ctes)
    return found


@dataclass(frozen=True)
class Expression:
    """One scalar SQL expression over the columns of a frame."""

    text: str
    dialect: str
    tree: exp.Expr

    @classmethod
    def parse(cls, text: str, dialect: str = "duckdb") -> Expression:
        """Parse and vet; ValueError names the column of what is wrong.

        >>> sorted(Expression.parse("amount * 1.2 > limit_eur").columns)
        ['amount', 'limit_eur']
        """
        return cls(text, dialect, parse(text, dialect, "expression"))

    @cached_property
    def columns(self) -> frozenset[str]:
        """The columns it reads, as they are written."""
        return frozenset(column.name for column in self.tree.find_all(exp.Column))

    def filled(self, key: str) -> Expression:
        """See `core.partition.filled`: in its texts, and nowhere else."""
        if PLACEHOLDER not in self.text:
            return self
        return replace(self, text=filled(self.text, key), tree=_filled(self.tree, key))


def _filled(tree: exp.Expr, key: str) -> exp.Expr:
    """The tree with the key in its literals: there it is a text, whatever it holds."""

    def fill(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Literal) and node.is_string and PLACEHOLDER in node.name:
            return exp.Literal.string(filled(node.name, key))
        return node

    return tree.transform(fill)


def _from_df(*items: exp.Expr) -> exp.Select:
    return exp.Select(
        expressions=list(items), from_=exp.From(this=exp.Table(this=exp.to_identifier("df")))
    )


def filtering(condition: Expression) -> Query:
    """`SELECT * FROM df WHERE condition`: null is not true, so such rows go.

    >>> filtering(Expression.parse("amount > 0")).text
    'SELECT * FROM df WHERE amount > 0'
    """
    tree = _from_df(exp.Star())
    tree.set("where", exp.Where(this=condition.tree.copy()))
    text = f"SELECT * FROM df WHERE {condition.text}"  # noqa: S608  (only shown, never run)
    return Query(text, condition.dialect, tree)


def deriving(columns: Mapping[str, Expression]) -> Query:
    """`SELECT *, expression AS name FROM df`: every expression sees the columns of `df` alone.

    A name that `df` has already is replaced in its place; new ones follow in order.

    >>> deriving({"net": Expression.parse("gross - tax")}).text
    'SELECT *, gross - tax AS net FROM df'
    """
    named = [
        exp.Alias(this=e.tree.copy(), alias=exp.to_identifier(name, quoted=True))
        for name, e in columns.items()
    ]
    text = ", ".join(["SELECT *", *(f"{e.text} AS {name}" for name, e in columns.items())])
    tree = _from_df(exp.Star(), *named)
    tree.meta["deriving"] = True
    dialect = next((e.dialect for e in columns.values()), DIALECTS[0])
    return Query(f"{text} FROM df", dialect, tree)


def _dialect(info: ValidationInfo) -> str:
    return str((info.context or {}).get("dialect", DIALECTS[0]))


def _query(value: Any, info: ValidationInfo) -> Any:
    return Query.parse(value, _dialect(info)) if isinstance(value, str) else value


def _expression(value: Any, info: ValidationInfo) -> Any:
    return Expression.parse(value, _dialect(info)) if isinstance(value, str) else value


Sql = Annotated[Query, BeforeValidator(_query)]
SqlExpr = Annotated[Expression, BeforeValidator(_expression)]
