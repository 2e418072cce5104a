"""How long and how deep SQL may be: refused before anything walks it."""

from __future__ import annotations

from sqlglot import exp

from odibi_dagster.engines.sql.types import SqlError

MAX_TEXT = 65_536
MAX_DEPTH = 150
TOO_DEEP = (
    f"SQL is nested more than {MAX_DEPTH} levels deep; write long chains of AND, OR and + as "
    "IN (...), a join or several steps"
)


def check_size(text: str) -> None:
    """SqlError where the text is too long, or its brackets too deep, to be parsed."""
    if len(text) > MAX_TEXT:
        msg = f"SQL of {len(text)} characters; at most {MAX_TEXT} are read, write several steps"
        raise SqlError(msg)
    if text.count("(") + text.count("[") <= MAX_DEPTH:
        return
    depth = 0
    for char in text:
        depth += (char in "([") - (char in ")]")
        if depth > MAX_DEPTH:
            raise SqlError(TOO_DEEP)


def check_depth(tree: exp.Expr) -> None:
    """SqlError where the tree is deeper than what reads it can go down."""
    level, depth = [tree], 0
    while level:
        if (depth := depth + 1) > MAX_DEPTH:
            raise SqlError(TOO_DEEP)
        level = [child for node in level for child in node.iter_expressions()]
