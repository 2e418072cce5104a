"""What SQL may be written, checked when the file is loaded: a whitelist of nodes and functions."""

# ruff: noqa: E501

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import ParseError, TokenError

from odibi_dagster.engines.sql import bind_select, types  # noqa: F401  (registers every handler)
from odibi_dagster.engines.sql.bind import KEYS, SPARK_KEYS, name_of, unsupported
from odibi_dagster.engines.sql.bind_grouping import has_aggregate
from odibi_dagster.engines.sql.catalogue import RANKINGS, SCALARS
from odibi_dagster.engines.sql.catalogue_spark import (
    SHARED,
    SPARK_AGGREGATES,
    SPARK_INSTEAD,
    SPARK_SCALARS,
)
from odibi_dagster.engines.sql.size import TOO_DEEP, check_depth, check_size
from odibi_dagster.engines.sql.spark_literals import spark_literals
from odibi_dagster.engines.sql.types import SqlError

DIALECTS = ("duckdb", "spark")
_SELECT = ("expressions", "from_", "joins", "where", "group", "having", "qualify", "windows", "distinct",
           "order", "limit", "offset", "with_", "kind", "laterals")  # fmt: skip
STRUCTURE: dict[type[exp.Expr] | str, tuple[str, ...]] = {
    exp.Select: tuple(k for k in _SELECT if k not in ("kind", "laterals", "windows")),
    **dict.fromkeys(
        (exp.Union, exp.Except, exp.Intersect),
        ("this", "expression", "distinct", "by_name", "order", "limit", "offset", "with_"),
    ),
    exp.With: ("expressions",), exp.CTE: ("this", "alias"), exp.TableAlias: ("this", "columns"),
    exp.From: ("this",), exp.Table: ("this", "alias"), exp.Subquery: ("this", "alias"),
    exp.Join: ("this", "on", "using", "side", "kind", "method"), exp.Where: ("this",),
    exp.Group: ("expressions", "rollup", "cube", "grouping_sets", "all"), exp.Having: ("this",),
    exp.Rollup: ("expressions",), exp.Cube: ("expressions",), exp.GroupingSets: ("expressions",),
    exp.Qualify: ("this",), exp.Distinct: ("expressions", "on"), exp.Order: ("this", "expressions"),
    exp.Ordered: ("this", "desc", "nulls_first"), exp.Limit: ("expression",),
    exp.Offset: ("expression",), exp.Star: ("except_", "replace", "rename"),
    exp.Alias: ("this", "alias"), exp.Identifier: ("this", "quoted"), exp.Tuple: ("expressions",),
    exp.Interval: ("this", "unit"), exp.Var: ("this",), exp.Unnest: ("expressions", "alias"),
    exp.WindowSpec: ("kind", "start", "start_side", "end", "end_side"), exp.DataType: (),
    exp.DataTypeParam: ("this",), exp.JSONPath: ("expressions",), exp.JSONPathRoot: (),
    exp.JSONPathKey: ("this",), exp.JSONPathSubscript: ("this",),
    exp.Lateral: ("this", "alias", "view", "outer"),
}  # fmt: skip
_RANKED: dict[type[exp.Expr] | str, tuple[str, ...]] = {
    node: rule.keys for node, rule in RANKINGS.items()
}
ALLOWED: dict[type[exp.Expr] | str, tuple[str, ...]] = {
    **{node: ("expressions",) if isinstance(node, str) else rule.keys for node, rule in SCALARS.items()},
    **_RANKED, **KEYS, **STRUCTURE,
}  # fmt: skip


@cache
def _dialect(name: str) -> Dialect:
    """Made once, when it is asked for: sqlglot would make one anew for every text."""
    return Dialect.get_or_raise(name)


@lru_cache(maxsize=4096)
def parse(text: str, dialect: str, kind: str) -> exp.Expr:
    """The syntax tree of a `query` or a scalar `expression`; SqlError names line and column."""
    if dialect not in DIALECTS:
        msg = f"unknown sql dialect '{dialect}'; choose one of: {', '.join(DIALECTS)}"
        raise SqlError(msg)
    check_size(text)
    try:
        return _parsed(text, dialect, kind)
    except RecursionError:
        raise SqlError(TOO_DEEP) from None


def _parsed(text: str, dialect: str, kind: str) -> exp.Expr:
    if kind == "query":
        tree = _one_statement(text, dialect)
        if not isinstance(tree, exp.Query) or isinstance(tree, exp.Table):
            word = type(tree).__name__.upper()
            msg = f"only SELECT is allowed in sql, not {word}"
            raise SqlError(msg)
    else:
        tree = _scalar(text, dialect)
    check_depth(tree)
    _vet(tree, text, dialect)
    return tree


def _one_statement(text: str, dialect: str) -> exp.Expr:
    try:
        statements = [
            s
            for s in sqlglot.parse(_quoted(text, dialect), read=_dialect(dialect))
            if s is not None
        ]
    except (ParseError, TokenError) as error:
        raise _invalid("invalid SQL", error) from None
    if len(statements) != 1:
        msg = f"sql must be exactly one statement, not {len(statements)}"
        raise SqlError(msg)
    return statements[0]


def _scalar(text: str, dialect: str) -> exp.Expr:
    try:
        parsed = sqlglot.parse(f"SELECT {_quoted(text, dialect)}\n", read=_dialect(dialect))
    except (ParseError, TokenError) as error:
        raise _invalid("cannot parse expression", error, shift=7) from None
    select = parsed[0] if len(parsed) == 1 else None
    only = isinstance(select, exp.Select) and len(select.expressions) == 1
    if not only or select is None or any(v for k, v in select.args.items() if k != "expressions"):
        msg = f"cannot parse expression {text!r}: write one value or condition over the columns"
        raise SqlError(msg)
    tree: exp.Expr = select.expressions[0]
    if isinstance(tree, exp.Alias | exp.Star) or tree.find(exp.Query):
        msg = f"cannot parse expression {text!r}: no alias, * or subquery is allowed here"
        raise SqlError(msg)
    if has_aggregate(tree):
        msg = f"cannot parse expression {text!r}: aggregates are not allowed in the value of one row; add OVER (...)"
        raise SqlError(msg)
    tree.pop()
    return tree


def _quoted(text: str, dialect: str) -> str:
    """Back-ticks quote names too in the duckdb dialect; in Spark, double quotes hold a text."""
    if dialect == "spark":
        return spark_literals(text)
    mark, own = "`", '"'
    if mark not in text:
        return text
    out: list[str] = []
    inside = ""
    for char in text:
        if inside:
            inside = "" if char == inside else inside
            out.append(own if char == mark and not inside else char)
        else:
            inside = char if char in "'\"`" else ""
            out.append(own if char == mark else char)
    return "".join(out)


def _invalid(what: str, error: ParseError | TokenError, shift: int = 0) -> SqlError:
    found: dict[str, Any] = (
        error.errors[0] if isinstance(error, ParseError) and error.errors else {}
    )
    if not found.get("line"):
        return SqlError(f"{what}: {str(error).splitlines()[0]}")
    line, column = found["line"], found["col"]
    column -= shift if line == 1 else 0
    near = f" near '{found['highlight']}'" if found.get("highlight") else ""
    return SqlError(
        f"{what} at line {line}, column {column}: {found['description'].rstrip('.')}{near}"
    )


def _vet(tree: exp.Expr, text: str, dialect: str) -> None:
    known = _known(dialect)
    for node in tree.walk():
        _vet_word(node, known, dialect)
        _vet_node(node, text, dialect)


def _vet_word(
    node: exp.Expr, known: dict[type[exp.Expr] | str, tuple[str, ...]], dialect: str
) -> None:
    name = name_of(node)
    keys = known.get(name)
    if type(node) is exp.Table or keys is None:
        if dialect == "spark" and type(node) is not exp.Table and not _file_word(node):
            raise _otherwise(node)
        _refuse(node, keys)
    if keys is None or type(node) is exp.DataType or isinstance(name, str):
        return
    for key, value in node.args.items():
        if value and key not in keys and value is not True:
            msg = (
                f"{key.rstrip('_').upper()} in '{node.sql('duckdb')[:60]}' is not supported in sql"
            )
            raise SqlError(msg)


def _vet_node(node: exp.Expr, text: str, dialect: str) -> None:
    if type(node) is exp.RegexpLike and "~" in text:
        _no_tilde(text, dialect)
    if type(node) is exp.Join and node.args.get("method") not in (None, "", "NATURAL"):
        msg = f"{node.args['method']} JOIN is not supported in sql; write a join and QUALIFY row_number() ... = 1"
        raise SqlError(msg)
    if type(node) is exp.With and node.args.get("recursive"):
        raise SqlError("WITH RECURSIVE is not supported in sql")
    if type(node) is exp.Cast or type(node) is exp.TryCast:
        types.of_sql(node.args["to"])


_TOTALS = (exp.Rollup, exp.Cube, exp.GroupingSets)


def _known(dialect: str) -> dict[type[exp.Expr] | str, tuple[str, ...]]:
    """The nodes that a dialect has, each with the arguments that are read there."""
    if dialect != "spark":
        return ALLOWED
    shared = {node: keys for node, keys in ALLOWED.items() if node in SHARED}
    own = {
        node: ("expressions",) if isinstance(node, str) else rule.keys
        for node, rule in (SPARK_SCALARS | SPARK_AGGREGATES).items()
    }
    known = {
        **STRUCTURE,
        **shared,
        **own,
        **SPARK_KEYS,
        exp.Select: (*STRUCTURE[exp.Select], "laterals"),
    }
    # over no rows Spark leaves out the grand total that DuckDB gives
    return {node: keys for node, keys in known.items() if node not in _TOTALS}


def _otherwise(node: exp.Expr) -> SqlError:
    """The refusal of what only the other dialect knows, or what both know and read otherwise."""
    word = node.name if type(node) is exp.Anonymous else type(node).__name__
    if name_of(node) not in ALLOWED and word.lower() not in SPARK_INSTEAD:
        return unsupported(node)
    hint = SPARK_INSTEAD.get(word.lower())
    return SqlError(
        f"'{node.sql('spark')[:60]}' is not supported in the spark dialect: Spark SQL gives it a meaning "
        f"of its own; {f'write {hint}, or ' if hint else ''}set dagster.sql_dialect: duckdb"
    )


def _no_tilde(text: str, dialect: str) -> None:
    # `~` is a full match in DuckDB, but the parser reads it like regexp_matches, which is not
    if any(
        "~" in token.text and token.text.strip("!~*") == ""
        for token in sqlglot.tokenize(text, read=_dialect(dialect))
    ):
        msg = "'~' is not supported in sql; write regexp_matches(x, 'pattern')"
        raise SqlError(msg)


def _refuse(node: exp.Expr, keys: tuple[str, ...] | None) -> None:
    if isinstance(node, exp.Table):
        if not isinstance(node.this, exp.Identifier):
            raise SqlError(
                f"file functions are not allowed in sql: {node.this.sql('duckdb')[:60]}; read files with `read:`"
            )
        if (
            "/" in node.name
            or "\\" in node.name
            or node.name.lower().endswith((".parquet", ".csv", ".json", ".db"))
        ):
            raise SqlError(
                f"file functions are not allowed in sql: '{node.name}'; read files with `read:`"
            )
        if node.args.get("db") or node.args.get("catalog"):
            raise SqlError(
                f"'{node.sql('duckdb')}': tables have one name in sql; write the name of an input or node"
            )
        return
    if keys is None:
        files = type(node) in (exp.ReadCSV, exp.ReadParquet) or _file_word(node)
        if files:
            raise SqlError(
                f"file functions are not allowed in sql: {node.sql('duckdb')[:60]}; read files with `read:`"
            )
        raise unsupported(node)


def _file_word(node: exp.Expr) -> bool:
    word = node.name.lower() if type(node) is exp.Anonymous else type(node).__name__.lower()
    return word.startswith(
        (
            "read",
            "scan",
            "glob",
            "parquet_",
            "sniff",
            "sqlite_",
            "postgres_",
            "mysql_",
            "delta_",
            "iceberg_",
        )
    )
