"""Operators, casts and numbers as Spark SQL has them, in ANSI mode."""

from __future__ import annotations

import re

from sqlglot import exp

from odibi_dagster.engines.sql import types
from odibi_dagster.engines.sql.bind import bind, binds, cast, plain, to_kind, together
from odibi_dagster.engines.sql.bind_ops import compare, conditional
from odibi_dagster.engines.sql.catalogue_spark import INT32
from odibi_dagster.engines.sql.ir import Call, Col, Expr, Lit
from odibi_dagster.engines.sql.scope import Context
from odibi_dagster.engines.sql.types import BOOL, FLOAT, INT, NULL, STR, SqlError, Type, dec

_NUMBERS = {"int", "dec", "float"}
SPARK_CASTS: dict[str, set[str]] = {
    "int": _NUMBERS | {"bool", "str"}, "dec": _NUMBERS | {"str"}, "float": _NUMBERS,
    "bool": {"bool", "int", "str"}, "str": _NUMBERS | {"str", "bool", "date", "ts", "tstz"},
    "date": {"date", "ts", "tstz", "str"}, "ts": {"date", "ts", "tstz", "str"},
    "tstz": {"date", "ts", "tstz", "str"}, "category": {"str"},
}  # fmt: skip
"""Which type may become which in the spark dialect; a double as text differs per engine."""


def spark_cast(value: Expr, to: Type, *, strict: bool = True) -> Expr:
    """CAST (strict) or TRY_CAST; a pair of types without one meaning everywhere is refused."""
    if value.type == NULL:
        return Lit(to, None)
    if value.type == to:
        return value
    if to.name not in SPARK_CASTS.get(value.type.name, set()):
        hint = "; write CAST(CAST(x AS DECIMAL(p, s)) AS STRING)" if to == STR else ""
        msg = f"a cast from {value.type} to {to} is not supported in the spark dialect{hint}"
        raise SqlError(msg)
    return Call(to, "spark_cast", (value,), (value.type, strict))


@binds(exp.Cast, exp.TryCast, keys=("this", "to", "safe"), spark=True)
def _cast(node: exp.Cast, context: Context) -> Expr:
    # the parser reads every CAST of Spark as TRY_CAST and marks the real ones as safe
    value, to = bind(node.this, context), types.of_sql(node.to)
    if node.to.this == exp.DType.DECIMAL and not node.to.expressions:
        to = dec(10, 0)
    if isinstance(value, Lit) and value.type == STR and (moment := _moment(value.value, to)):
        return spark_cast(moment, to)
    if isinstance(value, Lit) and isinstance(value.value, int) and to == FLOAT:
        return Lit(FLOAT, float(value.value))
    return spark_cast(value, to, strict=not node.args.get("safe"))


def _moment(text: str | None, to: Type) -> Expr | None:
    """A quoted date or timestamp as a constant, so that filters on it reach the scan."""
    from odibi_dagster.engines.sql.bind_ops import folded

    if text is None or to.name not in ("date", "ts", "tstz"):
        return None
    if to.name == "date" and not re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        return None
    made = folded(Lit(STR, text), types.TS if to.name == "tstz" else to)
    return made if isinstance(made, Lit) else None


@binds(exp.Date, exp.Timestamp, keys=("this",), spark=True)
def _called(node: exp.Expr, context: Context) -> Expr:
    to = types.DATE if isinstance(node, exp.Date) else types.TSTZ
    return spark_cast(bind(node.this, context), to)


def _cast_of(to: Type) -> object:
    def handler(node: exp.Anonymous, context: Context) -> Expr:
        if len(node.expressions) != 1:
            msg = f"{node.name} takes one argument"
            raise SqlError(msg)
        return spark_cast(bind(node.expressions[0], context), to)

    return handler


for _name, _to in {"bigint": INT, "smallint": Type("int", (16,)), "boolean": BOOL}.items():
    binds(_name, keys=("expressions",), spark=True)(_cast_of(_to))  # type: ignore[arg-type]


@binds(exp.RawString, keys=("this",), spark=True)
def _raw(node: exp.RawString, _: Context) -> Expr:
    return Lit(STR, str(node.this))


@binds(exp.Literal, keys=("this", "is_string"), spark=True)
def _literal(node: exp.Literal, context: Context) -> Expr:
    from odibi_dagster.engines.sql.bind_ops import _literal as shared

    return shared(node, context)


@binds(exp.Add, exp.Sub, exp.Mul, spark=True)
def _arithmetic(node: exp.Binary, context: Context) -> Expr:
    from odibi_dagster.engines.sql.bind_ops import _arithmetic as shared
    from odibi_dagster.engines.sql.spark_time import spark_moved

    if (shifted := spark_moved(node, context)) is not None:
        return shifted
    made = shared(node, context)
    if isinstance(made, Call) and made.type.name == "float":
        sources = [bind(side, context).type.name for side in (node.left, node.right)]
        if "float" not in sources:
            msg = f"'{node.sql('spark')[:60]}' needs more than 38 digits; write CAST(... AS DOUBLE)"
            raise SqlError(msg)
    if made.type.name == "dec" and _cut(made):
        msg = f"'{node.sql('spark')[:60]}' needs more than 38 digits; write CAST(... AS DOUBLE)"
        raise SqlError(msg)
    return made


def _cut(made: Expr) -> bool:
    """Whether a decimal result has more digits than fit: Spark would then drop decimals."""
    if not isinstance(made, Call) or made.fn not in ("add", "sub", "mul"):
        return False
    (p1, s1), (p2, s2) = (_digits(arg) for arg in made.args)
    if made.fn == "mul":
        return p1 + p2 + 1 > types.MAX_DIGITS
    return max(p1 - s1, p2 - s2) + max(s1, s2) + 1 > types.MAX_DIGITS


def _digits(value: Expr) -> tuple[int, int]:
    return (int(value.type.args[0]), int(value.type.args[1])) if value.type.args else (20, 0)


@binds(exp.Div, keys=("this", "expression"), spark=True)
def _division(node: exp.Div, context: Context) -> Expr:
    return _divided(node, context, "spark_div")


@binds(exp.SafeDivide, spark=True)
def _try_division(node: exp.SafeDivide, context: Context) -> Expr:
    return _divided(node, context, "spark_try_div")


def _divided(node: exp.Div | exp.SafeDivide, context: Context, fn: str) -> Expr:
    left, right = (
        to_kind(bind(side, context), "num", "/") for side in (node.this, node.expression)
    )
    names = {left.type.name, right.type.name}
    if "float" in names or names == {"int"}:
        return Call(FLOAT, fn, (cast(left, FLOAT), cast(right, FLOAT)))
    (p1, s1), (p2, s2) = _spark_digits(left), _spark_digits(right)
    scale = max(6, s1 + p2 + 1)
    precision = p1 - s1 + s2 + scale
    if precision > types.MAX_DIGITS:  # as Spark: decimals give way, six of them stay
        whole = precision - scale
        scale = max(types.MAX_DIGITS - whole, min(scale, 6))
        precision = types.MAX_DIGITS
    if p1 + scale - s1 + s2 > types.MAX_DIGITS:
        msg = f"'{node.sql('spark')[:60]}' needs more than 38 digits; write CAST(... AS DOUBLE)"
        raise SqlError(msg)
    args = (cast(left, dec(p1, s1)), cast(right, dec(p2, s2)))
    return Call(dec(precision, scale), f"{fn}_dec", args, (s1, s2, scale, precision))


def _spark_digits(value: Expr) -> tuple[int, int]:
    """Precision and scale of one side of a division; integers count by their width."""
    if isinstance(value, Call) and value.fn == "cast" and value.type == INT:
        value = value.args[0]
    if value.type.name == "dec":
        return int(value.type.args[0]), int(value.type.args[1])
    if isinstance(value, Lit) and isinstance(value.value, int):
        return len(str(abs(value.value))), 0
    widths = {(): 20, (8,): 3, (16,): 5, (32,): 10}
    if isinstance(value, Col) and value.type.args in widths:
        return widths[value.type.args], 0
    msg = "an integer and a decimal in one division: write CAST(x AS DECIMAL(20, 0)) or AS DOUBLE"
    raise SqlError(msg)


@binds(exp.IntDiv, spark=True)
def _whole_division(node: exp.IntDiv, context: Context) -> Expr:
    left, right = (to_kind(bind(side, context), "int", "div") for side in (node.left, node.right))
    return Call(INT, "spark_intdiv", (left, right))


@binds(exp.Mod, spark=True)
def _remainder(node: exp.Mod, context: Context) -> Expr:
    left, right = (to_kind(bind(side, context), "int", "%") for side in (node.left, node.right))
    return Call(INT, "spark_mod", (left, right))


@binds(exp.Round, keys=("this", "decimals"), spark=True)
def _round(node: exp.Round, context: Context) -> Expr:
    value = to_kind(bind(node.this, context), "num", "round")
    places = bind(node.args["decimals"], context) if node.args.get("decimals") else Lit(INT, 0)
    if not isinstance(places, Lit) or not isinstance(places.value, int) or abs(places.value) > 12:
        msg = "round takes its number of decimals as a constant from -12 to 12"
        raise SqlError(msg)
    if value.type.name == "float":
        return Call(FLOAT, "spark_round", (wide(value, "round"),), (places.value,))
    type_ = value.type
    if type_.name == "dec":
        if places.value < 0:
            msg = "round of a decimal takes no negative number of decimals here"
            raise SqlError(msg)
        type_ = dec(type_.args[0], min(type_.args[1], places.value))
    return Call(type_, "round", (value,), (places.value, value.type))


def wide(value: Expr, fn: str) -> Expr:
    """A double; a float of 32 bits is refused, its decimals are not those of a double."""
    if value.type != FLOAT:
        msg = f"{fn} takes a double, not a float of 32 bits; write CAST(x AS DOUBLE)"
        raise SqlError(msg)
    return value


@binds(exp.Ceil, exp.Floor, keys=("this",), spark=True)
def _whole(node: exp.Ceil | exp.Floor, context: Context) -> Expr:
    fn = "ceil" if isinstance(node, exp.Ceil) else "floor"
    value = to_kind(bind(node.this, context), "num", fn)
    if value.type.name == "int":
        return value
    if value.type.name == "dec":
        return Call(dec(value.type.args[0], 0), fn, (value,))
    return Call(INT, f"spark_{fn}", (cast(value, FLOAT),))


@binds(exp.Log, spark=True)
def _log(node: exp.Log, context: Context) -> Expr:
    base = bind(node.this, context)
    if not isinstance(base, Lit) or base.value not in (2, 10):
        msg = "log takes the base 2 or 10 as a constant here; write ln(x) / ln(base)"
        raise SqlError(msg)
    value = to_kind(bind(node.expression, context), "float", "log")
    return Call(FLOAT, "spark_log", (value,), (float(base.value),))


@binds(exp.Nanvl, spark=True)
def _nanvl(node: exp.Nanvl, context: Context) -> Expr:
    value, other = (
        to_kind(bind(side, context), "float", "nanvl") for side in (node.this, node.expression)
    )
    return Call(FLOAT, "case", (Call(BOOL, "is_nan", (value,)), other, value))


@binds(exp.Nvl2, keys=("this", "true", "false"), spark=True)
def _nvl2(node: exp.Nvl2, context: Context) -> Expr:
    known = Call(BOOL, "is_not_null", (bind(node.this, context),))
    return conditional(
        [known], [bind(node.args["true"], context)], bind(node.args["false"], context)
    )


@binds(exp.DecodeCase, keys=("expressions",), spark=True)
def _decode(node: exp.DecodeCase, context: Context) -> Expr:
    value, *rest = (bind(item, context) for item in node.expressions)
    default = rest.pop() if len(rest) % 2 else Lit(NULL, None)
    whens = [compare("same", value, test) for test in rest[::2]]
    return conditional(whens, rest[1::2], default)


@binds("zeroifnull", keys=("expressions",), spark=True)
def _zero(node: exp.Anonymous, context: Context) -> Expr:
    type_, values = together([bind(node.expressions[0], context), Lit(INT, 0)], "zeroifnull")
    return Call(type_, "coalesce", tuple(plain(value) for value in values))


__all__ = ["INT32", "SPARK_CASTS", "spark_cast", "wide"]
