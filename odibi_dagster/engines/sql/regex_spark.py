r"""Regular expressions as Java reads them, written so that Rust and Java agree.

Java's dot leaves out five line ends, its `\s` holds the vertical tab, and its `$` also stands
before a last line end: written out where that can be, refused where it cannot.
"""

# ruff: noqa: E501

from __future__ import annotations

import re

from odibi_dagster.engines.sql.regex import portable
from odibi_dagster.engines.sql.types import SqlError

_DOT = "[^\n\r\u0085\u2028\u2029]"
_END = "(?:\r\n|[\n\r\u0085\u2028\u2029])?\\z"
_PART = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?[a-zA-Z]+[:)]|.", re.DOTALL)


def spark_pattern(pattern: str, *, whole: bool = False) -> str:
    r"""A pattern of Spark's as Rust and Java both read it; `whole` where only a yes or no matters.

    >>> spark_pattern("a.c")
    'a[^\n\r\x85\u2028\u2029]c'
    """
    out = []
    for part in _PART.findall(pattern):
        if part == ".":
            out.append(_DOT)
        elif part == "$":
            if not whole:
                msg = f"regular expression {pattern!r}: '$' also stands before a last line end in Spark; write \\\\z"
                raise SqlError(msg)
            out.append(_END)
        elif part.startswith("(?") and part[2] not in ":":
            if not pattern.isascii() or set(part[2:-1]) - {"i"}:
                msg = f"regular expression {pattern!r}: {part!r} is not supported in the spark dialect"
                raise SqlError(msg)
            out.append(part)
        elif part == r"\s":
            out.append("[\\t\\n\x0b\\f\\r ]")
        elif part in (r"\S", r"\b", r"\B") or (
            part.startswith("[") and re.search(r"\\[sS]|&&|\[:", part)
        ):
            out.append(_with_tab(pattern, part))
        else:
            out.append(part)
    return portable("".join(out))


def _with_tab(pattern: str, part: str) -> str:
    if part == r"\S":
        return "[^\\t\\n\x0b\\f\\r ]"
    if part.startswith("[") and not re.search(r"\\S|&&|\[:", part):
        return part.replace(r"\s", "\\t\\n\x0b\\f\\r ")
    msg = f"regular expression {pattern!r}: {part!r} is not supported in the spark dialect"
    raise SqlError(msg)


def java_replacement(text: str) -> tuple[str | int, ...]:
    r"""A replacement of Java's in pieces: text, and group numbers for `$1`.

    >>> java_replacement("<$1>")
    ('<', 1, '>')
    """
    pieces: list[str | int] = []
    for part in re.findall(r"\\.|\$.?.?|[^\\$]+|\\", text, flags=re.DOTALL):
        if part.startswith("$"):
            if len(part) < 2 or not part[1].isdigit() or (len(part) > 2 and part[2].isdigit()):
                msg = f"replacement {text!r}: write groups as $1 to $9 and a dollar as \\\\$"
                raise SqlError(msg)
            pieces += [int(part[1]), *part[2:].replace("$", "")]
            if part[2:] in ("$", "\\"):
                msg = f"replacement {text!r}: separate $1 from what follows"
                raise SqlError(msg)
        elif part.startswith("\\"):
            pieces.append(part[1:])
        else:
            pieces.append(part)
    return tuple(piece for piece in pieces if piece != "")
