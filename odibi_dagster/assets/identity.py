"""Whose state a node has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from odibi_dagster.state.identity import Identity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from odibi_dagster.config.project import Node, Project


def identity_of(project: Project, node: Node, key_prefix: Sequence[str] = ()) -> Identity:
    """The identity of a node: its own name, or the `state_key` of its incremental read."""
    incremental = node.incremental
    return Identity(
        project.config.project,
        node.id.pipeline,
        (incremental and incremental.state_key) or node.id.name,
        environment=project.env or "",
        key_prefix="/".join(key_prefix),
        partition=node.partition or "",
    )
