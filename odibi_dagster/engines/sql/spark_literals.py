"""Quoted texts of Spark SQL in the spelling that the parser reads as Spark does."""

# ruff: noqa: E501

from __future__ import annotations

import re

from odibi_dagster.engines.sql.types import SqlError

_LITERAL = re.compile(
    r"""--[^\n]*|/\*.*?\*/|`(?:[^`]|``)*`|\b[rR]'[^']*'|\b[rR]"[^"]*"|'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*\"""",
    re.DOTALL,
)
_KNOWN = set("\\'\"ntr0b%_Z")


def spark_literals(text: str) -> str:
    r"""A doubled quote inside a text is one quote; an escape that means something else is refused.

    >>> spark_literals("'it''s'")
    "'it\\'s'"
    """
    return _LITERAL.sub(_rewritten, text)


def _rewritten(match: re.Match[str]) -> str:
    whole = match[0]
    if whole[0] not in "'\"":
        return whole
    quote, inner = whole[0], whole[1:-1]
    for escape in re.findall(r"\\(.)", inner, re.DOTALL):
        if escape not in _KNOWN:
            msg = f"'\\{escape}' in a text of Spark SQL is '{escape}' alone; write '\\\\{escape}' or r'...'"
            raise SqlError(msg)
    return (
        quote
        + re.sub(rf"(\\.)|{quote}{quote}", lambda m: m[1] or f"\\{quote}", inner, flags=re.DOTALL)
        + quote
    )
