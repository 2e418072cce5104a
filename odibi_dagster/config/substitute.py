"""Plain values out of a tree, with `${...}` replaced: after parsing, inside strings only.

`${NAME}` and `${env:NAME}` are environment variables, `${vars.name}` the project's `vars`. A
string that is nothing but one `${vars.name}` becomes that value with its type. A `$` that no
brace follows is text.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from odibi_dagster.core.fate import not_yet
from odibi_dagster.errors import did_you_mean

if TYPE_CHECKING:
    from odibi_dagster.config.report import Loc, Report
    from odibi_dagster.config.tree import Tree

_OPEN = "${"
_REFERENCE = re.compile(r"\$\{([^{}]*)\}?")
_NAME = re.compile(r"(?:env:)?([A-Za-z_][A-Za-z0-9_]*)")
_VAR = re.compile(r"vars\.([A-Za-z0-9_\-.]+)")
_UNTOUCHED = frozenset({"environments", "recipes"})


class Substitution:
    """Turns one tree into plain values; what cannot be replaced is reported and left as it is."""

    def __init__(self, tree: Tree, report: Report) -> None:
        self.tree = tree
        self.report = report
        self._vars = tree.get("vars")
        self._path: list[str] = []

    def plain(self) -> dict[str, Any]:
        """The whole file; environments that are not chosen, and recipes, stay as written."""
        return {
            name: raw(tree) if name in _UNTOUCHED else self._value(tree, (name,))
            for name, tree in self.tree.value.items()
        }

    def _value(self, tree: Tree, loc: Loc) -> Any:
        value = tree.value
        if isinstance(value, str):
            return self._text(value, loc) if _OPEN in value else value
        if isinstance(value, dict):
            return {name: self._value(child, (*loc, name)) for name, child in value.items()}
        if isinstance(value, list):
            return [self._value(child, (*loc, index)) for index, child in enumerate(value)]
        return value

    def _text(self, text: str, loc: Loc) -> Any:
        whole = _REFERENCE.fullmatch(text)
        if whole and _VAR.fullmatch(whole[1]):
            return self._replace(whole, loc)
        return _REFERENCE.sub(lambda match: str(self._replace(match, loc)), text)

    def _replace(self, match: re.Match[str], loc: Loc) -> Any:
        written, inner = match[0], match[1]
        if not written.endswith("}"):
            return self._malformed(written, loc)
        if inner.startswith("date:"):
            self.report.error(not_yet(written), loc)
            return written
        if found := _VAR.fullmatch(inner):
            return self._variable(found[1], written, loc)
        if found := _NAME.fullmatch(inner):
            return self._environment(found[1], written, loc)
        return self._malformed(written, loc)

    def _malformed(self, written: str, loc: Loc) -> str:
        expected = "write ${NAME}, ${env:NAME} or ${vars.name}"
        self.report.error(f"malformed substitution {written[:60]!r}; {expected}", loc)
        return written

    def _environment(self, name: str, written: str, loc: Loc) -> str:
        value = os.environ.get(name)
        if value is None:
            self.report.error(f"environment variable {name} is not set", loc)
            return written
        self.report.secrets[value] = name
        return value

    def _variable(self, name: str, written: str, loc: Loc) -> Any:
        if name in self._path:
            self.report.error(f"vars.{name} refers to itself", loc)
            return written
        tree, parts = self._vars, name.split(".")
        for part in parts:
            known = tree.value if tree and isinstance(tree.value, dict) else {}
            tree = known.get(part)
            if tree is None:
                hint = did_you_mean(part, known) if known else "the file has no such vars"
                self.report.error(f"unknown variable vars.{name}; {hint}", loc)
                return written
        assert tree is not None  # noqa: S101  (the loop ran at least once)
        self._path.append(name)
        value = self._value(tree, ("vars", *parts))
        self._path.pop()
        return value


def raw(tree: Tree) -> Any:
    """Plain values as they are written, nothing replaced."""
    if isinstance(tree.value, dict):
        return {name: raw(child) for name, child in tree.value.items()}
    if isinstance(tree.value, list):
        return [raw(child) for child in tree.value]
    return tree.value
