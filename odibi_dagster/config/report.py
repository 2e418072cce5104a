"""Where problems are gathered, so that a file tells all of them at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from odibi_dagster.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from odibi_dagster.config.tree import Tree

Loc = tuple[int | str, ...]
"""A way through the file: keys and positions in lists."""

_MIN_SECRET = 3


class Report:
    """Problems, warnings and keys without effect, each with its place in the file.

    `secrets` holds what environment variables were replaced by: messages show `${NAME}` instead.
    """

    def __init__(self, tree: Tree, *, strict: bool = False) -> None:
        self.tree = tree
        self.strict = strict
        self.secrets: dict[str, str] = {}
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self.no_effect: list[Problem] = []

    def error(self, message: str, loc: Loc = (), *, key: bool = False) -> None:
        """Something that must be mended before anything is built."""
        problem = self._problem(message, loc, key)
        if problem not in self.problems:
            self.problems.append(problem)

    def warn(self, message: str, loc: Loc = (), *, key: bool = False) -> None:
        """Something to know, at least."""
        self.warnings.append(self._problem(message, loc, key))

    def unknown(self, message: str, loc: Loc) -> None:
        """A key nobody knows on an open block: a warning, and an error when strict."""
        (self.error if self.strict else self.warn)(message, loc, key=True)

    def note(self, message: str, loc: Loc) -> None:
        """A key that has no effect here."""
        self.no_effect.append(self._problem(message, loc, True))

    def raise_if_any(self) -> None:
        """ConfigError with every problem so far, in the order of the file."""
        if self.problems:
            raise ConfigError(sorted(self.problems, key=lambda p: (p.file, p.line, p.column)))

    def node_at(self, loc: Loc) -> str:
        """`pipeline/node` of the node that `loc` lies in; empty outside of nodes."""
        if len(loc) < 4 or loc[0] != "pipelines" or loc[2] != "nodes":
            return ""
        pipelines = self.tree.get("pipelines")
        pipeline = _element(pipelines, loc[1])
        node = _element(pipeline.get("nodes") if pipeline else None, loc[3])
        return f"{_text(pipeline, 'pipeline')}/{_text(node, 'name')}" if node else ""

    def _problem(self, message: str, loc: Loc, key: bool) -> Problem:
        mark = self.tree.find(loc, key=key)
        text = _hidden(message, self.secrets)
        return Problem(text, mark.source.shown, mark.line, mark.column, self.node_at(loc))


def _hidden(message: str, secrets: Mapping[str, str]) -> str:
    for value, name in sorted(secrets.items(), key=lambda item: -len(item[0])):
        if len(value) >= _MIN_SECRET:
            message = message.replace(value, "${" + name + "}")
    return message


def _element(tree: Tree | None, index: int | str) -> Tree | None:
    items = tree.items() if tree else ()
    return items[index] if isinstance(index, int) and index < len(items) else None


def _text(tree: Tree | None, key: str) -> str:
    found = tree.get(key) if tree else None
    return str(found.value)[:60] if found and isinstance(found.value, (str, int)) else "?"
