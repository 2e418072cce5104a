"""Nodes that a command line cannot run: they read values that only their own code can make."""

from __future__ import annotations

from typing import TYPE_CHECKING

from odibi_dagster.config.project import External, Upstream
from odibi_dagster.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Collection

    from odibi_dagster.config.project import Project
    from odibi_dagster.core.names import NodeId


def refuse_python_assets(
    project: Project, chosen: Collection[NodeId], *, judges: bool = False
) -> None:
    """ConfigError where one of the nodes reads a Python asset, itself or through a view.

    `judges`: it is not run, and what it has stored is judged: only its contracts read its input.
    """
    taken = {node: key for node in sorted(chosen) if (key := _python_asset(project, node, judges))}
    if taken:
        each = "; ".join(f"{node} reads {key}" for node, key in taken.items())
        msg = (
            f"a Python asset is not made by odibi.yaml: {each}. Materialize such nodes in Dagster "
            "(dagster dev), or select others here"
        )
        raise ConfigError(msg)


def _python_asset(project: Project, node_id: NodeId, judges: bool = False) -> str | None:
    """The first Python asset that a node reads, itself or through a view."""
    node = project.nodes[node_id]
    sources = () if judges and not node.contracts else node.sources.values()
    for source in (*sources, *node.references.values()):
        if isinstance(source, External):
            return "/".join(source.key)
        if not isinstance(source, Upstream) or not project.nodes[source.node].is_view:
            continue
        if key := _python_asset(project, source.node):
            return key
    return None
