"""Plain values out of a tree, with `${...}` replaced: after parsing, inside strings only.

`${NAME}` and `${env:NAME}` are environment variables, `${vars.name}` the project's `vars`. A
string that is nothing but one `${vars.name}` becomes that value with its type. A `$` that no
brace follows is text. Where a connection, or `privacy`, has a secret, environment variables stay
references.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, get_args

from odibi_dagster.connections.base import connections
from odibi_dagster.core.fate import not_yet
from odibi_dagster.core.secret import Secret
from odibi_dagster.errors import did_you_mean

if TYPE_CHECKING:
    from odibi_dagster.config.report import Loc, Report
    from odibi_dagster.config.tree import Tree

_OPEN = "${"
_REFERENCE = re.compile(r"\$\{([^{}]*)\}?")
_NAME = re.compile(r"(?:env:)?([A-Za-z_][A-Za-z0-9_]*)")
_VAR = re.compile(r"vars\.([A-Za-z0-9_\-.]+)")
_VARS = "vars"
_SALT = ("privacy", "salt")
_UNTOUCHED = frozenset({"environments", "recipes"})


class Substitution:
    """Turns one tree into plain values; what cannot be replaced is reported and left as it is."""

    def __init__(self, tree: Tree, report: Report) -> None:
        self.tree = tree
        self.report = report
        self._vars = tree.get("vars")
        self._path: list[str] = []
        self._secret = False

    def plain(self) -> dict[str, Any]:
        """The whole file; environments that are not chosen, and recipes, stay as written."""
        plain = {}
        for name, tree in self.tree.value.items():
            self._secret = name == _VARS  # what one of them holds may be a secret elsewhere
            plain[name] = raw(tree) if name in _UNTOUCHED else self._value(tree, (name,))
        return plain

    def _value(self, tree: Tree, loc: Loc) -> Any:
        value = tree.value
        if isinstance(value, str):
            return self._text(value, loc) if _OPEN in value else value
        if isinstance(value, dict):
            if loc[0] == "connections" and len(loc) == 2:
                return self._connection(value, loc)
            return {name: self._value(child, (*loc, name)) for name, child in value.items()}
        if isinstance(value, list):
            return [self._value(child, (*loc, index)) for index, child in enumerate(value)]
        return value

    def _connection(self, value: dict[str, Tree], loc: Loc) -> dict[str, Any]:
        kind = value.get("type")
        secrets = _secrets(self._value(kind, (*loc, "type")) if kind else None)
        plain = {}
        for name, child in value.items():
            self._secret = name in secrets
            plain[name] = self._value(child, (*loc, name))
        self._secret = False
        return plain

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
        return written if self._secret or loc[-2:] == _SALT else value

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


def _secrets(kind: Any) -> frozenset[str]:
    """The keys of a connection of this type that hold a secret, or might."""
    model = connections.known.get(str(kind))
    fields = model.model_fields.items() if model else ()
    return frozenset(name for name, field in fields if _may_hold(field.annotation, Secret))


def _may_hold(annotation: Any, wanted: type) -> bool:
    return annotation is wanted or any(_may_hold(each, wanted) for each in get_args(annotation))


def raw(tree: Tree) -> Any:
    """Plain values as they are written, nothing replaced."""
    if isinstance(tree.value, dict):
        return {name: raw(child) for name, child in tree.value.items()}
    if isinstance(tree.value, list):
        return [raw(child) for child in tree.value]
    return tree.value
