"""Regular expressions that mean the same to Rust (Polars) and to Java (Spark).

A pattern is read once, when the file is loaded. What only one of the two knows is refused; what
they read differently (`\\d`, `\\w`, `\\s`, `.`, `$`, case folding) is spelled out, with the meaning
it has in Python: Unicode classes, a dot for all but a line feed, `$` for the very end.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass, field

_SPACE = r"\t-\r \x{85}\p{Z}"
_WORD = r"\p{L}\p{M}\p{N}\p{Pc}"
_OUTSIDE = {
    "d": r"\p{Nd}",
    "D": r"\P{Nd}",
    "w": f"[{_WORD}]",
    "W": f"[^{_WORD}]",
    "s": f"[{_SPACE}]",
    "S": f"[^{_SPACE}]",
    "b": r"\b",
    "B": r"\B",
    "A": r"\A",
    "Z": r"\z",
    "z": r"\z",
}
_INSIDE = {**{key: _OUTSIDE[key] for key in "dDWS"}, "w": _WORD, "s": _SPACE}
_CONTROLS = {"n": r"\n", "t": r"\t", "r": r"\r", "f": r"\f", "v": r"\x{0B}", "a": r"\x{07}"}
_META = r"\.+*?()|[]{}^$&-~#"
_REFUSED = {
    "(?=": "look-ahead (?=...)",
    "(?!": "look-ahead (?!...)",
    "(?<=": "look-behind (?<=...)",
    "(?<!": "look-behind (?<!...)",
    "(?>": "atomic group (?>...)",
    "(?P=": "back-reference (?P=...)",
    "(?(": "conditional group (?(...)...)",
}


def portable(pattern: str, *, anchored: bool = True) -> str:
    """The pattern, anchored at the start, in the words that both engines read alike.

    ValueError says what is wrong with it: bad syntax, or a construct that needs backtracking.

    >>> portable(r"[A-Z]{2}\\d+$")
    '\\\\A(?:[A-Z]{2}\\\\p{Nd}+\\\\z)'
    """
    _check_syntax(pattern)
    try:
        read = _Reader(pattern).read()
        return rf"\A(?:{read})" if anchored else read
    except ValueError as error:
        msg = f"invalid regular expression {pattern!r}: {error}"
        raise ValueError(msg) from None


def _check_syntax(pattern: str) -> None:
    # only a syntax check: Python does not know \p{..} and \z, and never sees data
    known = re.sub(r"\\[pP](?:\{[^}]*\}|[A-Z])", r"\\w", pattern).replace(r"\z", r"\Z")
    known = re.sub(r"\(\?<([A-Za-z_]\w*)>", r"(?P<\1>", known)
    known = re.sub(r"\\x\{[0-9A-Fa-f]{1,6}\}", "x", known)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            re.compile(known)
    except (re.error, FutureWarning, DeprecationWarning, OverflowError, RecursionError) as error:
        msg = f"invalid regular expression {pattern!r}: {error}"
        raise ValueError(msg) from None


@dataclass
class _Reader:
    """Rewrites a pattern from left to right; `at` is the next character."""

    text: str
    at: int = 0
    dot_all: bool = False
    out: list[str] = field(default_factory=list)

    def read(self) -> str:
        self._leading_flags()
        while self.at < len(self.text):
            self.out.append(self._token())
        return "".join(self.out)

    def _take(self, expression: str) -> re.Match[str] | None:
        match = re.compile(expression).match(self.text, self.at)
        if match:
            self.at = match.end()
        return match

    def _leading_flags(self) -> None:
        flags = self._take(r"\(\?([a-zA-Z]+)\)")
        if not flags:
            return
        if unknown := set(flags[1]) - set("isu"):
            msg = f"the flag {sorted(unknown)[0]!r} is not supported; i and s are"
            raise ValueError(msg)
        self.dot_all = "s" in flags[1]
        if "i" in flags[1]:
            self.out.append("(?iu)")

    def _token(self) -> str:
        letter = self.text[self.at]
        if letter == "\\":
            return self._escape(_OUTSIDE)
        if letter == "[":
            return self._character_class()
        if letter == "(":
            return self._group()
        if letter in "*+?":
            return self._repeat(letter)
        if letter == "{":
            return self._braces()
        self.at += 1
        special = {"$": r"\z", ".": "(?s:.)" if self.dot_all else r"[^\n]", "}": r"\}", "]": r"\]"}
        return special.get(letter, letter)

    def _group(self) -> str:
        for construct, name in _REFUSED.items():
            if self.text.startswith(construct, self.at):
                msg = f"{name} is not supported: it needs a backtracking engine"
                raise ValueError(msg)
        if self._take(r"\(\?P?<[A-Za-z_]\w*>"):
            return "("
        if self._take(r"\(\?#[^)]*\)"):
            return "(?:)"
        if self._take(r"\(\?i:"):
            return "(?iu:"
        if self._take(r"\(\?:"):
            return "(?:"
        if flags := self._take(r"\(\?[^)]{0,12}"):
            msg = f"{flags[0]!r} is not supported; flags stand at the start: (?i), (?s)"
            raise ValueError(msg)
        self.at += 1
        return "("

    def _repeat(self, sign: str) -> str:
        self.at += 1
        if self._take(r"\+"):
            msg = f"possessive repeat '{sign}+' is not supported: it needs a backtracking engine"
            raise ValueError(msg)
        return sign + ("?" if self._take(r"\?") else "")

    def _braces(self) -> str:
        if counts := self._take(r"\{(\d*)(,?)(\d*)\}"):
            if not counts[1] and not counts[3]:
                return re.escape(counts[0])
            return self._repeat_counts(counts[1] or "0", counts[2], counts[3])
        self.at += 1
        return r"\{"

    def _repeat_counts(self, low: str, comma: str, high: str) -> str:
        if max(int(low), int(high or 0)) > 1000:
            msg = "a repeat of more than 1,000 is not supported"
            raise ValueError(msg)
        if self._take(r"\+"):
            msg = "possessive repeat '{..}+' is not supported: it needs a backtracking engine"
            raise ValueError(msg)
        return f"{{{low}{comma}{high}}}" + ("?" if self._take(r"\?") else "")

    def _character_class(self) -> str:
        opening = self._take(r"\[\^?\]?")
        parts = [opening[0].replace("]", r"\]") if opening else "["]
        while (letter := self.text[self.at]) != "]":
            if letter == "\\":
                parts.append(self._escape(_INSIDE))
                continue
            self.at += 1
            # `[`, `&&` and `~~` would start set operations; spaces are safe in both
            parts.append(f"\\{letter}" if letter in "[&~#^" else letter)
        self.at += 1
        return "".join(parts) + "]"

    def _escape(self, classes: dict[str, str]) -> str:
        if properties := self._take(r"\\[pP](?:\{\^?[A-Za-z_]+\}|[A-Z])"):
            return properties[0]
        if code := self._take(
            r"\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|x\{([0-9A-Fa-f]{1,6})\})"
        ):
            digits = next(group for group in code.groups() if group)
            return rf"\x{{{digits.lstrip('0') or '0'}}}"
        letter = self.text[self.at + 1]
        self.at += 2
        if letter.isdigit():
            msg = f"back-reference or octal code '\\{letter}' is not supported"
            raise ValueError(msg)
        if letter in classes or letter in _CONTROLS:
            return classes.get(letter) or _CONTROLS[letter]
        if letter.isalpha() and letter.isascii():
            msg = f"'\\{letter}' is not supported"
            raise ValueError(msg)
        return f"\\{letter}" if letter in _META else letter
