"""What a query means, once names and types are resolved: the one thing both engines read.

Every cast is explicit, every name is a column of the frame below, `*` is gone: nothing is left to
an engine's own taste. `Expr` classes are values of a row, `Rel` classes are frames.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from odibi_dagster.engines.sql.types import BOOL, NULL, STR, Type


@dataclass(frozen=True)
class Expr:
    """A value of each row."""

    type: Type


@dataclass(frozen=True)
class Col(Expr):
    """A column of the frame below."""

    name: str


@dataclass(frozen=True)
class Lit(Expr):
    """A constant; None is null. Text still adapts to the type it meets."""

    value: Any

    @property
    def adapts(self) -> bool:
        """Whether it is a quoted text or a bare null, which take the type of their partner."""
        return self.type in (STR, NULL)


@dataclass(frozen=True)
class Call(Expr):
    """A named function: one row of each engine's table. `params` are constants of the query."""

    fn: str
    args: tuple[Expr, ...] = ()
    params: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Key:
    """One sort key."""

    expr: Expr
    desc: bool = False
    nulls_first: bool = False


@dataclass(frozen=True)
class Agg(Expr):
    """A named aggregate over a group; `where` is its FILTER, `order` its own ORDER BY."""

    fn: str
    args: tuple[Expr, ...] = ()
    params: tuple[Any, ...] = ()
    distinct: bool = False
    where: Expr | None = None
    order: tuple[Key, ...] = ()


@dataclass(frozen=True)
class Window(Expr):
    """A named aggregate or ranking over the rows around each row.

    `frame` is "all" (the partition), "peers" (up to the current row and its equals), or a pair of
    row offsets, where None is unbounded: `(None, 0)` is every row up to the current one.
    """

    fn: str
    args: tuple[Expr, ...]
    params: tuple[Any, ...]
    partition: tuple[Expr, ...]
    order: tuple[Key, ...]
    frame: str | tuple[int | None, int | None]


class Rel:
    """A frame."""


Named = tuple[tuple[str, Expr], ...]


@dataclass(frozen=True, eq=False)
class Scan(Rel):
    """One of the frames the query was given."""

    name: str


@dataclass(frozen=True, eq=False)
class OneRow(Rel):
    """A frame of one row and no columns that matter: SELECT without FROM."""


@dataclass(frozen=True, eq=False)
class Project(Rel):
    """Exactly these columns."""

    source: Rel
    items: Named


@dataclass(frozen=True, eq=False)
class Filter(Rel):
    """The rows for which the condition is true (not false, not null)."""

    source: Rel
    condition: Expr


@dataclass(frozen=True, eq=False)
class Join(Rel):
    """Rows matched where all `pairs` are equal and `rest` holds; no column name is on both sides.

    `how`: inner, left, right, full, cross, semi, anti. `same` lets null equal null.
    """

    left: Rel
    right: Rel
    how: str
    pairs: tuple[tuple[Expr, Expr], ...] = ()
    rest: Expr | None = None
    same: bool = False
    names: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())


@dataclass(frozen=True, eq=False)
class Aggregate(Rel):
    """One row per distinct value of the keys; without keys exactly one row."""

    source: Rel
    keys: Named
    aggs: tuple[tuple[str, Agg], ...]


@dataclass(frozen=True, eq=False)
class Windowed(Rel):
    """The columns of the source and these window columns."""

    source: Rel
    items: tuple[tuple[str, Window], ...]


@dataclass(frozen=True, eq=False)
class Unnest(Rel):
    """One row per item of a list column, under a new name; empty and null lists give no row."""

    source: Rel
    name: str
    items: Expr


@dataclass(frozen=True, eq=False)
class Sort(Rel):
    """The rows in order."""

    source: Rel
    keys: tuple[Key, ...]


@dataclass(frozen=True, eq=False)
class Limit(Rel):
    """At most `count` rows (None: all) after skipping `offset`."""

    source: Rel
    count: int | None
    offset: int


@dataclass(frozen=True, eq=False)
class Distinct(Rel):
    """Each row once; null equals null."""

    source: Rel


@dataclass(frozen=True, eq=False)
class Union(Rel):
    """All rows of frames with the same columns."""

    parts: tuple[Rel, ...]


TRUE = Lit(BOOL, True)


def bounds(frame: str | tuple[int | None, int | None]) -> tuple[int | None, int | None]:
    """The row offsets of a frame that has them."""
    if isinstance(frame, str):
        msg = f"frame {frame} has no offsets"
        raise TypeError(msg)
    return frame
