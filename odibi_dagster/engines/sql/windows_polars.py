"""Window functions on Polars: the frame is sorted once per window, then counted and accumulated."""

# ruff: noqa: E501, ARG005, PLW0108

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import reduce
from typing import Any

import polars as pl

from odibi_dagster.engines.sql import ir
from odibi_dagster.engines.sql.casts_polars import dtype
from odibi_dagster.engines.sql.ir import bounds
from odibi_dagster.engines.sql.types import SqlError

Express = Callable[[ir.Expr], pl.Expr]
_PART, _KEY, _N, _PEER, _ARG = (
    "__odibi_w_part",
    "__odibi_w_key",
    "__odibi_w_n",
    "__odibi_w_peer",
    "__odibi_w_arg",
)


def windowed(
    frame: pl.LazyFrame, items: tuple[tuple[str, ir.Window], ...], express: Express
) -> pl.LazyFrame:
    """The frame with these window columns; windows over the same rows share one sort."""

    def spec(item: tuple[str, ir.Window]) -> Any:
        return item[1].partition, item[1].order

    specs = list(dict.fromkeys(spec(item) for item in items))
    for each in specs:
        mine = [item for item in items if spec(item) == each]
        frame = _same_rows(frame, mine, express)
    return frame


def _same_rows(
    frame: pl.LazyFrame, items: list[tuple[str, ir.Window]], express: Express
) -> pl.LazyFrame:
    first = items[0][1]
    parts = [f"{_PART}{i}" for i in range(len(first.partition))]
    keys = [f"{_KEY}{i}" for i in range(len(first.order))]
    frame = frame.with_columns(
        *(express(e).alias(n) for n, e in zip(parts, first.partition, strict=True)),
        *(express(k.expr).alias(n) for n, k in zip(keys, first.order, strict=True)),
    )
    if keys:
        frame = frame.sort(
            [*parts, *keys],
            descending=[False] * len(parts) + [k.desc for k in first.order],
            nulls_last=[True] * len(parts) + [not k.nulls_first for k in first.order],
            maintain_order=True,
        )
    over = Over(parts, keys)
    frame = frame.with_columns(over.part(pl.int_range(1, pl.len() + 1, dtype=pl.Int64)).alias(_N))
    frame = frame.with_columns(over.peers(pl.col(_N).min()).alias(_PEER))
    args = {
        f"{_ARG}{i}_{j}": express(a) for i, (_, w) in enumerate(items) for j, a in enumerate(w.args)
    }
    frame = frame.with_columns(**args)
    for i, (name, window) in enumerate(items):
        columns = [pl.col(f"{_ARG}{i}_{j}") for j in range(len(window.args))]
        frame = _one(frame, name, window, columns, over)
    return frame.drop([*parts, *keys, _N, _PEER, *args])


class Over:
    """An expression over the partition, or over the rows equal in the order too."""

    def __init__(self, parts: list[str], keys: list[str]) -> None:
        self.parts, self.keys = parts, keys

    def part(self, expr: pl.Expr) -> pl.Expr:
        """Over the partition."""
        return expr.over(self.parts) if self.parts else expr

    def peers(self, expr: pl.Expr) -> pl.Expr:
        """Over the peers of each row."""
        return expr.over([*self.parts, *self.keys]) if self.parts or self.keys else expr


def _one(
    frame: pl.LazyFrame, name: str, window: ir.Window, args: list[pl.Expr], over: Over
) -> pl.LazyFrame:
    if window.fn in RANKINGS:
        return frame.with_columns(RANKINGS[window.fn](over, *window.params).alias(name))
    if window.fn == "shift":
        return frame.with_columns(_shifted(args, window.params[0], over).alias(name))
    if window.fn in ("first_value", "last_value", "nth_value"):
        return _picked(frame, name, window, args[0], over)
    value = args[0] if args else pl.lit(1, dtype=pl.Int64)
    if not args:
        frame = frame.with_columns(__odibi_w_one=value)
        value = pl.col("__odibi_w_one")
    if window.fn == "max" and window.args[0].type.name == "float":
        return _largest(frame, name, window, value, over)
    frame = _aggregated(frame, name, window, value, over)
    return frame if args else frame.drop("__odibi_w_one")


def _largest(
    frame: pl.LazyFrame, name: str, window: ir.Window, value: pl.Expr, over: Over
) -> pl.LazyFrame:
    """MAX of floats: NaN is the largest value in SQL, where Polars leaves it out."""
    nan = "__odibi_w_nan"
    flags = f"{nan}_flag"
    frame = frame.with_columns(value.is_nan().cast(pl.Int64).alias(flags))
    frame = _aggregated(
        frame, nan, replace(window, fn="sum", args=(window.args[0],)), pl.col(flags), over
    )
    frame = _aggregated(frame, name, window, value, over)
    kept = pl.when(pl.col(nan) > 0).then(float("nan")).otherwise(pl.col(name))
    return frame.with_columns(kept.cast(dtype(window.type)).alias(name)).drop(nan, flags)


def _count_rows() -> pl.Expr:
    return pl.len().cast(pl.Int64)


RANKINGS: dict[str, Callable[..., pl.Expr]] = {
    "row_number": lambda over: pl.col(_N),
    "rank": lambda over: pl.col(_PEER),
    "dense_rank": lambda over: over.part((pl.col(_N) == pl.col(_PEER)).cast(pl.Int64).cum_sum()),
    "percent_rank": lambda over: pl.when(over.part(_count_rows()) > 1)
    .then((pl.col(_PEER) - 1) / (over.part(_count_rows()) - 1)).otherwise(0.0),
    "cume_dist": lambda over: over.peers(pl.col(_N).max()) / over.part(_count_rows()),
    "ntile": lambda over, tiles: _ntile(over, tiles),
}  # fmt: skip


def _ntile(over: Over, tiles: int) -> pl.Expr:
    rows, at = over.part(_count_rows()), pl.col(_N) - 1
    small, extra = rows // tiles, rows % tiles
    big = extra * (small + 1)
    later = extra + (at - big) // pl.when(small > 0).then(small).otherwise(1)
    return pl.when(at < big).then(at // (small + 1)).otherwise(later) + 1


def _shifted(args: list[pl.Expr], steps: int, over: Over) -> pl.Expr:
    value, default = args
    moved = over.part(value.shift(steps))
    rows = over.part(_count_rows())
    outside = (pl.col(_N) <= steps) | (pl.col(_N) > rows + min(steps, 0))
    return pl.when(outside).then(default).otherwise(moved)


def _bounds(window: ir.Window, over: Over) -> tuple[pl.Expr, pl.Expr]:
    """The first and last row number of each row's frame, within the partition."""
    rows = over.part(_count_rows())
    if window.frame == "all":
        return pl.lit(1, dtype=pl.Int64), rows
    if window.frame == "peers":
        return pl.lit(1, dtype=pl.Int64), over.peers(pl.col(_N).max())
    start, end = bounds(window.frame)
    first = (
        pl.lit(1, dtype=pl.Int64)
        if start is None
        else pl.max_horizontal(pl.col(_N) + int(start), pl.lit(1))
    )
    last = rows if end is None else pl.min_horizontal(pl.col(_N) + int(end), rows)
    return first, last


def _picked(
    frame: pl.LazyFrame, name: str, window: ir.Window, value: pl.Expr, over: Over
) -> pl.LazyFrame:
    first, last = _bounds(window, over)
    at = {"first_value": first, "last_value": last}.get(window.fn)
    if at is None:
        at = first + (window.params[0] - 1)
    frame = frame.with_columns(
        pl.when((first <= last) & (at >= first) & (at <= last)).then(at).alias("__odibi_w_at")
    )
    found = over.part(value.gather((pl.col("__odibi_w_at") - 1).fill_null(0)))
    frame = frame.with_columns(
        pl.when(pl.col("__odibi_w_at").is_not_null()).then(found).alias(name)
    )
    return frame.drop("__odibi_w_at")


def _total(fn: str, value: pl.Expr) -> pl.Expr:
    from odibi_dagster.engines.sql.plan_polars import AGGREGATES

    return AGGREGATES[fn](value)


def _aggregated(
    frame: pl.LazyFrame, name: str, window: ir.Window, value: pl.Expr, over: Over
) -> pl.LazyFrame:
    fn = "count" if window.fn == "count_all" else window.fn
    if window.frame == "all":
        return frame.with_columns(over.part(_total(fn, value)).alias(name))
    running = (None, 0) if window.frame == "peers" else window.frame
    start, end = bounds(running)
    if start is None and end == 0:
        frame = frame.with_columns(_running(fn, value, over, window).alias(name))
    elif end is None and start == 0:
        frame = frame.with_columns(_running(fn, value, over, window, reverse=True).alias(name))
    elif start is not None and end is not None and int(end) - int(start) <= MAX_FRAME:
        return frame.with_columns(_near(fn, value, int(start), int(end), over).alias(name))
    else:
        msg = f"{fn} over this frame is not supported; write UNBOUNDED PRECEDING to CURRENT ROW or at most {MAX_FRAME} rows"
        raise SqlError(msg)
    if window.frame == "peers":
        frame = frame.with_columns(over.peers(pl.col(name).last()).alias(name))
    return frame


MAX_FRAME = 1000


def _running(
    fn: str, value: pl.Expr, over: Over, window: ir.Window, *, reverse: bool = False
) -> pl.Expr:
    def cumulative(one: pl.Expr) -> pl.Expr:
        return over.part(one.cum_sum(reverse=reverse))

    count = cumulative(value.is_not_null().cast(pl.Int64))
    if fn == "count":
        return count
    if fn in ("sum", "avg", "count_if"):
        total = cumulative(
            value.cast(pl.Int64).fill_null(0)
            if window.args and window.args[0].type.name == "bool"
            else value.fill_null(0)
        )
        if fn == "count_if":
            return total
        return pl.when(count > 0).then(total if fn == "sum" else total / count)
    if fn in ("min", "max"):
        one = value.cum_min(reverse=reverse) if fn == "min" else value.cum_max(reverse=reverse)
        return over.part(one.forward_fill() if not reverse else one.backward_fill())
    msg = f"{fn} over a running window is not supported; sum, avg, min, max and count are"
    raise SqlError(msg)


def _near(fn: str, value: pl.Expr, start: int, end: int, over: Over) -> pl.Expr:
    near = [over.part(value.shift(-step)) for step in range(start, end + 1)]
    count = reduce(lambda a, b: a + b, [one.is_not_null().cast(pl.Int64) for one in near])
    if fn == "count":
        return count
    if fn in ("sum", "avg"):
        total = reduce(lambda a, b: a + b, [one.fill_null(0) for one in near])
        return pl.when(count > 0).then(total if fn == "sum" else total / count)
    if fn in ("min", "max"):
        return pl.min_horizontal(near) if fn == "min" else pl.max_horizontal(near)
    msg = f"{fn} over a moving window is not supported; sum, avg, min, max and count are"
    raise SqlError(msg)
