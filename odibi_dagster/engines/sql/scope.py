"""Which columns a name may mean, and the state of one SELECT while its parts are bound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import count
from typing import TYPE_CHECKING

from odibi_dagster.engines.sql.ir import Agg, Call, Col, Expr, Join, Lit, Rel, Window
from odibi_dagster.engines.sql.types import STR, SqlError
from odibi_dagster.errors import did_you_mean

if TYPE_CHECKING:
    from sqlglot import exp


@dataclass(frozen=True)
class Field:
    """A column as SQL names it, and as the frame names it. A merged one hides behind USING."""

    name: str
    col: Expr
    merged: bool = False


@dataclass(frozen=True)
class Source:
    """A table in FROM: its alias and columns."""

    alias: str
    fields: tuple[Field, ...]

    def find(self, name: str) -> list[Field]:
        """The columns of that name: exactly so written, else in any case."""
        found = self._by_name.get(name.lower(), [])
        return [f for f in found if f.name == name] or found

    @cached_property
    def _by_name(self) -> dict[str, list[Field]]:
        """The columns by their name in small letters: a query may name each of thousands."""
        found: dict[str, list[Field]] = {}
        for f in self.fields:
            found.setdefault(f.name.lower(), []).append(f)
        return found


@dataclass(frozen=True)
class Bound:
    """A query with names and types resolved: its frame, and its columns in order."""

    rel: Rel
    fields: tuple[Field, ...]


@dataclass
class Stage:
    """Columns that must be computed before an expression may name them."""

    aggs: dict[Agg, str] = field(default_factory=dict)
    windows: dict[Window, str] = field(default_factory=dict)
    unnests: list[tuple[str, Expr]] = field(default_factory=list)
    joins: list[Callable[[Rel], Join | Rel]] = field(default_factory=list)
    seen: dict[int, Expr] = field(default_factory=dict)

    def join(self, rel: Rel) -> Rel:
        """The frame with the subqueries met so far joined to it."""
        for add in self.joins:
            rel = add(rel)
        self.joins.clear()
        return rel


@dataclass(frozen=True)
class Context:
    """Where an expression stands: what it may name, and where it leaves what it needs first.

    `keys` is None before grouping; after it, only keys and aggregates may be named.
    """

    sources: tuple[Source, ...]
    stage: Stage
    subquery: Callable[[exp.Expr], Bound]
    names: count[int]
    dialect: str
    aliases: dict[str, exp.Expr] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()
    """Aliases that may not be named here."""
    keys: dict[Expr, Expr] | None = None
    inner: Context | None = None
    outer: Context | None = None
    clause: str = "SELECT"
    windows: bool = False
    trial: bool = False

    def fresh(self) -> str:
        """A column name nobody else has."""
        return f"__odibi_{next(self.names)}"

    def in_clause(self, clause: str, *, windows: bool = False) -> Context:
        """The same place under another heading (for error messages)."""
        return replace(self, clause=clause, windows=windows)

    def without_alias(self, name: str) -> Context:
        """The same place for the text behind an alias, which may not name itself."""
        return replace(self, hidden=self.hidden | {name.lower()})

    def behind(self, alias: str) -> exp.Expr | None:
        """What an alias of this SELECT stands for; None where there is none of that name."""
        return None if alias.lower() in self.hidden else self.aliases.get(alias.lower())

    def column(self, name: str, table: str = "") -> Expr | None:
        """The column of that name, or None. Two of them are an error."""
        if table and self.outer is not None and not self._tables(table):
            return self.outer.column(name, table)
        if table:
            found = [f for s in self._tables(table) for f in s.find(name)]
            if not found and not self._tables(table) and (struct := self.column(table)) is not None:
                return struct_field(struct, name)
        else:
            found = [f for s in self.sources for f in s.find(name) if not f.merged]
        if len(found) > 1:
            tables = ", ".join(f"{s.alias}.{name}" for s in self.sources if s.find(name))
            msg = f"column '{name}' is ambiguous; write one of {tables}"
            raise SqlError(msg)
        if not found and self.outer is not None:
            return self.outer.column(name, table)
        return found[0].col if found else None

    def _tables(self, alias: str) -> list[Source]:
        exact = [s for s in self.sources if s.alias == alias]
        return exact or [s for s in self.sources if s.alias.lower() == alias.lower()]

    def unknown(self, name: str, table: str = "") -> SqlError:
        """The error for a name that means nothing here."""
        if table and not self._tables(table):
            hint = did_you_mean(table, {s.alias for s in self.sources})
            return SqlError(f"no table '{table}' in this query; {hint}")
        sources = self._tables(table) if table else self.sources
        hint = did_you_mean(name, {f.name for s in sources for f in s.fields})
        return SqlError(f"no column '{name}'; {hint}")


def struct_field(struct: Expr, name: str) -> Expr:
    """A field of a struct value."""
    if struct.type.name == "struct":
        for field_name, type in struct.type.args:
            if field_name.lower() == name.lower():
                return Call(type, "struct_field", (struct,), (field_name,))
    msg = f"no field '{name}' in a value of type {struct.type}"
    raise SqlError(msg)


def text_of(expr: Expr, what: str) -> str:
    """The text of a literal; anything else is refused."""
    if isinstance(expr, Lit) and expr.type == STR:
        return str(expr.value)
    msg = f"{what} must be a quoted text"
    raise SqlError(msg)


def columns_in(expr: Expr) -> frozenset[str]:
    """The columns of the frame below that a value reads."""
    if isinstance(expr, Col):
        return frozenset((expr.name,))
    if isinstance(expr, Call):
        return frozenset().union(*(columns_in(arg) for arg in expr.args))
    return frozenset()
