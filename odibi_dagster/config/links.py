"""Nodes put together: who reads what another node writes, and who therefore comes first."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from odibi_dagster.config.graph import cycles, reaches
from odibi_dagster.config.project import Stored, Upstream
from odibi_dagster.connections.paths import has_glob
from odibi_dagster.core.partition import PLACEHOLDER, filled, folder_of, key_in
from odibi_dagster.core.pii import Personal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from odibi_dagster.checks.base import Column
    from odibi_dagster.config.project import Quarantine, Source, Target
    from odibi_dagster.config.promises import Found
    from odibi_dagster.config.report import Loc, Report
    from odibi_dagster.config.site import Site
    from odibi_dagster.config.sources import Sources
    from odibi_dagster.config.steps import Steps
    from odibi_dagster.core.names import NodeId


@dataclass
class Draft:
    """A node on its way to being resolved."""

    site: Site
    steps: Steps
    before: Found
    tests: Found
    declared: Mapping[str, Column]
    sources: Sources
    references: Sources
    """What contracts compare with."""
    target: Target | None
    quarantine: Quarantine | None
    first: Stored | None = None
    personal: Personal = field(default_factory=Personal)
    after: set[NodeId] = field(default_factory=set)

    @property
    def id(self) -> NodeId:
        """The node's name."""
        return self.site.id

    @property
    def upstreams(self) -> Iterator[tuple[Loc, NodeId]]:
        """The other nodes whose rows it reads, or compares its own with, and where it says so."""
        for read in (self.sources, self.references):
            for name, source in read.found.items():
                is_itself = read is self.references and source == Upstream(self.id)
                if isinstance(source, Upstream) and not is_itself:
                    yield read.places[name], source.node


@dataclass(frozen=True)
class _Written:
    """A place, and the node that writes it; `main` is False for its quarantine."""

    draft: Draft
    path: Path
    main: bool

    @property
    def at(self) -> Loc:
        """Where the file says so."""
        key = ("write",) if self.main else ("validation", "quarantine")
        return (*self.draft.site.at, *key)


def link(drafts: Mapping[NodeId, Draft], report: Report) -> None:
    """Complete `after` of every draft; report cycles, shared places and sources never stored."""
    for draft in drafts.values():
        draft.after = {node for _, node in draft.upstreams}
    _refuse_cycles(drafts, report)
    written = list(_written(drafts))
    _refuse_shared_places(written, report)
    _refuse_partitions(written, report)
    _refuse_own_rejects(drafts, written, report)
    _refuse_unstored(drafts, report)
    if not report.problems:
        _link_by_place(drafts, written)


def _refuse_cycles(drafts: Mapping[NodeId, Draft], report: Report) -> None:
    edges = {draft.id: draft.after for draft in drafts.values()}
    for cycle in cycles(edges):
        one = len({node.pipeline for node in cycle}) == 1
        path = " -> ".join(node.name if one else str(node) for node in cycle)
        draft = drafts[cycle[0]]
        at = next(place for place, node in draft.upstreams if node == cycle[1])
        report.error(f"nodes wait for each other: {path}", at)


def _refuse_unstored(drafts: Mapping[NodeId, Draft], report: Report) -> None:
    for draft in drafts.values():
        for place, node in draft.upstreams:
            other = drafts.get(node)
            if other and not other.site.config.enabled and other.target is None:
                message = f"reads node '{node.name}', which is disabled and stores nothing"
                report.error(message, place)


def _written(drafts: Mapping[NodeId, Draft]) -> Iterator[_Written]:
    for draft in drafts.values():
        if draft.site.config.enabled and draft.target:
            yield _Written(draft, draft.target.location.path, True)
            if draft.quarantine:
                yield _Written(draft, draft.quarantine.target.location.path, False)


def _refuse_shared_places(written: Sequence[_Written], report: Report) -> None:
    taken: dict[str, _Written] = {}
    for one in written:
        first = taken.setdefault(str(one.path).casefold(), one)
        if first is not one:
            report.error(_both(first, one), one.at)
    for one in written:
        for folder in one.path.parents:
            outer = taken.get(str(folder).casefold())
            if outer is not None and outer is not one:
                message = f"writes inside {folder}, which node '{outer.draft.id.name}' replaces"
                report.error(message, one.at)


def _refuse_partitions(written: Sequence[_Written], report: Report) -> None:
    """A place that is that of a partition of another node, for one of its keys."""
    parted = [one for one in written if PLACEHOLDER in str(one.path)]
    below = _Index(written).below if parted else {}
    for one in parted:
        if (partitions := one.draft.site.partitions) is None:
            continue
        for other in below[folder_of(one.path)]:
            key = key_in(other.path, one.path)
            if key and partitions.has(key) and filled(one.path, key) == other.path:
                report.error(f"{_both(one, other)}, which is partition {key} of it", other.at)


def _refuse_own_rejects(
    drafts: Mapping[NodeId, Draft], written: Sequence[_Written], report: Report
) -> None:
    """A node whose input is where its rejected rows go would replace or read again what it read."""
    index = _Index(written)
    for draft in drafts.values():
        for source in draft.sources.found.values():
            seen = index.behind(source.location.path) if isinstance(source, Stored) else []
            if own := [one for one in seen if one.draft is draft and not one.main]:
                message = (
                    f"node '{draft.id.name}' reads {own[0].path}, where its quarantine goes; "
                    "write another path for the quarantine"
                )
                report.error(message, own[0].at)


def _both(first: _Written, second: _Written) -> str:
    a, b = first.draft.id, second.draft.id
    if a == b:
        return f"node '{a.name}' writes its rows and its quarantine to one place: {second.path}"
    names = (a.name, b.name) if a.pipeline == b.pipeline else (a, b)
    return f"nodes '{names[0]}' and '{names[1]}' both write {second.path}"


def _link_by_place(drafts: Mapping[NodeId, Draft], written: Sequence[_Written]) -> None:
    """A node that reads the place of another comes after it, unless that closed a cycle."""
    index = _Index(written)
    edges = {draft.id: draft.after for draft in drafts.values()}
    for draft in drafts.values():
        for read in (draft.sources, draft.references):
            for name, source in read.found.items():
                if isinstance(source, Stored):
                    read.found[name] = _linked(draft, read, source, index, edges)


def _linked(
    draft: Draft, read: Sources, source: Stored, index: _Index, edges: Mapping[NodeId, set[NodeId]]
) -> Source:
    """The source, or the node that makes it."""
    linked: Source = source
    for one in index.behind(source.location.path):
        other = one.draft.id
        is_itself = read is draft.references and one.draft is draft
        if not is_itself:
            if reaches(other, draft.id, edges):
                continue
            draft.after.add(other)
        if _is_the_target(source, one):
            linked = Upstream(other)
    return linked


def _is_the_target(source: Stored, one: _Written) -> bool:
    """Whether reading the source is reading the node: same place, same format, no own options."""
    target = one.draft.target
    return (
        one.main
        and target is not None
        and source.location == target.location
        and source.format.kind == target.format.kind
        and not (source.options is not None and source.options.model_fields_set)
    )


class _Index:
    """Who writes at, below or above a path."""

    def __init__(self, written: Sequence[_Written]) -> None:
        self.all = written
        self.at = {one.path: one for one in written}
        self.below: dict[Path, list[_Written]] = defaultdict(list)
        for one in written:
            for folder in one.path.parents:
                self.below[folder].append(one)

    def behind(self, path: Path) -> list[_Written]:
        """Everything written that reading `path` would see."""
        found = [self.at[each] for each in (path, *path.parents) if each in self.at]
        if has_glob(path):
            return found + [one for one in self.all if _matches(one.path, path)]
        return found + self.below.get(path, [])


def _matches(path: Path, pattern: Path) -> bool:
    if "**" in pattern.parts:
        return fnmatchcase(str(path), str(pattern))
    parts, wanted = path.parts, pattern.parts
    return len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted))
