"""From a syntax tree to typed expressions: names resolved, every cast written out.

Each kind of node has one handler (registered with `binds`) or one row in the catalogue.
"""

# ruff: noqa: E501

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

from sqlglot import exp

from odibi_dagster.engines.sql import types
from odibi_dagster.engines.sql.catalogue import INSTEAD, SCALARS, Rule
from odibi_dagster.engines.sql.catalogue_spark import SPARK_SCALARS
from odibi_dagster.engines.sql.ir import Call, Expr, Lit
from odibi_dagster.engines.sql.scope import Context
from odibi_dagster.engines.sql.types import BOOL, FLOAT, INT, NULL, STR, TS, SqlError, Type

Handler = Callable[[Any, Context], Expr]
HANDLERS: dict[type[exp.Expr] | str, Handler] = {}
KEYS: dict[type[exp.Expr] | str, tuple[str, ...]] = {}
"""The arguments of a node that its handler reads: another one that is set is refused."""
IN_SPARK: dict[type[exp.Expr] | str, Handler] = {}
SPARK_KEYS: dict[type[exp.Expr] | str, tuple[str, ...]] = {}
"""The same for the words that mean something of their own in the spark dialect."""


def binds(
    *nodes: type[exp.Expr] | str,
    keys: tuple[str, ...] = ("this", "expression"),
    spark: bool = False,
) -> Callable[[Handler], Handler]:
    """Decorator: this function gives the meaning of these nodes, from these arguments.

    With `spark=True` it is their meaning in the spark dialect alone.
    """
    handlers, all_keys = (IN_SPARK, SPARK_KEYS) if spark else (HANDLERS, KEYS)

    def register(handler: Handler) -> Handler:
        for node in nodes:
            handlers[node], all_keys[node] = handler, keys
        return handler

    return register


def name_of(node: exp.Expr) -> type[exp.Expr] | str:
    """What tables call a node: its class, or the lower-case name of an unparsed function."""
    return node.name.lower() if type(node) is exp.Anonymous else type(node)


def bind(node: exp.Expr | None, context: Context) -> Expr:
    """The meaning of an expression in its place; SqlError says what is wrong with it."""
    if node is None:
        raise SqlError("a function has too few arguments")
    if context.keys is not None and (key := _key(node, context)) is not None:
        return key
    name = name_of(node)
    if context.dialect == "spark":
        if handler := IN_SPARK.get(name):
            return handler(node, context)
        rule = SPARK_SCALARS.get(name)
    else:
        rule = None
    if handler := None if rule else HANDLERS.get(name):
        return handler(node, context)
    if rule := rule or SCALARS.get(name):
        type_, args, params = applied(rule, arguments(node, rule), context)
        return Call(type_, rule.fn, args, params)
    raise unsupported(node)


def _key(node: exp.Expr, context: Context) -> Expr | None:
    """The group key that an expression repeats, after grouping."""
    if context.inner is None or isinstance(node, exp.Literal | exp.Null | exp.Boolean):
        return None
    try:
        bound = bind(node, replace(context.inner, trial=True))
    except SqlError:
        return None
    return (context.keys or {}).get(bound)


def unsupported(node: exp.Expr) -> SqlError:
    """The refusal of a function or construct that is in no table."""
    if isinstance(node, exp.Func):
        name = node.name if type(node) is exp.Anonymous else node.sql_name()
        hint = INSTEAD.get(name.lower()) or INSTEAD.get(type(node).__name__.lower())
        return SqlError(
            f"function {name.lower()} is not supported{f'; write {hint}' if hint else ''}"
        )
    return SqlError(f"'{node.sql('duckdb')[:60]}' ({type(node).__name__}) is not supported in sql")


def arguments(node: exp.Expr, rule: Rule) -> list[exp.Expr]:
    """The arguments of a function in the order of its rule."""
    keys = ("expressions",) if type(node) is exp.Anonymous else rule.keys
    return list(_flat(node.args.get(key) for key in keys))


def _flat(values: Iterator[Any]) -> Iterator[exp.Expr]:
    for value in values:
        if isinstance(value, list):
            yield from value
        elif isinstance(value, exp.Expr):
            yield value


def applied(
    rule: Rule, nodes: list[exp.Expr], context: Context
) -> tuple[Type, tuple[Expr, ...], tuple[Any, ...]]:
    """Arguments bound and brought to what the rule takes: result type, arguments, constants."""
    needed = [kind for kind in rule.takes if not kind.endswith("?")]
    if not len(needed) <= len(nodes) <= len(rule.takes):
        msg = f"{rule.fn} takes {len(needed)} argument(s); {len(nodes)} given"
        raise SqlError(msg)
    args: list[Expr] = []
    params: list[Any] = []
    for kind, node in zip(rule.takes, nodes, strict=False):
        bound = bind(node, context)
        if kind.startswith("const:"):
            params.append(constant(bound, kind.removeprefix("const:").rstrip("?"), rule.fn))
        else:
            args.append(to_kind(bound, kind, rule.fn))
    gives = rule.gives(*(arg.type for arg in args)) if callable(rule.gives) else rule.gives
    return gives, tuple(args), tuple(params)


def constant(bound: Expr, kind: str, fn: str) -> Any:
    """The value of a literal argument."""
    kinds: dict[str, tuple[type, ...]] = {
        "int": (int,),
        "str": (str,),
        "float": (int, float, Decimal),
    }
    if isinstance(bound, Lit) and isinstance(bound.value, kinds[kind]):
        value: Any = bound.value
        return float(value) if kind == "float" else value
    msg = f"{fn}: this argument must be written as a constant in sql"
    raise SqlError(msg)


def to_kind(bound: Expr, kind: str, fn: str) -> Expr:
    """An argument brought to the kind a function takes; SqlError where SQL would ask for a cast."""
    kind = kind.rstrip("?")
    if bound.type == NULL and kind in _EXACT:
        return Lit(_EXACT[kind], None)
    name = bound.type.name
    if kind in ("any", "list") and (kind == "any" or name == "list"):
        return bound
    if kind in ("int", "num") and name == "bool" and fn == "sum":
        return cast(bound, INT)
    if name in _TAKES.get(kind, ()):
        return plain(bound) if kind in ("num", "time") else cast(bound, _EXACT[kind])
    raise _wrong(bound, _SAID[kind], fn)


_TAKES = {
    "int": ("int",), "float": ("int", "dec", "float"), "num": ("int", "dec", "float"),
    "ts": ("date", "ts"), "time": ("date", "ts", "tstz"), "bool": ("bool", "int"),
    "str": ("str", "category"),
}  # fmt: skip
_EXACT = {"int": INT, "float": FLOAT, "str": STR, "ts": TS, "bool": BOOL, "num": INT, "time": TS}
_SAID = {
    "int": "a whole number", "float": "a number", "num": "a number", "str": "text", "ts": "a timestamp",
    "time": "a date or timestamp", "bool": "a condition", "list": "a list",
}  # fmt: skip


def _wrong(bound: Expr, wanted: str, fn: str) -> SqlError:
    return SqlError(f"{fn} takes {wanted}, not {bound.type}; write CAST(... AS ...)")


def plain(bound: Expr) -> Expr:
    """A value in the width its kind computes in: integers as 64 bits, times in microseconds."""
    if bound.type.name in ("int", "ts", "tstz"):
        return cast(bound, Type(bound.type.name))
    return cast(bound, STR) if bound.type.name == "category" else bound


def cast(bound: Expr, to: Type, *, strict: bool = True) -> Expr:
    """A cast, left out where it changes nothing; nulls and quoted texts take the type at once."""
    if bound.type == to:
        return bound
    if bound.type == NULL:
        return Lit(to, None)
    return Call(to, "cast", (bound,), (bound.type, strict))


def together(bounds: list[Expr], what: str) -> tuple[Type, list[Expr]]:
    """Values brought to one type: quoted texts and nulls follow the others."""
    bounds = [plain(bound) for bound in bounds]
    leading = [b for b in bounds if not (isinstance(b, Lit) and b.adapts)] or bounds
    type_: Type | None = NULL
    for bound in leading:
        merged = unify(type_ or NULL, bound.type)
        if merged is None:
            msg = f"cannot mix {type_} and {bound.type} in {what}; write CAST(... AS ...)"
            raise SqlError(msg)
        type_ = merged
    type_ = type_ or NULL
    return type_, [cast(bound, type_) for bound in bounds]


def unify(left: Type, right: Type) -> Type | None:
    """See `types.unify`."""
    return types.unify(left, right)
