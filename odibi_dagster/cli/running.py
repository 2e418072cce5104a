"""Materialize nodes through Dagster in this process, and hear of every event as it happens."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster._core.execution.plan.objects import ErrorSource

from odibi_dagster.assets.factory import project_assets
from odibi_dagster.assets.selection import selected_keys
from odibi_dagster.cli.report import (
    FAILED,
    OK,
    RUNNING,
    SKIPPED,
    STOPPED,
    VIEW,
    WARNED,
    CheckReport,
    NodeReport,
    RunReport,
)
from odibi_dagster.config.project import External, Upstream
from odibi_dagster.core.names import NodeId, slug
from odibi_dagster.errors import ConfigError, OdibiError
from odibi_dagster.io_managers.projects import NODE_KEY, QUARANTINE_KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dagster._core.events.log import EventLogEntry

    from odibi_dagster.config.project import Project

    Changed = Callable[[NodeReport], None]

_EVENT = dg.DagsterEventType
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True)
class Chosen:
    """The job of one run: which assets, and which node stands behind each step and key."""

    job: dg.JobDefinition
    keys: tuple[dg.AssetKey, ...]
    steps: dict[str, NodeId]
    nodes: dict[dg.AssetKey, NodeId]
    quarantines: frozenset[dg.AssetKey]


def choose_nodes(project: Project, terms: Sequence[str]) -> Chosen:
    """The job that runs what the terms name; without terms, every node that is enabled.

    ConfigError where a term names nothing, only nodes that are not enabled, or a node that reads
    a Python asset: its value is known where its code is, not here.
    """
    assets = project_assets(project)
    keys = selected_keys(assets, terms) if terms else {k for asset in assets for k in asset.keys}
    running = [asset for asset in assets if asset.is_executable and keys & set(asset.keys)]
    if not running:
        names = ", ".join(sorted("/".join(key.path) for key in keys)) or "the project"
        msg = f"nothing to run: {names} has no node that is enabled"
        raise ConfigError(msg)
    chosen = tuple(key for asset in running for key in asset.keys)
    nodes = {spec.key: _node_of(spec) for asset in running for spec in asset.specs}
    _refuse_python_assets(project, set(nodes.values()))
    quarantines = {
        spec.key for asset in running for spec in asset.specs if QUARANTINE_KEY in spec.metadata
    }
    return Chosen(
        job=_job(_job_name(project, set(nodes.values())), assets, chosen),
        keys=chosen,
        steps={asset.op.name: nodes[next(iter(asset.keys))] for asset in running},
        nodes=nodes,
        quarantines=frozenset(quarantines),
    )


def materialize(
    project: Project,
    chosen: Chosen,
    instance: dg.DagsterInstance,
    report: RunReport,
    changed: Changed,
    *,
    log: bool = False,
) -> None:
    """Run the job to its end, filling the report; `changed` hears of every node that moves.

    With `log`, Dagster writes its own log lines to stderr. An interrupt ends the run early and is
    not raised: the report says which nodes were stopped.
    """
    report.run_id = str(uuid.uuid4())
    listener = _Listener(project, instance, chosen, report, changed)
    instance.add_event_listener(report.run_id, listener)
    started = time.monotonic()
    try:
        chosen.job.execute_in_process(
            instance=instance,
            run_id=report.run_id,
            asset_selection=list(chosen.keys),
            run_config=None if log else _QUIET,
            raise_on_error=False,
        )
    finally:
        report.seconds = time.monotonic() - started
        _settle(project, report, changed, stopped=listener.interrupted)


class _Listener:
    """Turns Dagster's events into the report. Called in the thread that runs the nodes."""

    def __init__(
        self,
        project: Project,
        instance: dg.DagsterInstance,
        chosen: Chosen,
        report: RunReport,
        changed: Changed,
    ) -> None:
        self._project, self._instance, self._chosen = project, instance, chosen
        self._report, self._changed = report, changed
        self._started: dict[NodeId, float] = {}
        self.interrupted = False

    def __call__(self, entry: EventLogEntry) -> None:
        event = entry.dagster_event
        if event is None:
            return
        if event.event_type is _EVENT.RUN_FAILURE:
            self._run_failed(event)
        node_id = self._chosen.steps.get(event.step_key or "")
        heard = _HEARD.get(event.event_type)
        if heard is not None and node_id is not None:
            heard(self, self._report.nodes[node_id], event)

    def start(self, node: NodeReport, _: dg.DagsterEvent) -> None:
        self._started[node.id] = time.monotonic()
        node.state, node.checks = RUNNING, []
        self._changed(node)

    def check(self, node: NodeReport, event: dg.DagsterEvent) -> None:
        data = event.asset_check_evaluation_data
        node.checks.append(
            CheckReport(
                data.check_name,
                passed=bool(data.passed),
                blocking=data.severity is dg.AssetCheckSeverity.ERROR,
                description=data.description or "",
                metadata={name: value.value for name, value in data.metadata.items()},
            )
        )

    def stored(self, node: NodeReport, event: dg.DagsterEvent) -> None:
        materialization = event.step_materialization_data.materialization
        rows = materialization.metadata.get("dagster/row_count")
        count = None if rows is None else int(rows.value)  # type: ignore[arg-type]
        if materialization.asset_key in self._chosen.quarantines:
            node.quarantined = count
        else:
            node.rows = count

    def succeeded(self, node: NodeReport, _: dg.DagsterEvent) -> None:
        is_view = self._project.nodes[node.id].is_view
        node.state = VIEW if is_view else WARNED if node.counted("warned") else OK
        self._done(node)

    def skipped(self, node: NodeReport, _: dg.DagsterEvent) -> None:
        node.state, node.message = SKIPPED, "nothing upstream was published"
        self._done(node)

    def failed(self, node: NodeReport, event: dg.DagsterEvent) -> None:
        data = event.step_failure_data
        if data.error_source is ErrorSource.INTERRUPT:
            self._stopped(node)
            return
        node.state = FAILED
        node.exit_code = OdibiError.exit_code
        node.trace = data.error.to_string() if data.error else ""
        if data.user_failure_data is not None:
            node.message = data.user_failure_data.description or ""
            code = data.user_failure_data.metadata.get("odibi/exit_code")
            node.exit_code = node.exit_code if code is None else int(code.value)  # type: ignore[arg-type]
        elif data.error is not None:
            cause = data.error.cause or data.error
            text = cause.message.strip()
            node.message = text or str(cause.cls_name)
        self._done(node)

    def retried(self, node: NodeReport, _: dg.DagsterEvent) -> None:
        node.message = "trying again"
        self._changed(node)

    def _stopped(self, node: NodeReport) -> None:
        """Say that stopping was asked for: Dagster then records the run as canceled."""
        self.interrupted = True
        node.state = STOPPED
        cancel(self._instance, self._report.run_id)
        self._done(node)

    def _done(self, node: NodeReport) -> None:
        node.seconds = time.monotonic() - self._started.get(node.id, time.monotonic())
        self._changed(node)

    def _run_failed(self, event: dg.DagsterEvent) -> None:
        error = event.job_failure_data.error if event.event_specific_data else None
        nodes_say_it = any(node.state in (FAILED, STOPPED) for node in self._report)
        if not nodes_say_it:
            self._report.failure = (error.message if error else event.message or "").strip()


_HEARD: dict[dg.DagsterEventType, Callable[[_Listener, NodeReport, Any], None]] = {
    _EVENT.STEP_START: _Listener.start,
    _EVENT.STEP_RESTARTED: _Listener.start,
    _EVENT.ASSET_CHECK_EVALUATION: _Listener.check,
    _EVENT.ASSET_MATERIALIZATION: _Listener.stored,
    _EVENT.STEP_SUCCESS: _Listener.succeeded,
    _EVENT.STEP_SKIPPED: _Listener.skipped,
    _EVENT.STEP_FAILURE: _Listener.failed,
    _EVENT.STEP_UP_FOR_RETRY: _Listener.retried,
}


def cancel(instance: dg.DagsterInstance, run_id: str, *, at_once: bool = False) -> None:
    """Record that the run is being canceled, or (`at_once`) that it is."""
    run = instance.get_run_by_id(run_id)
    if run is None or run.is_finished:
        return
    if run.status is not dg.DagsterRunStatus.CANCELING:
        instance.report_run_canceling(run)
    if at_once:
        instance.report_run_canceled(run)


def _settle(project: Project, report: RunReport, changed: Changed, *, stopped: bool) -> None:
    """Nodes that never started: what kept each of them from it."""
    for node in report:
        if node.is_done:
            continue
        blamed = [up for up in sorted(project.nodes[node.id].after) if _kept_back(report, up)]
        node.state = SKIPPED if blamed or not stopped else STOPPED
        node.message = f"because of {', '.join(map(str, blamed))}" if blamed else ""
        changed(node)


def _kept_back(report: RunReport, node_id: NodeId) -> bool:
    node = report.nodes.get(node_id)
    return node is not None and node.state in (FAILED, SKIPPED)


def _refuse_python_assets(project: Project, chosen: set[NodeId]) -> None:
    taken = {node: key for node in sorted(chosen) if (key := _python_asset(project, node))}
    if taken:
        each = "; ".join(f"{node} reads {key}" for node, key in taken.items())
        msg = (
            f"a Python asset is not made by odibi.yaml: {each}. Materialize such nodes in Dagster "
            "(dagster dev), or select others here"
        )
        raise ConfigError(msg)


def _python_asset(project: Project, node_id: NodeId) -> str | None:
    """The first Python asset that a node reads, itself or through a view."""
    for source in project.nodes[node_id].sources.values():
        if isinstance(source, External):
            return "/".join(source.key)
        if not isinstance(source, Upstream) or not project.nodes[source.node].is_view:
            continue
        if key := _python_asset(project, source.node):
            return key
    return None


def _node_of(spec: dg.AssetSpec) -> NodeId:
    return NodeId(*str(spec.metadata[NODE_KEY]).split("/"))


def _job_name(project: Project, nodes: set[NodeId]) -> str:
    """The name a pipeline's job has in the UI; the project's where several pipelines run."""
    pipelines = {node.pipeline for node in nodes}
    name = slug(project.config.project)
    return f"{name}_{pipelines.pop()}" if len(pipelines) == 1 else name


def _job(
    name: str, assets: Sequence[dg.AssetsDefinition], keys: Sequence[dg.AssetKey]
) -> dg.JobDefinition:
    selection = dg.AssetSelection.assets(*keys)
    job = dg.define_asset_job(name, selection=selection, executor_def=dg.in_process_executor)
    return dg.Definitions(assets=assets, jobs=[job]).resolve_job_def(name)
