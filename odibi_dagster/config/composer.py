"""Parse events in, a tree out: one pass, no recursion, every limit held while reading."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from odibi_dagster.config.scalars import MAX_SCALAR, not_allowed, plain, plain_key, tagged
from odibi_dagster.config.tree import Mark, Source, Tree
from odibi_dagster.errors import ConfigSyntaxError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_DEPTH = 64
MAX_EXPANDED = 100_000
"""How many values aliases may add."""
MAX_VALUES = 250_000
_COLLECTION_TAGS = {"tag:yaml.org,2002:seq": list, "tag:yaml.org,2002:map": dict}


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end has not been read yet."""

    tree: Tree
    anchor: str | None
    key: tuple[Any, Mark] | None = None
    merges: list[Tree] = field(default_factory=list)


_MERGE = object()


class Composer:
    """Builds the tree of one document; the first thing wrong ends it with ConfigSyntaxError."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.open: list[_Open] = []
        self.anchors: dict[str, Tree] = {}
        self.root: Tree | None = None
        self.values = self.expanded = 0

    def compose(self, events: Iterable[yaml.Event]) -> Tree | None:
        """The tree of the only document; None where there is none."""
        for event in events:
            start: Any = event.start_mark
            mark = Mark(self.source, start.line + 1, start.column + 1)
            if isinstance(event, yaml.ScalarEvent):
                self._scalar(event, mark)
            elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
                self._start(event, mark)
            elif isinstance(event, yaml.CollectionEndEvent):
                self._end()
            elif isinstance(event, yaml.AliasEvent):
                self._alias(str(event.anchor), mark)
            elif isinstance(event, yaml.DocumentStartEvent) and self.root is not None:
                raise fault("one document expected; remove the second '---'", mark)
        return self.root

    def _scalar(self, event: yaml.ScalarEvent, mark: Mark) -> None:
        text = str(event.value)
        self._vet(text, mark)
        is_key = self._awaits_key()
        try:
            if is_key and text == "<<" and event.implicit[0] and event.tag is None:
                value: Any = _MERGE
            elif event.tag is not None:
                value = tagged(event.tag, text)
            elif event.implicit[0]:
                value = plain_key(text) if is_key else plain(text)
            else:
                value = text
        except ValueError as error:
            raise fault(str(error), mark) from None
        tree = Tree(value, mark)
        self._remember(event.anchor, tree)
        self._add(tree)

    def _vet(self, text: str, mark: Mark) -> None:
        if len(text) > MAX_SCALAR:
            raise fault(f"text longer than {MAX_SCALAR} characters", mark)
        if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
            raise fault("invalid unicode escape: half of a surrogate pair", mark)

    def _start(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent, mark: Mark) -> None:
        if len(self.open) >= MAX_DEPTH:
            raise fault(f"nested deeper than {MAX_DEPTH}", mark)
        if self._awaits_key():
            raise fault("mapping keys must be strings; found a list or mapping", mark)
        is_map = isinstance(event, yaml.MappingStartEvent)
        kind = dict if is_map else list
        if event.tag not in (None, "!") and _COLLECTION_TAGS.get(event.tag) is not kind:
            raise fault(not_allowed(event.tag), mark)
        tree = Tree({}, mark, {}) if is_map else Tree([], mark)
        self._remember(event.anchor, tree)
        self.open.append(_Open(tree, event.anchor))

    def _end(self) -> None:
        done = self.open.pop()
        for merge in done.merges:
            for name, tree in merge.value.items():
                if name not in done.tree.value:
                    self._put(done.tree, name, tree, (merge.keys or {})[name])
        self._add(done.tree)

    def _alias(self, name: str, mark: Mark) -> None:
        if name not in self.anchors:
            raise fault(f"undefined alias '{name}'", mark)
        target = self.anchors[name]
        if any(entry.tree is target for entry in self.open):
            raise fault(f"alias '{name}' refers to itself", mark)
        self.expanded += target.size
        if self.expanded > MAX_EXPANDED:
            raise fault(f"aliases expand to more than {MAX_EXPANDED} values", mark)
        if len(self.open) + target.height > MAX_DEPTH:
            raise fault(f"nested deeper than {MAX_DEPTH}", mark)
        self._add(target, mark)

    def _remember(self, anchor: str | None, tree: Tree) -> None:
        self.values += 1
        if self.values > MAX_VALUES:
            raise fault(f"the file holds more than {MAX_VALUES} values", tree.mark)
        if anchor is not None:
            self.anchors[anchor] = tree

    def _awaits_key(self) -> bool:
        return bool(self.open) and self.open[-1].tree.keys is not None and not self.open[-1].key

    def _add(self, tree: Tree, mark: Mark | None = None) -> None:
        """Hand a finished value to what holds it."""
        mark = mark or tree.mark
        if not self.open:
            self.root = tree
            return
        top = self.open[-1]
        if top.tree.keys is None:
            top.tree.value.append(tree)
            _grow(top.tree, tree)
        elif top.key is None:
            top.key = (_key(tree, mark, top.tree), mark)
        else:
            name, place = top.key
            top.key = None
            if name is _MERGE:
                top.merges.extend(_mappings(tree, mark))
            else:
                self._put(top.tree, name, tree, place)

    @staticmethod
    def _put(into: Tree, name: str, tree: Tree, place: Mark) -> None:
        into.value[name] = tree
        if into.keys is not None:
            into.keys[name] = place
        _grow(into, tree)


def fault(message: str, mark: Mark) -> ConfigSyntaxError:
    """The error for something that is wrong at this place."""
    return ConfigSyntaxError([Problem(message, mark.source.shown, mark.line, mark.column)])


def _grow(tree: Tree, child: Tree) -> None:
    tree.size += child.size
    tree.height = max(tree.height, child.height + 1)


def _key(tree: Tree, mark: Mark, into: Tree) -> Any:
    name = tree.value
    if name is _MERGE:
        return name
    if not isinstance(name, str):
        found = "a list or mapping" if isinstance(name, (list, dict)) else f"{name!r}"
        raise fault(f"mapping keys must be strings; found {found}: quote it", mark)
    if name in into.value:
        first = (into.keys or {})[name]
        raise fault(f"duplicate key '{name[:60]}'; first written in line {first.line}", mark)
    return name


def _mappings(tree: Tree, mark: Mark) -> list[Tree]:
    found = tree.value if isinstance(tree.value, list) else [tree]
    if not all(isinstance(each.value, dict) for each in found):
        raise fault("merge value must be a mapping, or a list of mappings", mark)
    return found
