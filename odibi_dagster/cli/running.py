"""Materialize nodes through Dagster in this process, and hear of every event as it happens."""

from __future__ import annotations

import signal
import time
import uuid
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster._core.execution.plan.objects import ErrorSource

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
from odibi_dagster.errors import OdibiError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dagster._core.events.log import EventLogEntry

    from odibi_dagster.cli.choosing import Chosen
    from odibi_dagster.config.project import Project
    from odibi_dagster.core.names import NodeId

    Changed = Callable[[NodeReport], None]
    Said = Callable[[str], None]
    Interrupted = Callable[[], None]

_EVENT = dg.DagsterEventType
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def materialize(
    project: Project,
    chosen: Chosen,
    instance: dg.DagsterInstance,
    report: RunReport,
    changed: Changed,
    said: Said,
    interrupted: Interrupted,
    *,
    log: bool = False,
    tags: Mapping[str, str] | None = None,
) -> None:
    """Run the job to its end, filling the report.

    `changed` hears of every node that moves, `said` what a node that takes long says of itself, and
    `interrupted` is called when a node has left off because of a signal: it tells Dagster.
    With `log`, Dagster writes its own log lines to stderr. An interrupt ends the run early and is
    not raised: the report says which nodes were stopped.
    """
    report.run_id = str(uuid.uuid4())
    listener = _Listener(project, chosen, report, changed, said, interrupted)
    instance.add_event_listener(report.run_id, listener)
    started = time.monotonic()
    try:
        chosen.job.execute_in_process(
            instance=instance,
            run_id=report.run_id,
            tags={**chosen.tags, **(tags or {})},
            asset_selection=None if chosen.selection is None else list(chosen.selection),
            run_config=None if log else _QUIET,
            raise_on_error=False,
        )
    finally:
        report.seconds = time.monotonic() - started
        _settle(project, report, changed, stopped=listener.interrupted)


class _Listener:
    """Turns Dagster's events into the report. Called in the thread that runs the nodes.

    What a node says while it works comes in the thread that watches it.
    """

    def __init__(
        self,
        project: Project,
        chosen: Chosen,
        report: RunReport,
        changed: Changed,
        said: Said,
        interrupted: Interrupted,
    ) -> None:
        self._project, self._chosen, self._report = project, chosen, report
        self._changed, self._said, self._interrupted = changed, said, interrupted
        self._started: dict[NodeId, float] = {}
        self.interrupted = False

    def __call__(self, entry: EventLogEntry) -> None:
        event, node_id = entry.dagster_event, self._chosen.steps.get(entry.step_key or "")
        if event is None:
            if entry.user_message.startswith(f"{node_id}: "):
                self._said(entry.user_message)
            return
        if event.event_type is _EVENT.RUN_FAILURE:
            self._run_failed(event)
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
        metadata = materialization.metadata
        rows = metadata.get("rows_written", metadata.get("dagster/row_count"))
        count = None if rows is None else int(rows.value)  # type: ignore[arg-type]
        if materialization.asset_key in self._chosen.quarantines:
            broken = metadata.get("broken_rows")
            node.quarantined = count if broken is None else int(broken.value)  # type: ignore[arg-type]
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
        self.interrupted = True
        node.state = STOPPED
        self._interrupted()
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


def record_stop(
    instance: dg.DagsterInstance, run_id: str, number: int | None, *, at_once: bool = False
) -> None:
    """Record why a run ends that a signal of this number interrupts, if it has not ended yet.

    Ctrl-C is a person who cancels it: Dagster records that when its executor has left off, or is
    told to (`at_once`). SIGTERM is a machine that ends it, which nobody asked Dagster for: a
    failure, which whoever watches for failed runs must hear of.
    """
    run = instance.get_run_by_id(run_id)
    if run is None or run.is_finished:
        return
    if number == signal.SIGTERM:
        instance.report_run_failed(run, "Ended by SIGTERM; what was published before stays.")
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
