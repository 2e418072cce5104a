"""The meaning of names, constants, operators, casts and conditionals."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal

from sqlglot import exp

from odibi_dagster.engines.sql import types
from odibi_dagster.engines.sql.bind import bind, binds, cast, plain, to_kind, together
from odibi_dagster.engines.sql.ir import Call, Expr, Lit
from odibi_dagster.engines.sql.scope import Context, struct_field, text_of
from odibi_dagster.engines.sql.types import (
    BOOL,
    DATE,
    FLOAT,
    FLOAT32,
    INT,
    NULL,
    STR,
    SqlError,
    Type,
    dec,
)


@binds(exp.Column, keys=("this", "table"))
def _column(node: exp.Column, context: Context) -> Expr:
    found = context.column(node.name, node.table)
    if found is None and not node.table and (behind := context.behind(node.name)):
        return bind(behind, context.without_alias(node.name))
    if found is None:
        raise context.unknown(node.name, node.table)
    if context.keys is not None and not context.trial:
        msg = f"column '{node.name}' must be in GROUP BY or inside an aggregate such as any_value()"
        raise SqlError(msg)
    return found


@binds(exp.Dot)
def _dot(node: exp.Dot, context: Context) -> Expr:
    return struct_field(bind(node.this, context), node.expression.name)


@binds(exp.StructExtract)
def _struct_extract(node: exp.StructExtract, context: Context) -> Expr:
    return struct_field(
        bind(node.this, context), text_of(bind(node.expression, context), "a field")
    )


@binds(exp.Literal, keys=("this", "is_string"))
def _literal(node: exp.Literal, _: Context) -> Expr:
    if node.is_string:
        return Lit(STR, node.name)
    text = node.name
    if "e" in text.lower():
        return Lit(FLOAT, float(text))
    if "." in text:
        value = Decimal(text)
        scale = len(text.partition(".")[2])
        return Lit(dec(max(len(text) - 1, scale, 1), scale), value)
    if int(text) >= 2**63:
        msg = f"{text} does not fit an integer of 64 bits"
        raise SqlError(msg)
    return Lit(INT, int(text))


@binds(exp.Null, exp.Boolean, keys=("this",))
def _constant(node: exp.Null | exp.Boolean, _: Context) -> Expr:
    return Lit(BOOL, bool(node.this)) if isinstance(node, exp.Boolean) else Lit(NULL, None)


@binds(exp.Paren, keys=("this",))
def _paren(node: exp.Paren, context: Context) -> Expr:
    return bind(node.this, context)


@binds(exp.Neg, keys=("this",))
def _negative(node: exp.Neg, context: Context) -> Expr:
    inner = to_kind(bind(node.this, context), "num", "-")
    if isinstance(inner, Lit) and inner.value is not None:
        return Lit(inner.type, -inner.value)
    return Call(inner.type, "neg", (inner,))


def condition(node: exp.Expr, context: Context) -> Expr:
    """A condition: a boolean, or a number that is true where it is not zero."""
    return to_kind(bind(node, context), "bool", context.clause)


@binds(exp.Not, keys=("this",))
def _not(node: exp.Not, context: Context) -> Expr:
    return Call(BOOL, "not", (condition(node.this, context),))


@binds(exp.And, exp.Or)
def _and_or(node: exp.And | exp.Or, context: Context) -> Expr:
    sides = (condition(node.left, context), condition(node.right, context))
    return Call(BOOL, "and" if isinstance(node, exp.And) else "or", sides)


COMPARISONS: dict[type[exp.Expr], str] = {
    exp.EQ: "eq", exp.NEQ: "ne", exp.LT: "lt", exp.LTE: "le", exp.GT: "gt", exp.GTE: "ge",
    exp.NullSafeEQ: "same", exp.NullSafeNEQ: "differs",
}  # fmt: skip


@binds(*COMPARISONS)
def _comparison(node: exp.Binary, context: Context) -> Expr:
    return compare(COMPARISONS[type(node)], bind(node.left, context), bind(node.right, context))


def compare(fn: str, left: Expr, right: Expr) -> Expr:
    """A comparison; text compares with another type after becoming it, as in DuckDB."""
    left, right = alike(left, right)
    return Call(BOOL, fn, (left, right))


def alike(left: Expr, right: Expr) -> tuple[Expr, Expr]:
    """Two values in the one type in which they compare."""
    for one, other in ((left, right), (right, left)):
        text = one.type == STR and other.type.name not in ("str", "null", "category")
        if text and not (
            isinstance(one, Lit) or other.type.name in ("int", "date", "ts", "bool", "float")
        ):
            msg = f"cannot compare text and {other.type}; write CAST(... AS ...)"
            raise SqlError(msg)
        if text:
            into = plain(other)
            became = folded(one, into.type)
            return (became, into) if one is left else (into, became)
    _, (left, right) = together([left, right], "a comparison")
    return left, right


_ISO = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?)?")


def folded(text: Expr, to: Type) -> Expr:
    """A quoted date or timestamp as a constant, so that filters on it reach the scan."""
    known = isinstance(text, Lit) and _ISO.fullmatch(str(text.value))
    if known and isinstance(text, Lit) and to.name in ("date", "ts"):
        try:
            value = datetime.fromisoformat(text.value)
        except ValueError:
            return cast(text, to)
        if value.tzinfo is None:
            return Lit(to, value.date() if to == DATE else value)
    return cast(text, to)


@binds(exp.Between, keys=("this", "low", "high"))
def _between(node: exp.Between, context: Context) -> Expr:
    value = bind(node.this, context)
    low, high = (bind(node.args[key], context) for key in ("low", "high"))
    return Call(BOOL, "and", (compare("ge", value, low), compare("le", value, high)))


@binds(exp.Is)
def _is(node: exp.Is, context: Context) -> Expr:
    if isinstance(node.expression, exp.Null):
        return Call(BOOL, "is_null", (bind(node.this, context),))
    inner = condition(node.this, context)
    return Call(BOOL, "same", (inner, bind(node.expression, context)))


@binds(exp.Add, exp.Sub, exp.Mul)
def _arithmetic(node: exp.Binary, context: Context) -> Expr:
    from odibi_dagster.engines.sql.bind_time import moved

    if (shifted := moved(node, context)) is not None:
        return shifted
    fn = {exp.Add: "add", exp.Sub: "sub", exp.Mul: "mul"}[type(node)]
    left, right = (to_kind(bind(side, context), "num", fn) for side in (node.left, node.right))
    type_ = types.unify(left.type, right.type) or INT
    if type_.name == "dec":
        return _decimals(fn, left, right)
    return Call(type_, fn, (cast(left, type_), cast(right, type_)))


def _decimals(fn: str, left: Expr, right: Expr) -> Expr:
    (p1, s1), (p2, s2) = _digits(left), _digits(right)
    scale = s1 + s2 if fn == "mul" else max(s1, s2)
    precision = p1 + p2 if fn == "mul" else max(p1 - s1, p2 - s2) + scale + 1
    if precision > types.MAX_DIGITS and scale > 6:
        return Call(FLOAT, fn, (cast(left, FLOAT), cast(right, FLOAT)))
    type_ = dec(precision, scale)
    return Call(type_, fn, (cast(left, dec(p1, s1)), cast(right, dec(p2, s2))))


def _digits(value: Expr) -> tuple[int, int]:
    if isinstance(value, Lit) and isinstance(value.value, int):
        return len(str(abs(value.value))), 0
    return types.digits(value.type)


@binds(exp.Div, keys=("this", "expression"))
def _division(node: exp.Div, context: Context) -> Expr:
    left, right = (to_kind(bind(side, context), "num", "/") for side in (node.left, node.right))
    narrow = types.unify(left.type, right.type) == FLOAT32
    type_ = FLOAT32 if narrow else FLOAT
    return Call(type_, "div", (cast(left, type_), cast(right, type_)))


@binds(exp.IntDiv)
def _whole_division(node: exp.IntDiv, context: Context) -> Expr:
    left, right = (to_kind(bind(side, context), "int", "//") for side in (node.left, node.right))
    return Call(INT, "intdiv", (left, right))


@binds(exp.Mod)
def _remainder(node: exp.Mod, context: Context) -> Expr:
    left, right = (to_kind(bind(side, context), "num", "%") for side in (node.left, node.right))
    type_, (left, right) = together([left, right], "%")
    return Call(type_, "mod", (left, right))


@binds(exp.Cast, exp.TryCast, keys=("this", "to"))
def _cast(node: exp.Cast, context: Context) -> Expr:
    return casted(bind(node.this, context), types.of_sql(node.to), strict=type(node) is exp.Cast)


CASTS = {
    "bool": {"int", "str", "float", "bool"},
    "int": {"int", "dec", "float", "str", "bool"},
    "dec": {"int", "dec", "float", "str"},
    "float": {"int", "dec", "float", "str", "bool"},
    "str": {"str", "date", "ts", "tstz", "bool", "int", "float", "dec"},
    "category": {"str"},
    "date": {"date", "ts", "tstz", "str"},
    "ts": {"date", "ts", "tstz", "str"},
    "tstz": {"ts", "tstz", "date"},
    "dur": {"dur"},
}
"""Which type may become which."""


def casted(value: Expr, to: Type, *, strict: bool = True) -> Expr:
    """CAST or TRY_CAST; a pair of types without one meaning everywhere is refused."""
    if value.type.name == "list" and to.name == "list" and value.type.args[0] == to.args[0]:
        return value
    if value.type != NULL and value.type != to and to.name not in CASTS.get(value.type.name, set()):
        msg = f"a cast from {value.type} to {to} is not supported"
        raise SqlError(msg)
    made = folded(value, to)
    return made if isinstance(made, Lit) else cast(value, to, strict=strict)


@binds(exp.Date, keys=("this",))
def _date(node: exp.Date, context: Context) -> Expr:
    return casted(bind(node.this, context), DATE)


@binds(exp.Case, keys=("this", "ifs", "default"))
def _case(node: exp.Case, context: Context) -> Expr:
    tested = node.this and bind(node.this, context)
    whens = [
        compare("eq", tested, bind(branch.this, context))
        if tested
        else condition(branch.this, context)
        for branch in node.args["ifs"]
    ]
    results = [bind(branch.args["true"], context) for branch in node.args["ifs"]]
    default = node.args.get("default")
    return conditional(whens, results, bind(default, context) if default else Lit(NULL, None))


@binds(exp.If, keys=("this", "true", "false"))
def _if(node: exp.If, context: Context) -> Expr:
    other = node.args.get("false")
    results = [bind(node.args["true"], context)]
    return conditional(
        [condition(node.this, context)], results, bind(other, context) if other else Lit(NULL, None)
    )


def conditional(whens: list[Expr], results: list[Expr], default: Expr) -> Expr:
    """CASE: the first result whose condition is true; all results in one type."""
    type_, values = together([*results, default], "CASE")
    pairs = [part for when, value in zip(whens, values, strict=False) for part in (when, value)]
    return Call(type_, "case", (*pairs, values[-1]))


@binds(exp.Coalesce, keys=("this", "expressions"))
def _coalesce(node: exp.Coalesce, context: Context) -> Expr:
    type_, values = together([bind(n, context) for n in (node.this, *node.expressions)], "COALESCE")
    return Call(type_, "coalesce", tuple(values))


@binds(exp.Nullif)
def _nullif(node: exp.Nullif, context: Context) -> Expr:
    value, other = bind(node.this, context), bind(node.expression, context)
    return conditional([compare("eq", value, other)], [Lit(value.type, None)], value)


@binds(exp.Greatest, exp.Least, keys=("this", "expressions"))
def _extreme(node: exp.Greatest | exp.Least, context: Context) -> Expr:
    type_, values = together([bind(n, context) for n in (node.this, *node.expressions)], "GREATEST")
    return Call(type_, "greatest" if isinstance(node, exp.Greatest) else "least", tuple(values))


@binds(exp.Round, keys=("this", "decimals"))
def _round(node: exp.Round, context: Context) -> Expr:
    value = to_kind(bind(node.this, context), "num", "round")
    places = bind(node.args["decimals"], context) if node.args.get("decimals") else Lit(INT, 0)
    if not isinstance(places, Lit) or not isinstance(places.value, int):
        msg = "round takes its number of decimals as a constant"
        raise SqlError(msg)
    type_ = value.type
    if type_.name == "dec":
        type_ = dec(type_.args[0], max(0, min(type_.args[1], places.value)))
    return Call(type_, "round", (value,), (places.value, value.type))


@binds(exp.Log)
def _log(node: exp.Log, context: Context) -> Expr:
    numbers = [to_kind(bind(n, context), "float", "log") for n in (node.this, node.expression) if n]
    base, value = numbers if len(numbers) == 2 else (Lit(FLOAT, 10.0), numbers[0])
    if not isinstance(base, (Lit, Call)):
        msg = "log takes its base as a constant"
        raise SqlError(msg)
    while isinstance(base, Call) and base.fn == "cast":
        base = base.args[0]
    if not isinstance(base, Lit):
        msg = "log takes its base as a constant"
        raise SqlError(msg)
    return Call(FLOAT, "log", (value,), (float(base.value),))


@binds(exp.Pi, keys=())
def _pi(_: exp.Pi, __: Context) -> Expr:
    return Lit(FLOAT, 3.141592653589793)


@binds(exp.In, keys=("this", "expressions", "query"))
def _in(node: exp.In, context: Context) -> Expr:
    value = bind(node.this, context)
    if query := node.args.get("query"):
        from odibi_dagster.engines.sql.bind_agg import in_query

        return in_query(value, query, context)
    tests = [compare("eq", value, bind(item, context)) for item in node.expressions]
    if all(isinstance(t, Call) and isinstance(t.args[1], Lit) for t in tests):
        return _in_constants(tests)
    found = tests[0]
    for test in tests[1:]:
        found = Call(BOOL, "or", (found, test))
    return found


def _in_constants(tests: list[Expr]) -> Expr:
    values = [t.args[1] for t in tests if isinstance(t, Call)]
    first = tests[0]
    if not isinstance(first, Call) or len({v.type for v in values}) > 1:
        found = first
        for test in tests[1:]:
            found = Call(BOOL, "or", (found, test))
        return found
    known = tuple(v.value for v in values if isinstance(v, Lit) and v.value is not None)
    inside = Call(BOOL, "in", (first.args[0],), (known, values[0].type))
    if len(known) == len(values):
        return inside
    return Call(BOOL, "or", (inside, Lit(BOOL, None)))
