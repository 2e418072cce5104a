"""A YAML file as a tree in which every value and every key knows its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Source:
    """A file: where it is, and what it is called in messages (as the user named it)."""

    path: Path
    shown: str


class Mark(NamedTuple):
    """One place in one file; line and column count from 1."""

    source: Source
    line: int
    column: int


class Tree:
    """A scalar, a list of trees, or a mapping of trees with the places of its keys.

    `size` and `height` count what the tree holds after its aliases are expanded.
    """

    __slots__ = ("height", "keys", "mark", "size", "value")

    def __init__(self, value: Any, mark: Mark, keys: dict[str, Mark] | None = None) -> None:
        self.value = value
        self.mark = mark
        self.keys = keys
        self.size = 1
        self.height = 0

    def get(self, key: str) -> Tree | None:
        """The value under a key; None where there is none, or this is no mapping."""
        return self.value.get(key) if isinstance(self.value, dict) else None

    def items(self) -> Sequence[Tree]:
        """The elements of a list; nothing where this is no list."""
        return self.value if isinstance(self.value, list) else ()

    def find(self, loc: Iterable[int | str], *, key: bool = False) -> Mark:
        """The place of the deepest value that `loc` leads to; with `key`, of its key.

        Parts of `loc` that the file does not hold are skipped: a missing key is reported where
        the mapping that lacks it stands.
        """
        tree, mark = self, self.mark
        for part in loc:
            if isinstance(tree.value, dict) and part in tree.value:
                keys = tree.keys or {}
                tree = tree.value[part]
                mark = keys[str(part)] if key else tree.mark
            elif isinstance(tree.value, list) and isinstance(part, int) and part < len(tree.value):
                tree = tree.value[part]
                mark = tree.mark
        return mark


def merged(base: Tree, over: Tree) -> Tree:
    """`base` with `over` laid on top: mappings merge key by key, everything else is replaced."""
    if not (isinstance(base.value, dict) and isinstance(over.value, dict)):
        return over
    value, keys = dict(base.value), dict(base.keys or {})
    for name, tree in over.value.items():
        value[name] = merged(value[name], tree) if name in value else tree
        keys.setdefault(name, (over.keys or {})[name])
    return Tree(value, base.mark, keys)
