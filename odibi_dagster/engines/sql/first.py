"""`ROW_NUMBER() ... = 1` in a bound query: the first row of each key is wanted, no number is."""

from __future__ import annotations

from dataclasses import dataclass

from odibi_dagster.engines.sql.bind_from import conjuncts
from odibi_dagster.engines.sql.ir import (
    Call,
    Col,
    Expr,
    Filter,
    Lit,
    Named,
    Project,
    Rel,
    Window,
    Windowed,
)

_FIRST = {("eq", 1), ("le", 1), ("lt", 2)}


@dataclass(frozen=True)
class NumberedFirst:
    """Rows of `source` that `window` numbers 1, the number being a column `name` of them.

    `items` are the columns taken from them (empty: all), `others` what else these must fulfil.
    """

    source: Rel
    window: Window
    name: str
    items: Named
    others: tuple[Expr, ...]


def numbered_first(rel: Filter) -> NumberedFirst | None:
    """What a filter keeps, where that is the first row of each key; None for any other filter."""
    conditions, below = _conditions(rel)
    items: Named = ()
    if isinstance(below, Project):
        items, below = below.items, below.source
    if not isinstance(below, Windowed) or len(below.items) != 1:
        return None
    ((name, window),) = below.items
    called = {name} if not items else {n for n, e in items if isinstance(e, Col) and e.name == name}
    others = tuple(condition for condition in conditions if not _is_first(condition, called))
    if window.fn != "row_number" or len(others) == len(conditions):
        return None
    return NumberedFirst(below.source, window, name, items, others)


def _conditions(rel: Rel) -> tuple[list[Expr], Rel]:
    """All that filters above each other ask for, in the order they were applied, and the rest."""
    if not isinstance(rel, Filter):
        return [], rel
    before, below = _conditions(rel.source)
    return [*before, *conjuncts(rel.condition)], below


def _is_first(condition: Expr, names: set[str]) -> bool:
    if not isinstance(condition, Call) or len(condition.args) != 2:
        return False
    number, limit = condition.args
    if not (isinstance(number, Col) and number.name in names and isinstance(limit, Lit)):
        return False
    return (condition.fn, limit.value) in _FIRST
