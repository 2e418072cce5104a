"""Which loaded project an asset belongs to, found by the metadata of its spec.

Dagster demands that resources bound under one key are the same object, so one stateless
IO manager serves every project of a process; this table is how it tells them apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from odibi_dagster.core.names import NodeId

if TYPE_CHECKING:
    from collections.abc import Mapping

    from odibi_dagster.config.project import Project

PROJECT_KEY = "odibi/project"
NODE_KEY = "odibi/node"
QUARANTINE_KEY = "odibi/quarantine"

_PROJECTS: dict[str, Project] = {}


def remember(project: Project) -> str:
    """Make the project known under a token for metadata: its file and environment."""
    token = f"{project.file}@{project.env}" if project.env else str(project.file)
    _PROJECTS[token] = project
    return token


def is_node(metadata: Mapping[str, Any]) -> bool:
    """Whether an asset with this definition metadata was made from a node."""
    return PROJECT_KEY in metadata


def find(metadata: Mapping[str, Any]) -> tuple[Project, NodeId, bool]:
    """The project, the node, and whether its quarantine is meant."""
    plain = {key: getattr(value, "value", value) for key, value in metadata.items()}
    pipeline, name = str(plain[NODE_KEY]).split("/")
    project = _PROJECTS[str(plain[PROJECT_KEY])]
    return project, NodeId(pipeline, name), bool(plain.get(QUARANTINE_KEY, False))
