"""About how much a node has before it: to say how far it is, never to decide anything."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from odibi_dagster.config.project import Node, Project, Stored, Upstream

if TYPE_CHECKING:
    from odibi_dagster.formats.base import Size


@dataclass(frozen=True)
class Expected:
    """The size of a node's main input, and whether the node gives a row for each row of it."""

    size: Size
    row_for_row: bool


def expected(project: Project, node: Node) -> Expected | None:
    """What lies in storage at the start of the main input, behind views; None where none is known.

    DataReadError where nothing readable is there.
    """
    found = _source(project, node)
    # of an incremental node, or one that adds what is not there yet, only some rows come
    some = node.incremental or (node.target is not None and node.target.mode == "append_once")
    kept = not some and all(step.keeps_rows() for step in node.steps)
    return replace(found, row_for_row=found.row_for_row and kept) if found else None


def _source(project: Project, node: Node) -> Expected | None:
    source = node.sources.get(node.main or "")
    if isinstance(source, Upstream):
        upstream = project.nodes[source.node]
        if upstream.target is None:
            return expected(project, upstream)
        if upstream.partitions is not None and upstream.partition is None:
            return None  # not worth a look at each of them
        size = upstream.target.format.size(upstream.target.location)
    elif isinstance(source, Stored):
        size = source.format.size(source.location, source.options)
    else:
        return None
    return Expected(size, row_for_row=True) if size else None
