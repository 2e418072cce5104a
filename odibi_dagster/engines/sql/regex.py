r"""Regular expressions with one meaning: DuckDB's (RE2), written so that Rust and Java agree.

`\d`, `\w` and `\s` are ASCII as in RE2, `$` is the end of the text and never before a last line
break, and what only one engine knows (look-around, back-references, possessive repeats) is refused.
"""

# ruff: noqa: E501

from __future__ import annotations

import re
from functools import lru_cache

from odibi_dagster.engines.sql.types import SqlError

BOUNDARY = "\ue000"
"""Stands for a word boundary: each engine has its own word for an ASCII one."""

_SETS = {"d": "0-9", "w": "0-9A-Za-z_", "s": r"\t\n\f\r "}
_POSIX = {
    "alpha": "A-Za-z", "digit": "0-9", "alnum": "0-9A-Za-z", "upper": "A-Z", "lower": "a-z",
    "space": r"\t\n\x0b\f\r ", "punct": r"!-/:-@\[-`{-~", "xdigit": "0-9A-Fa-f", "word": "0-9A-Za-z_",
}  # fmt: skip
_PLAIN_ESCAPES = set("tnfr") | set(r"\.+*?()[]{}|^$-/!@#%&=~`'\",:;<> _")
_TOKEN = re.compile(
    r"\\(?P<escape>.)|(?P<open>\[\^?\]?)|(?P<group>\(\?(?:P?<[A-Za-z_]\w*>|[is]+\)|[is]*:))"
    r"|(?P<look>\(\?)|(?P<repeat>(?:[*+?]|\{\d+(?:,\d*)?\})(?P<lazy>[?+]?))|(?P<brace>[{}\]])"
    r"|(?P<end>\$)|(?P<other>.)",
    re.DOTALL,
)
_IN_CLASS = re.compile(
    r"\\(?P<escape>.)|\[:(?P<posix>\^?\w+):\]|(?P<special>[\[&~])|(?P<char>.)", re.DOTALL
)


@lru_cache(maxsize=1024)
def portable(pattern: str, flags: str = "") -> str:
    r"""The pattern as Rust and Java both read it.

    >>> portable(r"\d+$")
    '[0-9]+\\z'
    """
    out, at = [f"(?{_flags(flags)})" if flags.strip("cg") else ""], 0
    while at < len(pattern):
        match = _TOKEN.match(pattern, at)
        if match is None:
            raise _refuse(pattern, pattern[at:])
        at = match.end()
        if match["open"]:
            text, at = _char_class(pattern, at, match["open"])
            out.append(text)
        else:
            out.append(_token(pattern, match))
    return _compiled(pattern, "".join(out))


def _token(pattern: str, match: re.Match[str]) -> str:
    if escape := match["escape"]:
        return _escape(pattern, escape)
    if match["look"] or match["lazy"] == "+":
        raise _refuse(pattern, match[0])
    if group := match["group"]:
        if "<" in group:
            return "("
        flags = group[2:-1].strip(":")
        return f"(?{_flags(flags)}{group[-1]}" if flags else group
    if match["brace"]:
        return "\\" + match[0]
    return r"\z" if match["end"] else match[0]


def _flags(flags: str) -> str:
    if set(flags) - set("icgs"):
        msg = f"regex options {flags!r} are not supported; 'i', 's' and 'g' are"
        raise SqlError(msg)
    return ("iu" if "i" in flags else "") + ("s" if "s" in flags else "")


def _escape(pattern: str, char: str) -> str:
    if char in _SETS:
        return f"[{_SETS[char]}]"
    if char.lower() in _SETS:
        return f"[^{_SETS[char.lower()]}]"
    if char in ("b", "A", "z"):
        return {"b": BOUNDARY, "A": "^", "z": r"\z"}[char]
    if char in _PLAIN_ESCAPES:
        return char if char in "/!@%=`'\",:;<> _" else "\\" + char
    raise _refuse(pattern, "\\" + char)


def _char_class(pattern: str, at: int, opening: str) -> tuple[str, int]:
    out = [opening.replace("]", r"\]")]
    while at < len(pattern) and pattern[at] != "]":
        match = _IN_CLASS.match(pattern, at)
        if match is None:
            break
        at = match.end()
        if escape := match["escape"]:
            if escape in _SETS:
                out.append(_SETS[escape])
            elif escape in _PLAIN_ESCAPES:
                out.append("\\" + escape if escape in r"tnfr\-]^[&~" else escape)
            else:
                raise _refuse(pattern, "\\" + escape)
        elif posix := match["posix"]:
            if posix not in _POSIX:
                raise _refuse(pattern, f"[:{posix}:]")
            out.append(_POSIX[posix])
        else:
            out.append("\\" + match[0] if match["special"] else match[0])
    if at >= len(pattern):
        raise _refuse(pattern, "[")
    return "".join(out) + "]", at + 1


def _compiled(pattern: str, text: str) -> str:
    try:
        re.compile(text.replace(BOUNDARY, r"\b").replace(r"\z", r"\Z").replace("(?iu", "(?i"))
    except re.error as error:
        msg = f"invalid regular expression {pattern!r}: {error}"
        raise SqlError(msg) from None
    return text


def _refuse(pattern: str, what: str) -> SqlError:
    return SqlError(
        f"regular expression {pattern!r}: {what[:12]!r} is not supported; "
        "write it with groups, [classes], * + ? {n,m} and ^ $ only"
    )


def replacement(text: str) -> tuple[str | int, ...]:
    r"""A replacement in pieces: text, and group numbers for `\1`.

    >>> replacement(r"<\1>")
    ('<', 1, '>')
    """
    pieces: list[str | int] = []
    for part in re.split(r"(\\.)", text, flags=re.DOTALL):
        if part.startswith("\\"):
            pieces.append(int(part[1]) if part[1].isdigit() else part[1:])
        elif part:
            pieces.append(part)
    return tuple(pieces)


def like(pattern: str, escape: str = "") -> str:
    """A LIKE pattern as a regular expression over the whole text."""
    out, chars = [], iter(pattern)
    for char in chars:
        if escape and char == escape:
            out.append(_quoted(next(chars, "")))
        else:
            out.append({"%": ".*", "_": "."}.get(char) or _quoted(char))
    return f"(?s)^{''.join(out)}\\z"


def _quoted(char: str) -> str:
    return "\\" + char if char in r"\.+*?()[]{}|^$" else char
