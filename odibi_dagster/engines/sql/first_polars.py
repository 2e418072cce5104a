"""The first row of each key, on Polars: found by minima over the key, without a sort.

The rows are numbered once. A key's first row is the one whose place in the order, and then whose
number, is the least: for a whole number, a date or a timestamp both are packed into one integer of
128 bits, so that one window answers. Anything else narrows the rows one sort key at a time. Both
spill to disk where Polars is given a budget (`POLARS_OOC_MEMORY_BUDGET_MB`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import polars as pl

from odibi_dagster.engines.sql.ir import Col, Expr, Key, Window

_ROW = "__odibi_first_row"
_PART = "__odibi_first_part"
_ROWS = 1 << 40
"""More rows than a frame can have."""
_BEYOND = 1 << 64
"""Further from zero than any value of 64 bits."""
_WHOLE = ("bool", "int", "date", "ts", "tstz")
_NARROWING = (*_WHOLE, "str", "dec", "float")


def first_rows(
    frame: pl.LazyFrame, window: Window, express: Callable[[Expr], pl.Expr]
) -> pl.LazyFrame | None:
    """The rows that ROW_NUMBER() over this window numbers 1: among equals, the first one there is.

    None where only a sort would do: without a key, or where nulls of a text or a fraction come
    first.
    """
    narrow = all(key.expr.type.name in _WHOLE or not key.nulls_first for key in window.order)
    known = all(key.expr.type.name in _NARROWING for key in window.order)
    if not window.partition or not (narrow and known):
        return None
    named = {
        part.name if isinstance(part, Col) else f"{_PART}{i}": part
        for i, part in enumerate(window.partition)
    }
    made = {name: express(part) for name, part in named.items() if not isinstance(part, Col)}
    frame = frame.with_row_index(_ROW).with_columns(**made)
    for value, least in _levels(window.order, express):
        frame = frame.filter(value.eq_missing(least(value).over(list(named))))
    return frame.drop(_ROW, *made)


def first_of_each(frame: pl.LazyFrame, keys: Sequence[str]) -> pl.LazyFrame:
    """The first row there is of each key; null equals null."""
    row = pl.col(_ROW)
    return frame.with_row_index(_ROW).filter(row == row.min().over(keys)).drop(_ROW)


Level = tuple[pl.Expr, Callable[[pl.Expr], pl.Expr]]
"""A value, and what picks the one that a key's first row has."""


def _levels(order: Sequence[Key], express: Callable[[Expr], pl.Expr]) -> Iterator[Level]:
    for key in order[:-1]:
        yield from _level(key, express(key.expr))
    last = order[-1]
    if last.expr.type.name in _WHOLE:
        yield _packed(last, express(last.expr)), pl.Expr.min
    else:
        yield from _level(last, express(last.expr))
        yield pl.col(_ROW), pl.Expr.min


def _level(key: Key, value: pl.Expr) -> Iterator[Level]:
    if key.expr.type.name in _WHOLE:
        yield _whole(key, value), _least(key)
        return
    if key.expr.type.name == "float" and key.desc:
        # Polars passes NaN over, SQL has it greater than every number
        yield value.is_nan().cast(pl.Int8), pl.Expr.max
    yield value, _least(key)


def _least(key: Key) -> Callable[[pl.Expr], pl.Expr]:
    return pl.Expr.max if key.desc else pl.Expr.min


def _whole(key: Key, value: pl.Expr) -> pl.Expr:
    """The value as an integer; a null lies beyond all others, on the side where it belongs."""
    beyond = -_BEYOND if key.desc != key.nulls_first else _BEYOND
    return value.cast(pl.Int64).cast(pl.Int128).fill_null(pl.lit(beyond, dtype=pl.Int128))


def _packed(key: Key, value: pl.Expr) -> pl.Expr:
    place = _whole(key, value) * pl.lit(-_ROWS if key.desc else _ROWS, dtype=pl.Int128)
    return place + pl.col(_ROW).cast(pl.Int128)
