"""Partitions of nodes put together: who may read whom, and where `{partition}` must stand."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from odibi_dagster.config.partitions import Partitions
from odibi_dagster.config.project import External, Stored
from odibi_dagster.core.partition import PLACEHOLDER, mentions, says_partition
from odibi_dagster.transforms.python_step import PythonTransform

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from odibi_dagster.config.links import Draft
    from odibi_dagster.config.models import NodeConfig, PipelineConfig
    from odibi_dagster.config.project import Source, Target
    from odibi_dagster.config.report import Loc, Report
    from odibi_dagster.connections.base import Location
    from odibi_dagster.core.names import NodeId

    Drafts = Mapping[NodeId, Draft]

_FILLED = ("read", "inputs", "contracts", "validation", "write")
"""The keys of a node, besides its steps, below which `{partition}` stands for the key."""
_EXAMPLE = "dagster: {partitions: {daily: {start: 2026-01-01}}}"


def partitions_of(pipeline: PipelineConfig, node: NodeConfig) -> Partitions | None:
    """Those of the node, else of its pipeline; `partitions: null` at the node means none."""
    own = node.dagster
    said = "partitions" in own.model_fields_set
    return own.partitions if said else pipeline.dagster.partitions


def check_partitions(drafts: Drafts, report: Report) -> None:
    """Report places that partitions would share, and what one node cannot read of another."""
    whole = not report.problems  # else a node may only seem to have no partitions
    _refuse_several(drafts, report)
    for draft in drafts.values():
        if draft.site.partitions is not None:
            _check_places(draft, report)
            _check_queries(draft, report)
            _check_use(draft, drafts, report)
        elif whole:
            _refuse_mentions(draft, report)
        if whole:
            _check_sources(draft, drafts, report)


def _refuse_several(drafts: Drafts, report: Report) -> None:
    """A run has one key: the nodes of a pipeline, which is a job, must agree on what it means."""
    first: dict[str, Draft] = {}
    for draft in drafts.values():
        if draft.site.partitions is None:
            continue
        other = first.setdefault(draft.id.pipeline, draft)
        if other.site.partitions != draft.site.partitions:
            message = (
                f"partitions {draft.site.partitions}, and node '{other.id.name}' of this pipeline "
                f"has {other.site.partitions}; one run has one key: move it to another pipeline"
            )
            report.error(message, (*draft.site.at, "dagster", "partitions"))


def _check_places(draft: Draft, report: Report) -> None:
    """Each partition has a place of its own, and so have the rows that it rejects."""
    places: list[tuple[Target, Loc]] = []
    if draft.target is not None:
        places.append((draft.target, ("write",)))
    if draft.quarantine is not None:
        places.append((draft.quarantine.target, ("validation", "quarantine")))
    for target, key in places:
        if says_partition(target.location):
            continue
        message = (
            f"the partitions of node '{draft.id.name}' would replace each other in "
            f"{target.location}; write {PLACEHOLDER} in its place, such as "
            f"{_suggestion(target.location)}"
        )
        report.error(message, (*draft.site.at, *key))
        return  # a quarantine beside it has the same fault


def _suggestion(location: Location) -> str:
    name = location.path.stem.rpartition(".")[2]
    suffix = location.path.suffix
    if location.uri.startswith("file:"):
        return f"path: {name}/{PLACEHOLDER}{suffix}"
    return f"table: {name}_{PLACEHOLDER}"


def _check_queries(draft: Draft, report: Report) -> None:
    """Outside of quotes a key is arithmetic to a database, not a text."""
    places: list[tuple[Source | None, Loc]] = [
        (source, (*read.places[name], "query"))
        for read in (draft.sources, draft.references)
        for name, source in read.found.items()
    ]
    places.append((draft.first, (*draft.site.at, "write", "first_run_query")))
    for source, at in places:
        query = getattr(source.location, "query", None) if isinstance(source, Stored) else None
        found = re.finditer(re.escape(PLACEHOLDER), query or "")
        if any(_is_bare(query or "", each) for each in found):
            report.error(f"{PLACEHOLDER} is a text to a database; write '{PLACEHOLDER}'", at)


def _is_bare(query: str, found: re.Match[str]) -> bool:
    before, after = query[: found.start()], query[found.end() :]
    quoted = before.count("'") % 2 or before.count('"') % 2 or before.count("`") % 2
    in_name = re.search(r"\w$", before) or re.match(r"\w", after)
    return not quoted and not in_name


def _check_use(draft: Draft, drafts: Drafts, report: Report) -> None:
    """Say where every partition would hold the same rows."""
    sources = draft.sources.found.values()
    unknown = any(isinstance(source, External) for source in sources) or any(
        isinstance(step, PythonTransform) for step in draft.steps.steps
    )
    by_place = any(isinstance(s, Stored) and says_partition(s.location) for s in sources)
    said = any(way[0] != "write" for way in _mentioned(draft))
    if unknown or by_place or said or any(_behind(draft, drafts)):
        return
    message = (
        f"every partition will hold the same rows: write '{PLACEHOLDER}' in what the node reads, "
        "or in the condition of a step"
    )
    report.warn(message, draft.site.at)


def _mentioned(draft: Draft) -> Iterator[Loc]:
    config, steps = draft.site.config, draft.steps
    for key in _FILLED:
        if says_partition(block := getattr(config, key)):
            yield from mentions(block, (key,))
    for step, at in zip(steps.steps, steps.places, strict=True):
        if says_partition(step):
            yield at[len(draft.site.at) :]


def _refuse_mentions(draft: Draft, report: Report) -> None:
    ways = list(_mentioned(draft))
    if not ways and draft.target is not None and PLACEHOLDER in str(draft.target.location.path):
        ways = [("write",)]  # by the base path of its connection
    for way in ways:
        message = f"{PLACEHOLDER} in a node without partitions; write {_EXAMPLE}"
        report.error(message, (*draft.site.at, *way))


def _behind(draft: Draft, drafts: Drafts) -> Iterator[tuple[Loc, Draft]]:
    """The nodes with partitions whose rows it reads, through views, and where it says so."""
    for place, node in draft.upstreams:
        waiting, seen = [node], {node}
        while waiting:
            other = drafts[waiting.pop()]
            if other.site.partitions is not None:
                yield place, other
            elif other.target is None:
                above = {up for _, up in other.upstreams} - seen
                seen |= above
                waiting += above


def _check_sources(draft: Draft, drafts: Drafts, report: Report) -> None:
    mine = draft.site.partitions
    for place, other in _behind(draft, drafts):
        if (theirs := other.site.partitions) is None or theirs == mine:
            continue
        if mine is not None:
            reason = f"which has partitions {theirs}, and this node has {mine}: write the same"
        elif other.target is None:
            reason = "a view with partitions, which is never one table: give it write"
        elif theirs.span is not None and other.target.format.in_database:
            reason = (
                f"whose partitions ({theirs}) are tables of a database that cannot be listed; "
                "give this node the same partitions, or store that one in files or delta"
            )
        else:
            continue
        report.error(f"reads node '{other.id.name}', {reason}", place)
