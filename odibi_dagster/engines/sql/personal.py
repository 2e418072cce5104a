"""Which columns of a query's result may hold personal data: read off its text, without a schema.

Told by name, and on the safe side: what is derived from such a column is personal too (a count is
not), a name that is personal in one table is so in all tables of the query, and where columns are
passed on by their place, every column of the result is.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from sqlglot import exp

from odibi_dagster.core.pii import EVERYTHING, NOTHING, Pii, together

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_BY_PLACE = (exp.UDTF, exp.Pivot, exp.Columns, exp.Aliases)
"""What makes columns of others by their place, or by a pattern of names."""


def query_pii(tree: exp.Expr, read: Mapping[str, Pii]) -> Pii:
    """Of the result of a query that reads these tables.

    >>> from odibi_dagster.engines.sql.query import Query
    >>> query = Query.parse("SELECT id, LOWER(mail) AS contact FROM df")
    >>> query_pii(query.tree, {"df": Pii.of(["mail"])}).names
    frozenset({'contact'})
    """
    pii = together(read.values())
    if not pii:
        return NOTHING
    if tree.find(*_BY_PLACE) or _renames_by_place(tree) or not _united_by_name(tree):
        return EVERYTHING
    items = list(_items(tree))
    while True:
        new = [item for item in items if not pii.holds(_name(item)) and derived(item, pii)]
        if any(not _name(item) for item in new):
            return EVERYTHING
        if not new:
            break
        pii |= Pii.of(map(_name, new))
    selects = list(_branches(tree))
    if any(select.is_star for select in selects):
        return pii
    return Pii.of(
        _name(item) for select in selects for item in select.expressions if derived(item, pii)
    )


def derived(tree: exp.Expr, pii: Pii) -> bool:
    """Whether an expression makes its value of personal data: of the column, or a field of it."""
    for column in tree.find_all(exp.Column):
        if column.find_ancestor(exp.Count) or isinstance(column.this, exp.Star):
            continue
        above = (part.name.casefold() for part in column.parts[:-1])
        if pii.holds(column.name) or not pii.names.isdisjoint(above):
            return True
    return False


def _items(tree: exp.Expr) -> Iterator[exp.Expr]:
    """Every column that any SELECT makes; of a `*` those that it renames or replaces."""
    for item in chain.from_iterable(select.expressions for select in tree.find_all(exp.Select)):
        if item.is_star:
            yield from item.find_all(exp.Alias)
        else:
            yield item


def _name(item: exp.Expr) -> str:
    return item.alias_or_name if isinstance(item, (exp.Alias, exp.Column, exp.Subquery)) else ""


def _renames_by_place(tree: exp.Expr) -> bool:
    """Whether a table is given columns of other names, as in `AS t(a, b)`."""
    return any(alias.args.get("columns") for alias in tree.find_all(exp.TableAlias))


def _united_by_name(tree: exp.Expr) -> bool:
    """Whether UNION and its like only bring columns of one name together."""
    return all(
        union.args.get("by_name") or _same_names(union) for union in tree.find_all(exp.SetOperation)
    )


def _same_names(union: exp.SetOperation) -> bool:
    selects = list(_branches(union))
    if any(select.is_star for select in selects):
        return False
    names = {tuple(_name(item).casefold() for item in select.expressions) for select in selects}
    return len(names) == 1 and "" not in names.pop()


def _branches(tree: exp.Expr) -> Iterator[exp.Select]:
    """The SELECTs whose rows a query gives."""
    if isinstance(tree, exp.SetOperation):
        yield from _branches(tree.left)
        yield from _branches(tree.right)
    elif isinstance(tree, (exp.Subquery, exp.Paren)):
        yield from _branches(tree.this)
    elif isinstance(tree, exp.Select):
        yield tree
