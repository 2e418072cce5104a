"""Which nodes a command line means, and the Dagster job that runs them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import dagster as dg
from dagster._core.storage.tags import PARTITION_NAME_TAG

from odibi_dagster.assets.factory import project_assets
from odibi_dagster.assets.selection import selected_keys
from odibi_dagster.cli.partition import agreed_key
from odibi_dagster.cli.python_assets import refuse_python_assets
from odibi_dagster.core.names import NodeId, slug
from odibi_dagster.errors import ConfigError
from odibi_dagster.io_managers.projects import NODE_KEY, QUARANTINE_KEY

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from odibi_dagster.assets.progress import Board
    from odibi_dagster.config.project import Project


@dataclass(frozen=True)
class Chosen:
    """The job of one run: which assets, and which node stands behind each step and key."""

    job: dg.JobDefinition
    keys: tuple[dg.AssetKey, ...]
    steps: dict[str, NodeId]
    nodes: dict[dg.AssetKey, NodeId]
    quarantines: frozenset[dg.AssetKey]
    board: Board
    """What is at work while the job runs in this process."""
    selection: tuple[dg.AssetKey, ...] | None = None
    """The assets that the job makes; None where it judges what is stored and makes none."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """Which partition the run is of."""


def choose_nodes(project: Project, terms: Sequence[str], partition: str | None = None) -> Chosen:
    """The job that runs what the terms name; without terms, every node that is enabled.

    ConfigError where a term names nothing, only nodes that are not enabled, or a node that reads
    a Python asset: its value is known where its code is, not here. Also where the partition is none
    of the nodes', or they need one.
    """
    board: Board = {}
    assets = project_assets(project, board=board)
    return _chosen(project, assets, _running(assets, terms), board, partition)


def nodes_named(project: Project, terms: Sequence[str]) -> set[NodeId]:
    """The nodes that the terms name, of which nothing is run here. Errors as above."""
    found = {_node_of(spec) for a in _running(project_assets(project), terms) for spec in a.specs}
    refuse_python_assets(project, found)
    return found


def _running(
    assets: Sequence[dg.AssetsDefinition], terms: Sequence[str]
) -> list[dg.AssetsDefinition]:
    keys = selected_keys(assets, terms) if terms else {k for asset in assets for k in asset.keys}
    running = [asset for asset in assets if asset.is_executable and keys & set(asset.keys)]
    if not running:
        names = ", ".join(sorted("/".join(key.path) for key in keys)) or "the project"
        msg = f"nothing to run: {names} has no node that is enabled"
        raise ConfigError(msg)
    return running


def choose_checks(project: Project, terms: Sequence[str], partition: str | None = None) -> Chosen:
    """The job that judges what the nodes have stored. ConfigError where none of them has a check.

    Further errors as above; only contracts on the input, and tables that a test names, are read.
    """
    board: Board = {}
    assets = project_assets(project, board=board)
    keys = selected_keys(assets, terms)
    judged = [
        asset
        for asset in assets
        if asset.is_executable and asset.check_keys and keys & set(asset.keys)
    ]
    if not judged:
        names = ", ".join(sorted("/".join(key.path) for key in keys))
        msg = f"nothing to judge: {names} has no check; write contracts, or validation.tests"
        raise ConfigError(msg)
    chosen = _chosen(project, assets, judged, board, partition, judges=True)
    selection = dg.AssetSelection.checks_for_assets(*chosen.keys)
    return replace(chosen, job=_job(chosen.job.name, assets, selection), selection=None)


def exactly(project: Project, nodes: Collection[NodeId], partition: str | None = None) -> Chosen:
    """The job of these nodes, which are enabled; no asset is made for another. Errors as above."""
    board: Board = {}
    assets = project_assets(project, board=board, only=nodes)
    return _chosen(project, assets, assets, board, partition)


def _chosen(
    project: Project,
    assets: Sequence[dg.AssetsDefinition],
    running: Sequence[dg.AssetsDefinition],
    board: Board,
    partition: str | None,
    *,
    judges: bool = False,
) -> Chosen:
    chosen = tuple(key for asset in running for key in asset.keys)
    nodes = {spec.key: _node_of(spec) for asset in running for spec in asset.specs}
    meant = set(nodes.values())
    key = agreed_key(project, [id for id in project.nodes if id in meant], partition)
    refuse_python_assets(project, meant, judges=judges)
    quarantines = {
        spec.key for asset in running for spec in asset.specs if QUARANTINE_KEY in spec.metadata
    }
    return Chosen(
        job=_job(_job_name(project, meant), assets, dg.AssetSelection.assets(*chosen)),
        keys=chosen,
        steps={asset.op.name: nodes[next(iter(asset.keys))] for asset in running},
        nodes=nodes,
        quarantines=frozenset(quarantines),
        board=board,
        selection=chosen,
        tags={} if key is None else {PARTITION_NAME_TAG: key},
    )


def _node_of(spec: dg.AssetSpec) -> NodeId:
    return NodeId(*str(spec.metadata[NODE_KEY]).split("/"))


def _job_name(project: Project, nodes: set[NodeId]) -> str:
    """The name a pipeline's job has in the UI; the project's where several pipelines run."""
    pipelines = {node.pipeline for node in nodes}
    name = slug(project.config.project)
    return f"{name}_{pipelines.pop()}" if len(pipelines) == 1 else name


def _job(
    name: str, assets: Sequence[dg.AssetsDefinition], selection: dg.AssetSelection
) -> dg.JobDefinition:
    job = dg.define_asset_job(name, selection=selection, executor_def=dg.in_process_executor)
    return dg.Definitions(assets=assets, jobs=[job]).resolve_job_def(name)
