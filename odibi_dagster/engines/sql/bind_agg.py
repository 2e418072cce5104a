"""The meaning of aggregates, windows, UNNEST and subqueries inside an expression."""

# ruff: noqa: E501

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlglot import exp

from odibi_dagster.engines.sql.bind import (
    HANDLERS,
    IN_SPARK,
    KEYS,
    applied,
    arguments,
    bind,
    binds,
    constant,
    name_of,
    plain,
    unsupported,
)
from odibi_dagster.engines.sql.bind_ops import alike, condition
from odibi_dagster.engines.sql.catalogue import AGGREGATES, RANKINGS, Rule
from odibi_dagster.engines.sql.catalogue_spark import SPARK_AGGREGATES
from odibi_dagster.engines.sql.ir import (
    Agg,
    Aggregate,
    Call,
    Col,
    Distinct,
    Expr,
    Filter,
    Join,
    Key,
    Lit,
    Project,
    Rel,
    Window,
)
from odibi_dagster.engines.sql.scope import Context
from odibi_dagster.engines.sql.types import BOOL, INT, SqlError

_ORDERED = {"list", "string_agg", "first", "last"}
_UNORDERED_REFUSED = {"first", "last"}


def keys_of(nodes: list[exp.Expr], context: Context) -> tuple[Key, ...]:
    """ORDER BY items as sort keys; nulls come where the dialect puts them."""
    return tuple(
        Key(plain(bind(n.this, context)), bool(n.args.get("desc")), bool(n.args.get("nulls_first")))
        for n in nodes
    )


def _aggregate(node: exp.Expr, context: Context) -> Expr:
    if context.keys is None or context.inner is None:
        if context.trial:
            raise SqlError("an aggregate")
        msg = f"aggregates are not allowed in {context.clause}"
        raise SqlError(msg)
    agg = aggregate(node, context.inner)
    name = context.stage.aggs.setdefault(agg, f"__odibi_agg_{len(context.stage.aggs)}")
    return Col(agg.type, name)


def aggregate(node: exp.Expr, context: Context, where: Expr | None = None) -> Agg:
    """An aggregate over the rows of `context`."""
    if isinstance(node, exp.Filter):
        inner = condition(node.expression.this, context)
        return aggregate(node.this, context, inner)
    if isinstance(node, exp.IgnoreNulls):
        if not isinstance(node.this, exp.AnyValue):
            raise unsupported(node)
        return aggregate(node.this, context, where)
    if isinstance(node, exp.WithinGroup):
        node = _within_group(node)
    order: tuple[Key, ...] = ()
    node, distinct, ordered = _peeled(node)
    if ordered:
        order = keys_of(ordered, context)
    if isinstance(node, exp.Count):
        return _count(node, context, distinct, where)
    rule = _rule_of(node, context.dialect)
    type_, args, params = applied(rule, arguments(node, rule), context)
    _check_order(rule, order, distinct)
    args = tuple(plain(arg) for arg in args)
    return Agg(type_, rule.fn, args, params, distinct, where, order)


def _rule_of(node: exp.Expr, dialect: str) -> Rule:
    own = SPARK_AGGREGATES.get(name_of(node)) if dialect == "spark" else None
    return own or AGGREGATES[name_of(node)]


def _check_order(rule: Rule, order: tuple[Key, ...], distinct: bool) -> None:
    if order and (rule.fn not in _ORDERED or distinct):
        msg = f"ORDER BY inside {rule.fn} is not supported"
        raise SqlError(msg)
    if not order and rule.fn in _UNORDERED_REFUSED:
        msg = f"{rule.fn}(x) depends on the order of rows; write {rule.fn}(x ORDER BY y), min(x) or any_value(x)"
        raise SqlError(msg)


def _peeled(node: exp.Expr) -> tuple[exp.Expr, bool, list[exp.Expr]]:
    """An aggregate without DISTINCT and ORDER BY around its argument, and these two."""
    node, distinct, ordered = node.copy(), False, []
    if isinstance(node.this, exp.Order):
        ordered = node.this.expressions
        node.set("this", node.this.this)
    if isinstance(node.this, exp.Distinct):
        distinct = True
        inner = node.this.expressions
        if len(inner) > 1:
            msg = (
                "DISTINCT over several columns in one aggregate is not supported; concatenate them"
            )
            raise SqlError(msg)
        if isinstance(inner[0], exp.Order):
            ordered = inner[0].expressions
            inner = [inner[0].this]
        node.set("this", inner[0])
    return node, distinct, ordered


def _count(node: exp.Count, context: Context, distinct: bool, where: Expr | None) -> Agg:
    if isinstance(node.this, exp.Star) or node.this is None:
        return Agg(INT, "count_all", (), (), False, where)
    return Agg(INT, "count", (plain(bind(node.this, context)),), (), distinct, where)


def _within_group(node: exp.WithinGroup) -> exp.Expr:
    (ordered,) = node.expression.expressions
    if not isinstance(node.this, exp.PercentileCont) or ordered.args.get("desc"):
        raise unsupported(node)
    return exp.PercentileCont(this=ordered.this.copy(), expression=node.this.this.copy())


for _node, _rule in AGGREGATES.items():
    HANDLERS[_node] = _aggregate
    KEYS[_node] = ("expressions",) if isinstance(_node, str) else _rule.keys
for _node, _rule in SPARK_AGGREGATES.items():
    IN_SPARK[_node] = HANDLERS.setdefault(_node, _aggregate)
for _node in (exp.Count, exp.Filter, exp.WithinGroup, exp.IgnoreNulls):
    HANDLERS[_node], KEYS[_node] = _aggregate, ("this", "expression", "distinct")


@binds(exp.Window, keys=("this", "partition_by", "order", "spec", "over"))
def _window(node: exp.Window, context: Context) -> Expr:
    if not context.windows:
        msg = f"window functions are not allowed in {context.clause}; write QUALIFY, or a subquery around it"
        raise SqlError(msg)
    outer = replace(context, windows=False)
    partition = tuple(plain(bind(n, outer)) for n in node.args.get("partition_by") or ())
    order = keys_of(node.args["order"].expressions, outer) if node.args.get("order") else ()
    fn, type_, args, params = _windowed(node.this, outer)
    frame = frame_of(node.args.get("spec"), bool(order))
    if (
        fn in ("row_number", "lag", "lead", "ntile", "first_value", "last_value", "nth_value")
        and not order
    ):
        msg = f"{fn} needs OVER (... ORDER BY ...): without an order its rows are not defined"
        raise SqlError(msg)
    _check_frame(fn, frame)
    window = Window(type_, fn, args, params, partition, order, frame)
    name = context.stage.windows.setdefault(window, context.fresh())
    return Col(type_, name)


_MOVING = ("sum", "avg", "min", "max", "count", "count_all")
MAX_FRAME = 1000


def _check_frame(fn: str, frame: str | tuple[int | None, int | None]) -> None:
    """Which aggregates run along which frames, on every engine alike."""
    if (
        fn not in {rule.fn for rule in AGGREGATES.values()} | {"count_all", "count"}
        or frame == "all"
    ):
        return
    start, end = (None, 0) if isinstance(frame, str) else frame
    if fn not in _MOVING:
        msg = f"{fn} over a moving window is not supported; {', '.join(_MOVING[:-1])} are"
        raise SqlError(msg)
    if (start is None) != (end is None) and (start or end):
        msg = "a frame from UNBOUNDED ends at CURRENT ROW here; write UNBOUNDED PRECEDING to CURRENT ROW"
        raise SqlError(msg)
    if start is not None and end is not None and end - start > MAX_FRAME:
        msg = f"a frame of more than {MAX_FRAME} rows is not supported"
        raise SqlError(msg)


Windowed = tuple[str, Any, tuple[Expr, ...], tuple[Any, ...]]


def _windowed(node: exp.Expr, context: Context) -> Windowed:
    name = name_of(node)
    if isinstance(node, exp.Lag | exp.Lead):
        return _shifted(node, context)
    if name in RANKINGS:
        rule = RANKINGS[name]
        type_, args, params = applied(rule, arguments(node, rule), context)
        return rule.fn, type_, tuple(plain(a) for a in args), params
    if name not in HANDLERS or HANDLERS[name] is not _aggregate:
        raise unsupported(node)
    inner = context
    agg = aggregate(node, inner)
    if (
        agg.distinct
        or agg.order
        or agg.fn in ("arg_max", "arg_min", "quantile_cont", "list", "string_agg")
    ):
        msg = f"{agg.fn} with DISTINCT or ORDER BY, or lists, over a window is not supported; write a join"
        raise SqlError(msg)
    if agg.where is None:
        return agg.fn, agg.type, agg.args, agg.params
    arg = agg.args[0] if agg.args else Lit(INT, 1)
    kept = Call(arg.type, "case", (agg.where, arg, Lit(arg.type, None)))
    return "count" if agg.fn == "count_all" else agg.fn, agg.type, (kept,), agg.params


def _shifted(node: exp.Lag | exp.Lead, context: Context) -> Windowed:
    value = plain(bind(node.this, context))
    offset, default = node.args.get("offset"), node.args.get("default")
    steps = constant(bind(offset, context), "int", "lag") if offset else 1
    other: Expr = Lit(value.type, None)
    if default:
        value, other = alike(value, bind(default, context))
    if not isinstance(other, Lit) and not (isinstance(other, Call) and other.fn == "cast"):
        msg = "the default of lag and lead must be a constant"
        raise SqlError(msg)
    sign = 1 if isinstance(node, exp.Lag) else -1
    return "shift", value.type, (value, other), (sign * steps,)


for _node in (exp.Lag, exp.Lead):
    KEYS[_node] = ("this", "offset", "default")
for _node, _rule in RANKINGS.items():
    KEYS[_node] = _rule.keys


def frame_of(spec: exp.Expr | None, ordered: bool) -> str | tuple[int | None, int | None]:
    """A window frame: the partition, up to the row's equals, or offsets in rows."""
    if spec is None:
        return "peers" if ordered else "all"
    start = _offset(spec, "start", "PRECEDING")
    end = _offset(spec, "end", "PRECEDING")
    if start is None and end is None:
        return "all"
    if spec.args.get("kind") == "ROWS":
        return start, end
    if (start, end) == (None, 0):
        return "peers" if ordered else "all"
    msg = f"frame {spec.sql('duckdb')} is not supported; write ROWS BETWEEN ... AND ..."
    raise SqlError(msg)


def _offset(spec: exp.Expr, key: str, before: str) -> int | None:
    value = spec.args.get(key)
    if value is None or value == "CURRENT ROW":
        return 0
    if value == "UNBOUNDED":
        return None
    if not isinstance(value, exp.Literal) or value.is_string:
        msg = "the bounds of a window frame must be whole numbers"
        raise SqlError(msg)
    return -int(value.name) if spec.args.get(f"{key}_side") == before else int(value.name)


@binds(exp.Explode, keys=("this",), spark=True)
@binds(exp.Explode, keys=("this",))
def _unnest(node: exp.Explode, context: Context) -> Expr:
    if context.clause != "SELECT" or context.keys is not None or context.trial:
        msg = "UNNEST belongs in the SELECT list of a query without GROUP BY, or in FROM"
        raise SqlError(msg)
    items = bind(node.this, context)
    if items.type.name != "list":
        msg = f"UNNEST takes a list, not {items.type}"
        raise SqlError(msg)
    if context.stage.unnests:
        msg = "only one UNNEST in a SELECT is supported"
        raise SqlError(msg)
    name = context.fresh()
    context.stage.unnests.append((name, items))
    return Col(items.type.args[0], name)


@binds(exp.Subquery, keys=("this",))
def _scalar(node: exp.Subquery, context: Context) -> Expr:
    if id(node) in context.stage.seen:
        return context.stage.seen[id(node)]
    if context.trial:
        raise SqlError("a subquery")
    bound = context.subquery(node.this)
    if len(bound.fields) != 1:
        msg = "a subquery used as a value must have one column"
        raise SqlError(msg)
    if not _one_row(node.this):
        msg = "a subquery used as a value must give one row: write an aggregate such as max(x)"
        raise SqlError(msg)
    col = bound.fields[0].col
    name = context.fresh()
    one = Project(bound.rel, ((name, col),))
    context.stage.joins.append(lambda rel: Join(rel, one, "cross"))
    found = context.stage.seen[id(node)] = Col(col.type, name)
    return found


def _one_row(query: exp.Expr) -> bool:
    if not isinstance(query, exp.Select) or any(
        query.args.get(k) for k in ("group", "having", "offset", "limit")
    ):
        return False
    return any(
        node.find_ancestor(exp.Select) is query and not isinstance(node.parent, exp.Window)
        for item in query.expressions
        for node in item.walk()
        if HANDLERS.get(name_of(node)) is _aggregate
    )


@binds(exp.Exists, keys=("this",))
def _exists(node: exp.Exists, context: Context) -> Expr:
    if context.trial:
        raise SqlError("a subquery")
    count = _counted(context.subquery(node.this).rel, context, {})
    return Call(BOOL, "gt", (count[0], Lit(INT, 0)))


def _counted(rel: Rel, context: Context, values: dict[str, Expr]) -> list[Expr]:
    """Joins the number of rows, and of non-null `values`, of a subquery to the frame."""
    counts = {context.fresh(): Agg(INT, "count_all")}
    counts |= {context.fresh(): Agg(INT, "count", (value,)) for value in values.values()}
    one = Aggregate(rel, (), tuple(counts.items()))
    context.stage.joins.append(lambda left: Join(left, one, "cross"))
    return [Col(INT, name) for name in counts]


def in_query(value: Expr, query: exp.Expr, context: Context) -> Expr:
    """`x IN (SELECT ...)`, null as SQL has it: unknown where a null might be the match."""
    if context.trial:
        raise SqlError("a subquery")
    inner = query.this if isinstance(query, exp.Subquery) else query
    bound = context.subquery(inner)
    if len(bound.fields) != 1:
        msg = "IN (SELECT ...) takes a subquery of one column"
        raise SqlError(msg)
    value, item = alike(value, bound.fields[0].col)
    rows, filled = _counted(bound.rel, context, {"": item})
    name, mark = context.fresh(), context.fresh()
    items = Project(bound.rel, ((name, item),))
    marked = Project(Distinct(Filter(items, Call(BOOL, "is_not_null", (Col(item.type, name),)))),
                     ((name, Col(item.type, name)), (mark, Lit(BOOL, True))))  # fmt: skip
    context.stage.joins.append(
        lambda rel: Join(rel, marked, "left", ((value, Col(item.type, name)),))
    )
    unknown = Call(BOOL, "or", (Call(BOOL, "is_null", (value,)), Call(BOOL, "lt", (filled, rows))))
    return Call(BOOL, "case", (
        Call(BOOL, "is_not_null", (Col(BOOL, mark),)), Lit(BOOL, True),
        Call(BOOL, "eq", (rows, Lit(INT, 0))), Lit(BOOL, False),
        unknown, Lit(BOOL, None), Lit(BOOL, False),
    ))  # fmt: skip
