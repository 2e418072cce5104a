"""A bound query as a Spark DataFrame. Nothing runs, no view is registered, no row leaves Spark."""

# ruff: noqa: E501, N812, ARG005

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

from pyspark.sql import Column, DataFrame, Window, WindowSpec
from pyspark.sql import functions as F

from odibi_dagster.engines.sql import ir
from odibi_dagster.engines.sql.casts_spark import cast, ddl, lit
from odibi_dagster.engines.sql.functions_spark import FUNCTIONS
from odibi_dagster.engines.sql.ir import bounds
from odibi_dagster.engines.sql.scope import Bound
from odibi_dagster.engines.sql.spark_spark import spark_cast

_HOW = {
    "inner": "inner", "left": "left", "right": "right", "full": "full", "semi": "leftsemi",
    "anti": "leftanti",
}  # fmt: skip


CASTS = {"cast": cast, "spark_cast": spark_cast}


def plan(
    bound: Bound, frames: Mapping[str, DataFrame], one_row: Callable[[], DataFrame]
) -> DataFrame:
    """The DataFrame of a query over named DataFrames; `one_row` makes one without columns."""
    planner = Planner(frames, one_row)
    frame = planner.frame(bound.rel)
    return frame.select(*(expression(f.col).alias(f.name) for f in bound.fields))


def column(name: str) -> Column:
    """A column by its exact name, whatever characters it holds."""
    return F.col("`" + name.replace("`", "``") + "`")


def expression(expr: ir.Expr) -> Column:
    """A value of each row as a Spark column."""
    if isinstance(expr, ir.Col):
        return column(expr.name)
    if isinstance(expr, ir.Lit):
        return lit(expr.value, expr.type)
    if not isinstance(expr, ir.Call):
        msg = f"{type(expr).__name__} is no value of a row"
        raise TypeError(msg)
    args = [expression(arg) for arg in expr.args]
    if expr.fn in CASTS:
        source, strict = expr.params
        return CASTS[expr.fn](args[0], source, strict, expr.type)
    made = FUNCTIONS[expr.fn](*args, *expr.params)
    fixed = expr.type.name in ("dec", "ts", "float") and expr.fn not in (
        "case",
        "coalesce",
        "list_get",
    )
    return made.cast(ddl(expr.type)) if fixed else made


def _sort_key(key: ir.Key) -> Column:
    value = expression(key.expr)
    if key.desc:
        return value.desc_nulls_first() if key.nulls_first else value.desc_nulls_last()
    return value.asc_nulls_first() if key.nulls_first else value.asc_nulls_last()


class Planner:
    """Turns each frame of a bound query into a DataFrame, once."""

    def __init__(self, frames: Mapping[str, DataFrame], one_row: Callable[[], DataFrame]) -> None:
        self.frames, self.one_row = frames, one_row
        self.made: dict[ir.Rel, DataFrame] = {}

    def frame(self, rel: ir.Rel) -> DataFrame:
        """The DataFrame of one part of the query."""
        if rel not in self.made:
            make: Callable[[Any], DataFrame] = getattr(self, f"_{type(rel).__name__.lower()}")
            self.made[rel] = make(rel)
        return self.made[rel]

    def _scan(self, rel: ir.Scan) -> DataFrame:
        return self.frames[rel.name]

    def _onerow(self, _: ir.OneRow) -> DataFrame:
        return self.one_row()

    def _project(self, rel: ir.Project) -> DataFrame:
        return self.frame(rel.source).select(*(expression(e).alias(n) for n, e in rel.items))

    def _filter(self, rel: ir.Filter) -> DataFrame:
        return self.frame(rel.source).filter(expression(rel.condition))

    def _sort(self, rel: ir.Sort) -> DataFrame:
        return self.frame(rel.source).orderBy(*map(_sort_key, rel.keys))

    def _limit(self, rel: ir.Limit) -> DataFrame:
        frame = self.frame(rel.source)
        frame = frame.offset(rel.offset) if rel.offset else frame
        return frame if rel.count is None else frame.limit(rel.count)

    def _distinct(self, rel: ir.Distinct) -> DataFrame:
        return self.frame(rel.source).distinct()

    def _union(self, rel: ir.Union) -> DataFrame:
        return reduce(DataFrame.unionByName, map(self.frame, rel.parts))

    def _unnest(self, rel: ir.Unnest) -> DataFrame:
        return self.frame(rel.source).select("*", F.explode(expression(rel.items)).alias(rel.name))

    def _windowed(self, rel: ir.Windowed) -> DataFrame:
        return self.frame(rel.source).select("*", *(window(w).alias(n) for n, w in rel.items))

    def _aggregate(self, rel: ir.Aggregate) -> DataFrame:
        frame = self.frame(rel.source)
        aggs = [aggregate(agg).alias(name) for name, agg in rel.aggs]
        if not rel.keys:
            return frame.agg(*(aggs or [F.count(F.lit(1)).alias("__odibi_rows")]))
        keys = [expression(key).alias(name) for name, key in rel.keys]
        return frame.groupBy(*keys).agg(*aggs) if aggs else frame.select(*keys).distinct()

    def _join(self, rel: ir.Join) -> DataFrame:
        left, right = self.frame(rel.left), self.frame(rel.right)
        equal = FUNCTIONS["same" if rel.same else "eq"]
        tests = [equal(expression(a), expression(b)) for a, b in rel.pairs]
        if rel.rest is not None:
            tests.append(expression(rel.rest))
        if rel.how == "cross" and not tests:
            return left.crossJoin(right)
        on = reduce(lambda a, b: a & b, tests) if tests else F.lit(True)
        return left.join(right, on, _HOW["inner" if rel.how == "cross" else rel.how])


def _picked(value: Column, by: Column, pick: Callable[[Column, Column], Column]) -> Column:
    return pick(value, F.when(value.isNotNull(), by))


AGGREGATES: dict[str, Callable[..., Column]] = {
    "count": F.count, "sum": F.sum, "avg": F.avg, "min": F.min, "max": F.max, "median": F.median,
    "stddev": F.stddev_samp, "stddev_pop": F.stddev_pop, "variance": F.var_samp,
    "variance_pop": F.var_pop, "any_value": lambda a: F.first(a, ignorenulls=True),
    "quantile_cont": lambda a, q: F.percentile(a, F.lit(q)),
    "first": lambda a: a, "last": lambda a: a,
    "arg_max": lambda a, b: _picked(a, b, F.max_by), "arg_min": lambda a, b: _picked(a, b, F.min_by),
    "bool_and": F.bool_and, "bool_or": F.bool_or,
    "count_if": lambda a: F.sum(F.when(a, 1).when(a.isNotNull(), 0)),
    "list": lambda a: a, "string_agg": lambda a, sep=",": a, "product": F.product, "corr": F.corr,
    "covar_samp": F.covar_samp, "covar_pop": F.covar_pop,
}  # fmt: skip
_GATHERED: dict[str, Callable[..., Column]] = {
    "list": lambda items: F.when(F.size(items) > 0, items),
    "string_agg": lambda items, sep=",": F.when(
        F.size(F.array_compact(items)) > 0, F.array_join(F.array_compact(items), sep)
    ),
    "first": lambda items: F.try_element_at(items, F.lit(1)),
    "last": lambda items: F.try_element_at(items, F.lit(-1)),
}
"""Aggregates over the ordered list of a group's values."""


def aggregate(agg: ir.Agg) -> Column:
    """An aggregate as a Spark column over a group."""
    where = expression(agg.where) if agg.where is not None else None
    if agg.fn == "count_all":
        return F.count(F.lit(1) if where is None else F.when(where, 1))
    args = [expression(arg) for arg in agg.args]
    if agg.fn in _GATHERED:
        return _GATHERED[agg.fn](_items(args[0], agg, where), *agg.params)
    if agg.fn == "sum" and agg.args[0].type.name == "bool":
        args = [args[0].cast("bigint")]
    if where is not None:
        args = [F.when(where, arg) for arg in args]
    if agg.distinct:
        return _distinct(agg, args)
    return AGGREGATES[agg.fn](*args, *agg.params).cast(ddl(agg.type))


def _distinct(agg: ir.Agg, args: list[Column]) -> Column:
    distinct = {"count": F.count_distinct, "sum": F.sum_distinct}.get(agg.fn)
    if distinct:
        return distinct(args[0]).cast(ddl(agg.type))
    if agg.fn in ("min", "max", "any_value", "bool_and", "bool_or"):
        return AGGREGATES[agg.fn](*args)
    values = F.collect_set(args[0])
    size = F.when(F.size(values) > 0, F.size(values))
    return (F.aggregate(values, F.lit(0.0), lambda a, b: a + b) / size).cast(ddl(agg.type))


def _items(value: Column, agg: ir.Agg, where: Column | None) -> Column:
    """The values of a group as a list, nulls kept, in the aggregate's own order."""
    keys = [expression(key.expr).alias(f"k{i}") for i, key in enumerate(agg.order)]
    row = F.struct(value.alias("v"), *keys)
    rows = F.collect_list(row if where is None else F.when(where, row))
    if keys:
        rows = F.array_sort(rows, lambda a, b: _compared(a, b, agg.order))
    items = F.transform(rows, lambda one: one["v"])
    return F.array_distinct(items) if agg.distinct else items


def _compared(a: Column, b: Column, order: tuple[ir.Key, ...]) -> Column:
    result: Any = F.lit(0)
    for i, key in reversed(list(enumerate(order))):
        x, y = a[f"k{i}"], b[f"k{i}"]
        first, less = (-1 if key.nulls_first else 1), (1 if key.desc else -1)
        result = (
            F.when(x.isNull() & y.isNull(), result).when(x.isNull(), first).when(y.isNull(), -first)
            .when(x < y, less).when(x > y, -less).otherwise(result)
        )  # fmt: skip
    return result  # type: ignore[no-any-return]


RANKINGS: dict[str, Callable[..., Column]] = {
    "row_number": F.row_number, "rank": F.rank, "dense_rank": F.dense_rank,
    "percent_rank": F.percent_rank, "cume_dist": F.cume_dist, "ntile": F.ntile,
}  # fmt: skip
_PLACES: dict[str, Callable[..., Column]] = {
    "first_value": F.first,
    "last_value": F.last,
    "nth_value": F.nth_value,
}


def window(item: ir.Window) -> Column:
    """A window function as a Spark column."""
    spec = Window.partitionBy(*map(expression, item.partition)).orderBy(*map(_sort_key, item.order))
    args = [expression(arg) for arg in item.args]
    if item.fn in RANKINGS:
        order = spec if item.order else spec.orderBy(F.lit(1))
        return RANKINGS[item.fn](*item.params).over(order).cast(ddl(item.type))
    if item.fn == "shift":
        held = F.lag(F.struct(args[0].alias("v")), item.params[0]).over(spec)
        return F.when(held.isNull(), args[1]).otherwise(held["v"])
    framed = _framed(spec, item)
    if item.fn in _PLACES:
        return _PLACES[item.fn](*args, *item.params).over(framed)
    if item.fn == "count_all":
        return F.count(F.lit(1)).over(framed)
    if item.fn == "sum" and item.args[0].type.name == "bool":
        args = [args[0].cast("bigint")]
    return AGGREGATES[item.fn](*args, *item.params).over(framed).cast(ddl(item.type))


def _framed(spec: WindowSpec, item: ir.Window) -> WindowSpec:
    first, last = Window.unboundedPreceding, Window.unboundedFollowing
    if item.frame == "all":
        return spec.rowsBetween(first, last)
    if item.frame == "peers":
        return spec.rangeBetween(first, Window.currentRow)
    start, end = bounds(item.frame)
    return spec.rowsBetween(
        first if start is None else int(start), last if end is None else int(end)
    )
