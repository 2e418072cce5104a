"""A bound query as a Polars lazy plan. Nothing is collected; filters and columns push down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import polars as pl

from odibi_dagster.engines.sql import ir
from odibi_dagster.engines.sql.casts_polars import dtype
from odibi_dagster.engines.sql.coded_polars import Coded
from odibi_dagster.engines.sql.first import NumberedFirst, numbered_first
from odibi_dagster.engines.sql.first_polars import first_rows
from odibi_dagster.engines.sql.scope import Bound, columns_in
from odibi_dagster.engines.sql.staged_polars import Staging
from odibi_dagster.engines.sql.types import BOOL, INT, Type
from odibi_dagster.engines.sql.values_polars import expression, made
from odibi_dagster.engines.sql.windows_polars import windowed

_ROW, _REST = "__odibi_row", "__odibi_rest"


def plan(bound: Bound, frames: Mapping[str, pl.LazyFrame]) -> pl.LazyFrame:
    """The lazy frame of a query over named lazy frames."""
    return Planner(frames).result(bound)


class Planner:
    """Turns each frame of a bound query into a lazy frame, once."""

    def __init__(self, frames: Mapping[str, pl.LazyFrame]) -> None:
        self.frames = frames
        self.coded = Coded(frames)
        self.made: dict[ir.Rel, pl.LazyFrame] = {}

    def result(self, bound: Bound) -> pl.LazyFrame:
        """The frame of the whole query, its columns under the names the user gave."""
        self.coded.look(bound.rel)
        items = tuple((field.name, field.col) for field in bound.fields)
        return _select(self.frame(bound.rel), items)

    def frame(self, rel: ir.Rel) -> pl.LazyFrame:
        """The lazy frame of one part of the query."""
        if rel not in self.made:
            make: Callable[[Any], pl.LazyFrame] = getattr(self, f"_{type(rel).__name__.lower()}")
            self.made[rel] = make(rel)
        return self.made[rel]

    def _scan(self, rel: ir.Scan) -> pl.LazyFrame:
        return self.frames[rel.name]

    def _onerow(self, _: ir.OneRow) -> pl.LazyFrame:
        return pl.LazyFrame({_ROW: [0]})

    def _project(self, rel: ir.Project) -> pl.LazyFrame:
        return _select(self.frame(rel.source), rel.items)

    def _filter(self, rel: ir.Filter) -> pl.LazyFrame:
        if (wanted := numbered_first(rel)) and (first := self._first(wanted)) is not None:
            return first
        return _filtered(self.frame(rel.source), rel.condition)

    def _first(self, wanted: NumberedFirst) -> pl.LazyFrame | None:
        frame = first_rows(self.frame(wanted.source), wanted.window, expression)
        if frame is None:
            return None
        frame = frame.with_columns(pl.lit(1, dtype=pl.Int64).alias(wanted.name))
        frame = _select(frame, wanted.items) if wanted.items else frame
        for condition in wanted.others:
            frame = _filtered(frame, condition)
        return frame

    def _sort(self, rel: ir.Sort) -> pl.LazyFrame:
        return self.frame(rel.source).sort(
            [expression(key.expr) for key in rel.keys],
            descending=[key.desc for key in rel.keys],
            nulls_last=[not key.nulls_first for key in rel.keys],
        )

    def _limit(self, rel: ir.Limit) -> pl.LazyFrame:
        return self.frame(rel.source).slice(rel.offset, rel.count)

    def _distinct(self, rel: ir.Distinct) -> pl.LazyFrame:
        return self.frame(rel.source).unique()

    def _union(self, rel: ir.Union) -> pl.LazyFrame:
        return pl.concat([self.frame(part) for part in rel.parts], how="vertical")

    def _unnest(self, rel: ir.Unnest) -> pl.LazyFrame:
        frame = self.frame(rel.source).with_columns(expression(rel.items).alias(rel.name))
        return frame.filter(pl.col(rel.name).list.len() > 0).explode(rel.name)

    def _windowed(self, rel: ir.Windowed) -> pl.LazyFrame:
        return windowed(self.frame(rel.source), rel.items, expression)

    def _aggregate(self, rel: ir.Aggregate) -> pl.LazyFrame:
        staging = Staging(self.frame(rel.source))
        keys = {name: made(staging.value(key)) for name, key in rel.keys}
        aggs = [aggregate(staging.aggregate(agg)).alias(name) for name, agg in rel.aggs]
        if not rel.keys:
            return staging.frame.select(aggs or [pl.len().alias(_ROW)])
        groups = staging.frame.with_columns(**keys).group_by(list(keys)).agg(aggs)
        return self.coded.grouped(rel, groups)

    def _join(self, rel: ir.Join) -> pl.LazyFrame:
        left, right = self.frame(rel.left), self.coded.right(rel, self.frame(rel.right))
        if rel.how == "cross" and rel.rest is None:
            return left.join(right, how="cross")
        if rel.rest is None:
            return _equal(left, right, rel, rel.how)
        return _other_join(left, right, rel)


def _equal(left: pl.LazyFrame, right: pl.LazyFrame, rel: ir.Join, how: Any) -> pl.LazyFrame:
    if not rel.pairs:
        left, right = (
            left.with_columns(__odibi_one=pl.lit(1)),
            right.with_columns(__odibi_one_r=pl.lit(1)),
        )
        on: dict[str, Any] = {"left_on": ["__odibi_one"], "right_on": ["__odibi_one_r"]}
    else:
        on = {
            "left_on": [expression(a) for a, _ in rel.pairs],
            "right_on": [expression(b) for _, b in rel.pairs],
        }
    extra: dict[str, Any] = {} if how in ("semi", "anti") else {"coalesce": False}
    return left.join(right, how=how, nulls_equal=rel.same, **on, **extra)


def _other_join(left: pl.LazyFrame, right: pl.LazyFrame, rel: ir.Join) -> pl.LazyFrame:
    """A join with a condition besides equal values: matched on these, then judged row by row."""
    rest = expression(rel.rest) if rel.rest is not None else pl.lit(True)
    if rel.how in ("inner", "cross"):
        return (
            _equal(left, right, rel, "inner" if rel.pairs else "cross").filter(rest)
            if rel.pairs
            else (left.join(right, how="cross").filter(rest))
        )
    if rel.how in ("semi", "anti"):
        left = left.with_row_index(_ROW)
        matched = _equal(left, right, rel, "inner").filter(rest).select(_ROW).unique()
        return left.join(matched, on=_ROW, how=rel.how).drop(_ROW)  # type: ignore[arg-type]
    if rel.how == "right":
        turned = tuple((b, a) for a, b in rel.pairs)
        flipped = ir.Join(rel.right, rel.left, "left", turned, rel.rest, rel.same, rel.names[::-1])
        return _other_join(right, left, flipped)
    if rel.how == "full":
        both = _left_rest(left, right, rel, rest)
        lonely = ir.Join(
            rel.right, rel.left, "anti", tuple((b, a) for a, b in rel.pairs), rel.rest, rel.same
        )
        return pl.concat([both, _other_join(right, left, lonely)], how="diagonal")
    return _left_rest(left, right, rel, rest)


def _left_rest(
    left: pl.LazyFrame, right: pl.LazyFrame, rel: ir.Join, rest: pl.Expr
) -> pl.LazyFrame:
    """A left join: each left row keeps its matches, or stands once with nulls on the right."""
    right = right.with_columns(pl.lit(True).alias(_REST))
    joined = _equal(left.with_row_index(_ROW), right, rel, "left")
    judged = joined.with_columns(
        (pl.col(_REST).fill_null(False) & rest).fill_null(False).alias(_REST)
    )
    found = pl.col(_REST).any().over(_ROW)
    kept = judged.filter(pl.col(_REST) | (~found & pl.col(_ROW).is_first_distinct()))
    names = rel.names[1]
    return kept.with_columns(
        pl.when(pl.col(_REST)).then(pl.col(name)).alias(name) for name in names
    ).drop(_ROW, _REST)


def _filtered(frame: pl.LazyFrame, condition: ir.Expr) -> pl.LazyFrame:
    staging = Staging(frame)
    value = made(staging.value(condition))
    return staging.without(staging.frame.filter(value))


def _select(frame: pl.LazyFrame, items: ir.Named) -> pl.LazyFrame:
    staging = Staging(frame)
    columns = [made(staging.value(expr)).alias(name) for name, expr in items]
    if any(columns_in(expr) for _, expr in items):
        return staging.frame.select(columns)
    return frame.with_columns(columns).select(name for name, _ in items)


def _some(value: pl.Expr, result: pl.Expr) -> pl.Expr:
    return pl.when(value.count() > 0).then(result)


def _picked(value: pl.Expr, by: pl.Expr, *, biggest: bool) -> pl.Expr:
    known = value.is_not_null() & by.is_not_null()
    value, by = value.filter(known), by.filter(known)
    return value.sort_by(by, descending=biggest).first()


def _paired(fn: Callable[[pl.Expr, pl.Expr], pl.Expr]) -> Callable[[pl.Expr, pl.Expr], pl.Expr]:
    def over_known(a: pl.Expr, b: pl.Expr) -> pl.Expr:
        known = a.is_not_null() & b.is_not_null()
        return fn(a.filter(known), b.filter(known))

    return over_known


def _max(value: pl.Expr) -> pl.Expr:
    return value.max()


AGGREGATES: dict[str, Callable[..., pl.Expr]] = {
    "count": lambda a: a.count().cast(pl.Int64),
    "sum": lambda a: _some(a, a.sum()), "avg": lambda a: a.mean(), "min": lambda a: a.min(),
    "max": _max, "median": lambda a: a.median(), "stddev": lambda a: a.std(),
    "stddev_pop": lambda a: a.std(ddof=0), "variance": lambda a: a.var(),
    "variance_pop": lambda a: a.var(ddof=0), "any_value": lambda a: a.drop_nulls().first(),
    "quantile_cont": lambda a, q: a.quantile(q, interpolation="linear"),
    "first": lambda a: a.first(), "last": lambda a: a.last(),
    "arg_max": lambda a, b: _picked(a, b, biggest=True),
    "arg_min": lambda a, b: _picked(a, b, biggest=False),
    "bool_and": lambda a: _some(a, a.all()), "bool_or": lambda a: _some(a, a.any()),
    "count_if": lambda a: a.sum().cast(pl.Int64),
    "list": lambda a: pl.when(a.len() > 0).then(a.implode()),
    "string_agg": lambda a, sep=",": _some(a, a.drop_nulls().str.join(sep)),
    "product": lambda a: _some(a, a.product()), "corr": _paired(pl.corr),
    "covar_samp": _paired(lambda a, b: pl.cov(a, b, ddof=1)),
    "covar_pop": _paired(lambda a, b: pl.cov(a, b, ddof=0)),
}  # fmt: skip


def _is_narrow(value: ir.Expr) -> bool:
    """Whether values are of 32 bits at most: 2^32 of them, which no frame exceeds, fit in 64."""
    source = value.params[0] if isinstance(value, ir.Call) and value.fn == "cast" else value.type
    return source in (BOOL, *(Type("int", (width,)) for width in (8, 16, 32, "u8", "u16")))


def aggregate(agg: ir.Agg) -> pl.Expr:
    """An aggregate as a Polars expression over a group; what it takes is guarded already."""
    where = made(agg.where).fill_null(False) if agg.where is not None else None
    if agg.fn == "count_all":
        return (pl.len() if where is None else where.sum()).cast(pl.Int64)
    args = [made(arg) for arg in agg.args]
    if agg.fn == "max" and agg.args[0].type.name == "float":
        args = [args[0]]
    if where is not None:
        args = [arg.filter(where) for arg in args]
    if agg.order:
        by = [
            made(key.expr) if where is None else made(key.expr).filter(where) for key in agg.order
        ]
        args = [
            arg.sort_by(
                by,
                descending=[k.desc for k in agg.order],
                nulls_last=[not k.nulls_first for k in agg.order],
            )
            for arg in args
        ]
    if agg.distinct:
        args = [arg.drop_nulls().unique() if agg.fn != "list" else arg.unique() for arg in args]
    if agg.fn == "max" and agg.args[0].type.name == "float":
        return (
            pl.when(args[0].is_nan().any())
            .then(pl.lit(float("nan"), dtype=dtype(agg.type)))
            .otherwise(args[0].max())
        )
    if agg.fn == "list" and agg.args:
        return AGGREGATES["list"](args[0])
    if agg.fn == "sum" and agg.type == INT and not _is_narrow(agg.args[0]):
        # 64 bits would wrap around in silence: summed in 128, refused where 64 cannot hold it
        return AGGREGATES["sum"](args[0].cast(pl.Int128)).cast(pl.Int64, strict=True)
    return AGGREGATES[agg.fn](*args, *agg.params)
