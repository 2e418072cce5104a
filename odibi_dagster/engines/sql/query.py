"""A query or an expression of the user's, parsed when the file is loaded.

Pydantic fields typed `Sql` (one SELECT) or `SqlExpr` (one scalar expression) parse themselves:
the dialect comes from the validation context (`{"dialect": "duckdb"}`, the default).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import sqlglot
from pydantic import BeforeValidator, ValidationInfo
from sqlglot import exp

if TYPE_CHECKING:
    from collections.abc import Mapping

DIALECTS = ("duckdb", "spark")


@dataclass(frozen=True)
class Query:
    """One SELECT: its text, its dialect, its syntax tree, and the tables it reads."""

    text: str
    dialect: str
    tree: exp.Expression

    @classmethod
    def parse(cls, text: str, dialect: str = "duckdb") -> Query:
        """Parse and vet; ValueError names line and column of what is wrong."""
        return cls(text, dialect, sqlglot.parse_one(text, read=dialect))

    @property
    def tables(self) -> frozenset[str]:
        """The names it reads from outside (not its own CTEs)."""
        ctes = {cte.alias for cte in self.tree.find_all(exp.CTE)}
        return frozenset(table.name for table in self.tree.find_all(exp.Table)) - ctes


@dataclass(frozen=True)
class Expression:
    """One scalar SQL expression over the columns of a frame."""

    text: str
    dialect: str
    tree: exp.Expression

    @classmethod
    def parse(cls, text: str, dialect: str = "duckdb") -> Expression:
        """Parse and vet; ValueError names the column of what is wrong."""
        return cls(text, dialect, sqlglot.parse_one(text, read=dialect))

    @property
    def columns(self) -> frozenset[str]:
        """The columns it reads."""
        return frozenset(column.name for column in self.tree.find_all(exp.Column))


def filtering(condition: Expression) -> Query:
    """`SELECT * FROM df WHERE condition`."""
    raise NotImplementedError


def deriving(columns: Mapping[str, Expression]) -> Query:
    """`SELECT *, expression AS name, ... FROM df`. All expressions see the columns of `df`."""
    raise NotImplementedError


def _dialect(info: ValidationInfo) -> str:
    return str((info.context or {}).get("dialect", "duckdb"))


def _query(value: Any, info: ValidationInfo) -> Any:
    return Query.parse(value, _dialect(info)) if isinstance(value, str) else value


def _expression(value: Any, info: ValidationInfo) -> Any:
    return Expression.parse(value, _dialect(info)) if isinstance(value, str) else value


Sql = Annotated[Query, BeforeValidator(_query)]
SqlExpr = Annotated[Expression, BeforeValidator(_expression)]
