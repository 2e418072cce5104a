"""A project as tasks and flows: what any orchestrator needs to know, in plain data."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, timedelta
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from odibi_dagster.core.names import slug
from odibi_dagster.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Collection

    from odibi_dagster.config.project import Node, Project
    from odibi_dagster.core.names import NodeId

_START = date(2024, 1, 1)


@dataclass(frozen=True)
class Task:
    """One node."""

    node: NodeId
    after: tuple[NodeId, ...]
    """The nodes it waits for, of all flows."""
    doc: str
    owner: str | None
    pool: str | None
    timeout: timedelta | None
    """Of one try; None is no limit."""
    quarantines: bool
    """Whether broken rows of it are published apart."""
    tag: str | None = None
    """The first of the node's tags."""
    partitions: tuple[str, int] | None = None
    """What a partition spans (`daily`, `static` ...), and on which weekday (1 to 7) a week begins,
    or 0; None where the node has none."""


@dataclass(frozen=True)
class Flow:
    """One pipeline."""

    name: str
    tasks: tuple[Task, ...]
    """Each after those it waits for."""
    schedule: str | None
    """Five cron fields or @daily and the like; None is no clock."""
    doc: str
    tags: tuple[str, ...]
    start: date
    catchup: bool
    max_active_runs: int

    @property
    def nodes(self) -> frozenset[NodeId]:
        """All of its nodes."""
        return frozenset(task.node for task in self.tasks)

    @property
    def feeds(self) -> tuple[NodeId, ...]:
        """The nodes of other flows that it waits for, sorted."""
        return tuple(sorted({up for task in self.tasks for up in task.after} - self.nodes))


@dataclass(frozen=True)
class Retry:
    """How often, and how long after the last try, a task is tried again."""

    times: int
    delay: timedelta
    doubles: bool


@dataclass(frozen=True)
class TaskGraph:
    """One project. `digest` is of its odibi.yaml."""

    project: str
    digest: str
    env: str | None
    timezone: str
    retry: Retry
    flows: tuple[Flow, ...]

    @property
    def has_partitions(self) -> bool:
        """Whether any task is of a node with partitions."""
        return any(task.partitions for flow in self.flows for task in flow.tasks)


def task_graph(project: Project, chosen: Collection[NodeId]) -> TaskGraph:
    """The chosen nodes of a project, without those that are not enabled.

    A task waits for every enabled node that its node reads or depends on. Within its own pipeline
    one that was not chosen is no task and is left out; of another pipeline it stays, because
    another export may hold it.
    """
    enabled = {node.id: node for node in project.nodes.values() if node.config.enabled}
    tasks = [
        _task(project, node, enabled, chosen) for node in enabled.values() if node.id in chosen
    ]
    if not tasks:
        msg = "nothing to export: no node that is enabled was chosen"
        raise ConfigError(msg)
    flows = [
        _flow(project, name, tuple(task for task in tasks if task.node.pipeline == name))
        for name in project.pipelines
        if any(task.node.pipeline == name for task in tasks)
    ]
    shared = project.config.retry
    return TaskGraph(
        project=project.config.project,
        digest=hashlib.sha256(project.file.read_bytes()).hexdigest()[:12],
        env=project.env,
        timezone=project.config.dagster.timezone,
        retry=Retry(
            shared.max_attempts if shared.enabled else 0,
            project.config.dagster.airflow.retry_delay,
            shared.backoff == "exponential",
        ),
        flows=tuple(flows),
    )


def refuse_cycles(graph: TaskGraph, advice: str) -> None:
    """ConfigError where flows wait for each other, though no node waits for itself."""
    sorter = TopologicalSorter({f.name: {up.pipeline for up in f.feeds} for f in graph.flows})
    try:
        sorter.prepare()
    except CycleError as error:
        around = " -> ".join(reversed(error.args[1]))
        msg = f"the pipelines {around} wait for each other, so none could begin; {advice}"
        raise ConfigError(msg) from None


def _task(
    project: Project, node: Node, enabled: Collection[NodeId], chosen: Collection[NodeId]
) -> Task:
    pipeline = project.pipelines[node.id.pipeline]
    levels = (node.config.dagster, pipeline.dagster, project.config.dagster)
    return Task(
        node=node.id,
        after=tuple(
            up
            for up in sorted(node.after)
            if up in enabled and (up in chosen or up.pipeline != node.id.pipeline)
        ),
        doc=node.config.description or "",
        owner=next((level.owners[0] for level in levels if level.owners), None),
        pool=next((level.pool for level in levels if level.pool), None),
        timeout=next((lv.airflow.timeout for lv in levels if lv.airflow.timeout), None),
        quarantines=node.quarantine is not None,
        tag=next(iter(node.config.tags), None),
        partitions=_partitions(node),
    )


def _partitions(node: Node) -> tuple[str, int] | None:
    if (found := node.partitions) is None:
        return None
    return found.unit, found.weekly.start.isoweekday() if found.weekly else 0


def _flow(project: Project, name: str, tasks: tuple[Task, ...]) -> Flow:
    pipeline, common = project.pipelines[name], project.config.dagster
    own, shared = pipeline.dagster.airflow, common.airflow
    start = own.start_date or shared.start_date or _START
    catchup = shared.catchup if own.catchup is None else own.catchup
    return Flow(
        name=name,
        tasks=tasks,
        schedule=pipeline.dagster.schedule,
        doc=pipeline.description or "",
        tags=_tags(project, name),
        start=start,
        catchup=bool(catchup),
        max_active_runs=own.max_active_runs or shared.max_active_runs or 1,
    )


def _tags(project: Project, name: str) -> tuple[str, ...]:
    pipeline = project.pipelines[name]
    pairs = {**project.config.dagster.tags, **pipeline.dagster.tags}
    said = [f"{key}:{value}" if value else key for key, value in pairs.items()]
    return tuple(sorted({"odibi", slug(project.config.project), name, *pipeline.tags, *said}))
