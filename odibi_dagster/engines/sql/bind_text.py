"""The meaning of text, regular expressions, lists and JSON paths."""

# ruff: noqa: E501

from __future__ import annotations

from sqlglot import exp

from odibi_dagster.engines.sql import regex
from odibi_dagster.engines.sql.bind import bind, binds, to_kind, together
from odibi_dagster.engines.sql.bind_ops import alike, casted
from odibi_dagster.engines.sql.ir import Call, Expr, Lit
from odibi_dagster.engines.sql.scope import Context, struct_field, text_of
from odibi_dagster.engines.sql.types import BOOL, INT, STR, SqlError, list_of

SPACES = " \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
"""What TRIM removes: space characters, but no tabs or line breaks."""


def text(node: exp.Expr, context: Context) -> Expr:
    """An argument that must be text."""
    return to_kind(bind(node, context), "str", "this function")


def as_text(node: exp.Expr, context: Context) -> Expr:
    """Any value as text, as CONCAT and || take it."""
    return casted(bind(node, context), STR)


@binds(exp.DPipe, keys=("this", "expression"))
def _concat_operator(node: exp.DPipe, context: Context) -> Expr:
    return Call(STR, "concat", (as_text(node.left, context), as_text(node.right, context)))


@binds(exp.Concat, keys=("expressions",))
def _concat(node: exp.Concat, context: Context) -> Expr:
    parts = tuple(as_text(n, context) for n in node.expressions)
    if context.dialect == "spark":
        return Call(STR, "concat", parts)
    return Call(STR, "concat_ws", parts, ("",))


@binds(exp.ConcatWs, keys=("expressions",))
def _concat_ws(node: exp.ConcatWs, context: Context) -> Expr:
    separator, *parts = node.expressions
    given = text_of(bind(separator, context), "the separator of concat_ws")
    return Call(STR, "concat_ws", tuple(as_text(n, context) for n in parts), (given,))


@binds(exp.Trim, keys=("this", "expression", "position"))
def _trim(node: exp.Trim, context: Context) -> Expr:
    chars = SPACES
    if node.expression:
        chars = text_of(bind(node.expression, context), "the characters to trim")
    side = (node.args.get("position") or "BOTH").upper()
    return Call(STR, "trim", (text(node.this, context),), (side, chars))


@binds(exp.Length, keys=("this",))
def _length(node: exp.Length, context: Context) -> Expr:
    value = bind(node.this, context)
    if value.type.name == "list":
        return Call(INT, "list_len", (value,))
    return Call(INT, "length", (to_kind(value, "str", "length"),))


@binds(exp.Substring, keys=("this", "start", "length"))
def _substring(node: exp.Substring, context: Context) -> Expr:
    value = text(node.this, context)
    bounds = [
        to_kind(bind(node.args[key], context), "int", "substring")
        for key in ("start", "length")
        if node.args.get(key) is not None
    ]
    if any(isinstance(b, Lit) and b.value is not None and b.value < 0 for b in bounds[1:]):
        msg = "substring with a negative length is not supported; write it from the other end"
        raise SqlError(msg)
    return Call(STR, "substring", (value, *bounds))


@binds(exp.Pad, keys=("this", "expression", "fill_pattern", "is_left"))
def _pad(node: exp.Pad, context: Context) -> Expr:
    fill = text_of(bind(node.args["fill_pattern"], context), "the fill of lpad and rpad")
    width = bind(node.expression, context)
    if not fill or not isinstance(width, Lit) or not isinstance(width.value, int):
        msg = "lpad and rpad take a constant width and a fill of at least one character"
        raise SqlError(msg)
    fn = "lpad" if node.args.get("is_left") else "rpad"
    return Call(STR, fn, (text(node.this, context),), (max(width.value, 0), fill))


@binds(exp.Like, exp.ILike, keys=("this", "expression", "negate"))
def _like(node: exp.Like | exp.ILike, context: Context) -> Expr:
    return like(node, context, "")


@binds(exp.Escape)
def _escaped(node: exp.Escape, context: Context) -> Expr:
    return like(node.this, context, text_of(bind(node.expression, context), "ESCAPE"))


def like(node: exp.Expr, context: Context, escape: str) -> Expr:
    """LIKE and ILIKE against a constant pattern."""
    pattern = text_of(bind(node.args["expression"], context), "the pattern of LIKE")
    rust = regex.like(pattern, escape)
    if isinstance(node, exp.ILike):
        rust = rust.replace("(?s)", "(?ius)", 1)
    found = Call(BOOL, "regex_like", (text(node.this, context),), (rust,))
    return Call(BOOL, "not", (found,)) if node.args.get("negate") else found


def _pattern(node: exp.Expr, context: Context, key: str = "expression", flag: str = "") -> str:
    options = (
        text_of(bind(node.args[flag], context), "regex options") if node.args.get(flag) else ""
    )
    return regex.portable(text_of(bind(node.args[key], context), "a regular expression"), options)


@binds(exp.RegexpLike, keys=("this", "expression", "flag"))
def _regexp_like(node: exp.RegexpLike, context: Context) -> Expr:
    return Call(
        BOOL, "regex_like", (text(node.this, context),), (_pattern(node, context, flag="flag"),)
    )


@binds(exp.RegexpFullMatch, exp.SimilarTo)
def _regexp_full(node: exp.Expr, context: Context) -> Expr:
    whole = f"^(?:{_pattern(node, context)})\\z"
    return Call(BOOL, "regex_like", (text(node.this, context),), (whole,))


@binds(exp.RegexpReplace, keys=("this", "expression", "replacement", "modifiers"))
def _regexp_replace(node: exp.RegexpReplace, context: Context) -> Expr:
    modifiers = node.args.get("modifiers")
    options = text_of(bind(modifiers, context), "regex options") if modifiers else ""
    into = regex.replacement(text_of(bind(node.args["replacement"], context), "the replacement"))
    every = "g" in options or context.dialect == "spark"
    pattern = _pattern(node, context, flag="modifiers")
    return Call(STR, "regex_replace", (text(node.this, context),), (pattern, into, every))


@binds(exp.RegexpExtract, keys=("this", "expression", "group", "parameters"))
def _regexp_extract(node: exp.RegexpExtract, context: Context) -> Expr:
    group = bind(node.args["group"], context) if node.args.get("group") else Lit(INT, 0)
    if not isinstance(group, Lit) or not isinstance(group.value, int):
        msg = "regexp_extract takes the number of a group as a constant"
        raise SqlError(msg)
    pattern = _pattern(node, context, flag="parameters")
    return Call(STR, "regex_extract", (text(node.this, context),), (pattern, group.value))


@binds(exp.RegexpExtractAll, keys=("this", "expression", "group"))
def _regexp_extract_all(node: exp.RegexpExtractAll, context: Context) -> Expr:
    group = node.args.get("group")
    if group is not None and group.name != "0":
        msg = "regexp_extract_all with a group is not supported; extract the whole match"
        raise SqlError(msg)
    args = (text(node.this, context),)
    return Call(list_of(STR), "regex_extract_all", args, (_pattern(node, context),))


@binds(exp.Translate, keys=("this", "from_", "to"))
def _translate(node: exp.Translate, context: Context) -> Expr:
    old, new = (text_of(bind(node.args[key], context), "translate") for key in ("from_", "to"))
    return Call(STR, "translate", (text(node.this, context),), (old, new[: len(old)]))


@binds(exp.SHA2, keys=("this", "length"))
def _sha256(node: exp.SHA2, context: Context) -> Expr:
    if node.args["length"].name != "256":
        msg = "only sha256 is supported"
        raise SqlError(msg)
    return Call(STR, "sha256", (text(node.this, context),))


@binds(exp.Contains, exp.ArrayContains)
def _contains(node: exp.Expr, context: Context) -> Expr:
    whole, item = bind(node.this, context), bind(node.expression, context)
    if whole.type.name != "list":
        args = (to_kind(whole, "str", "contains"), to_kind(item, "str", "contains"))
        return Call(BOOL, "contains", args)
    sample = Lit(whole.type.args[0], None)
    _, item = alike(sample, item)
    if item.type != whole.type.args[0]:
        msg = f"list_contains: the list holds {whole.type.args[0]}, not {item.type}; write CAST(... AS ...)"
        raise SqlError(msg)
    return Call(BOOL, "list_contains", (whole, item))


@binds(exp.Bracket, keys=("this", "expressions"))
def _bracket(node: exp.Bracket, context: Context) -> Expr:
    whole, (at,) = bind(node.this, context), node.expressions
    if whole.type.name == "struct":
        return struct_field(whole, text_of(bind(at, context), "the field of a struct"))
    if whole.type.name != "list" or isinstance(at, exp.Slice):
        msg = f"[...] takes one item of a list or one field of a struct, not {whole.type}"
        raise SqlError(msg)
    index = bind(at, context)
    if not isinstance(index, Lit) or not isinstance(index.value, int):
        msg = "the index of a list must be a constant"
        raise SqlError(msg)
    # sqlglot counts from 0 in every dialect, and moves a negative index by one as well
    return Call(whole.type.args[0], "list_get", (whole,), (index.value + 1,))


@binds(exp.ArraySort, keys=("this", "expression", "nulls_first"))
def _list_sort(node: exp.ArraySort, context: Context) -> Expr:
    last = node.args.get("nulls_first")
    if node.args.get("expression") or (last is not None and last.name.lower() not in ("", "false")):
        msg = "list_sort takes the list alone: ascending, nulls last"
        raise SqlError(msg)
    value = to_kind(bind(node.this, context), "list", "list_sort")
    return Call(value.type, "list_sort", (value,))


@binds(exp.Array, keys=("expressions",))
def _array(node: exp.Array, context: Context) -> Expr:
    item, values = together([bind(n, context) for n in node.expressions], "a list")
    return Call(list_of(item), "list_of", tuple(values))


@binds(exp.JSONExtractScalar, keys=("this", "expression"))
def _json(node: exp.JSONExtractScalar, context: Context) -> Expr:
    path: list[str | int] = []
    for step in node.expression.expressions if isinstance(node.expression, exp.JSONPath) else ():
        if (isinstance(step, exp.JSONPathKey) and isinstance(step.this, str)) or (
            isinstance(step, exp.JSONPathSubscript)
            and isinstance(step.this, int)
            and step.this >= 0
        ):
            path.append(step.this)
        elif not isinstance(step, exp.JSONPathRoot):
            path.clear()
            break
    if not path:
        msg = "a JSON path must be a constant of keys and positions, such as '$.a.b[0]'"
        raise SqlError(msg)
    return Call(STR, "json_text", (text(node.this, context),), (tuple(path),))
