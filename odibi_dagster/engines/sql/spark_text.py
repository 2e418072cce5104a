"""Text, regular expressions and lists as Spark SQL has them."""

from __future__ import annotations

import re

from sqlglot import exp

from odibi_dagster.engines.sql import regex
from odibi_dagster.engines.sql.bind import bind, binds, to_kind
from odibi_dagster.engines.sql.bind_text import text
from odibi_dagster.engines.sql.ir import Call, Expr, Lit
from odibi_dagster.engines.sql.regex_spark import java_replacement, spark_pattern
from odibi_dagster.engines.sql.scope import Context, struct_field, text_of
from odibi_dagster.engines.sql.spark_ops import spark_cast
from odibi_dagster.engines.sql.types import BOOL, INT, STR, SqlError, list_of


def _as_text(node: exp.Expr, context: Context) -> Expr:
    value = bind(node, context)
    return value if value.type == STR else spark_cast(value, STR)


@binds(exp.DPipe, spark=True)
def _bars(node: exp.DPipe, context: Context) -> Expr:
    return Call(STR, "concat", (_as_text(node.left, context), _as_text(node.right, context)))


@binds(exp.Concat, keys=("expressions", "safe", "coalesce"), spark=True)
def _concat(node: exp.Concat, context: Context) -> Expr:
    return Call(STR, "concat", tuple(_as_text(n, context) for n in node.expressions))


@binds(exp.ConcatWs, keys=("expressions",), spark=True)
def _concat_ws(node: exp.ConcatWs, context: Context) -> Expr:
    separator, *parts = node.expressions
    given = text_of(bind(separator, context), "the separator of concat_ws")
    if not parts:
        return Lit(STR, "")
    return Call(STR, "concat_ws", tuple(_as_text(n, context) for n in parts), (given,))


@binds(exp.Trim, keys=("this", "expression", "position"), spark=True)
def _trim(node: exp.Trim, context: Context) -> Expr:
    chars = " "
    if node.expression:
        chars = text_of(bind(node.expression, context), "the characters to trim")
    side = (node.args.get("position") or "BOTH").upper()
    return Call(STR, "trim", (text(node.this, context),), (side, chars))


@binds(exp.Substring, keys=("this", "start", "length"), spark=True)
def _substring(node: exp.Substring, context: Context) -> Expr:
    bounds = [
        to_kind(bind(node.args[key], context), "int", "substring")
        for key in ("start", "length")
        if node.args.get(key) is not None
    ]
    return Call(STR, "spark_substring", (text(node.this, context), *bounds))


@binds(exp.Replace, keys=("this", "expression", "replacement"), spark=True)
def _replace(node: exp.Replace, context: Context) -> Expr:
    into = node.args.get("replacement")
    parts = [text(node.this, context), text(node.expression, context)]
    return Call(STR, "replace", (*parts, text(into, context) if into else Lit(STR, "")))


@binds(exp.Pad, keys=("this", "expression", "fill_pattern", "is_left"), spark=True)
def _pad(node: exp.Pad, context: Context) -> Expr:
    given = node.args.get("fill_pattern")
    fill = text_of(bind(given, context), "the fill of lpad and rpad") if given else " "
    width = bind(node.expression, context)
    if not fill or not isinstance(width, Lit) or not isinstance(width.value, int):
        msg = "lpad and rpad take a constant width and a fill of at least one character"
        raise SqlError(msg)
    fn = "lpad" if node.args.get("is_left") else "rpad"
    return Call(STR, fn, (text(node.this, context),), (max(width.value, 0), fill))


@binds(exp.Like, exp.ILike, keys=("this", "expression", "negate"), spark=True)
def _like(node: exp.Like, context: Context) -> Expr:
    return _matched(node, context, "\\")


@binds(exp.Escape, spark=True)
def _escaped(node: exp.Escape, context: Context) -> Expr:
    return _matched(node.this, context, text_of(bind(node.expression, context), "ESCAPE"))


def _matched(node: exp.Expr, context: Context, escape: str) -> Expr:
    if isinstance(node, exp.ILike):
        msg = "ILIKE is not supported in the spark dialect; write lower(x) LIKE 'pattern'"
        raise SqlError(msg)
    pattern = text_of(bind(node.args["expression"], context), "the pattern of LIKE")
    mark = re.escape(escape)
    if re.sub(f"{mark}[%_{mark}]", "", pattern).count(escape):
        msg = f"LIKE {pattern!r}: {escape!r} stands before % or _ or itself only"
        raise SqlError(msg)
    found = Call(
        BOOL, "regex_like", (text(node.args["this"], context),), (regex.like(pattern, escape),)
    )
    return Call(BOOL, "not", (found,)) if node.args.get("negate") else found


def _pattern(node: exp.Expr, context: Context, *, whole: bool = False) -> str:
    given = text_of(bind(node.args["expression"], context), "a regular expression")
    return spark_pattern(given, whole=whole)


@binds(exp.RegexpLike, spark=True)
def _rlike(node: exp.RegexpLike, context: Context) -> Expr:
    return Call(
        BOOL, "regex_like", (text(node.this, context),), (_pattern(node, context, whole=True),)
    )


@binds(exp.RegexpExtract, keys=("this", "expression", "group", "null_if_pos_overflow"), spark=True)
def _extract(node: exp.RegexpExtract, context: Context) -> Expr:
    group = bind(node.args["group"], context) if node.args.get("group") else Lit(INT, 1)
    pattern = _pattern(node, context)
    groups = re.compile(pattern.replace(r"\z", r"\Z").replace("(?iu", "(?i")).groups
    if not isinstance(group, Lit) or not isinstance(group.value, int) or group.value > groups:
        msg = f"regexp_extract takes the number of a group as a constant; the pattern has {groups}"
        raise SqlError(msg)
    return Call(STR, "regex_extract", (text(node.this, context),), (pattern, group.value))


@binds(exp.RegexpReplace, keys=("this", "expression", "replacement"), spark=True)
def _regexp_replace(node: exp.RegexpReplace, context: Context) -> Expr:
    into = java_replacement(text_of(bind(node.args["replacement"], context), "the replacement"))
    pattern = _pattern(node, context)
    return Call(STR, "regex_replace", (text(node.this, context),), (pattern, into, True))


@binds(exp.RegexpSplit, spark=True)
def _split(node: exp.RegexpSplit, context: Context) -> Expr:
    given = text_of(bind(node.expression, context), "the pattern of split")
    plain = re.sub(r"\\([^0-9A-Za-z])|\[([^\\^\]])\]", lambda m: m[1] or m[2], given)
    special = re.sub(r"\\[^0-9A-Za-z]|\[[^\\^\]]\]", "", given)
    if not given or re.search(r"[\\.+*?()\[\]{}|^$]", special):
        msg = f"split(x, {given!r}): a plain text is supported here, special characters as '\\\\|'"
        raise SqlError(msg)
    return Call(list_of(STR), "split", (text(node.this, context),), (plain,))


@binds(exp.Bracket, keys=("this", "expressions", "offset", "safe"), spark=True)
def _bracket(node: exp.Bracket, context: Context) -> Expr:
    whole, (at,) = bind(node.this, context), node.expressions
    if whole.type.name == "struct":
        return struct_field(whole, text_of(bind(at, context), "the field of a struct"))
    index = bind(at, context)
    first = int(node.args.get("offset") or 0)
    if whole.type.name != "list" or not isinstance(index, Lit) or not isinstance(index.value, int):
        msg = f"[...] takes one item of a list by a constant position, not {whole.type}"
        raise SqlError(msg)
    if index.value < first:
        msg = f"the first item of a list has the position {first} here, not {index.value}"
        raise SqlError(msg)
    fn = "spark_get" if node.args.get("safe") else "spark_item"
    return Call(whole.type.args[0], fn, (whole,), (index.value - first,))


@binds(exp.ArrayContains, spark=True)
def _array_contains(node: exp.ArrayContains, context: Context) -> Expr:
    whole, item = bind(node.this, context), bind(node.expression, context)
    if whole.type.name != "list" or whole.type.args[0] != item.type:
        msg = (
            f"array_contains takes a list and an item of its type, not {whole.type} and {item.type}"
        )
        raise SqlError(msg)
    return Call(BOOL, "spark_array_contains", (whole, item))
