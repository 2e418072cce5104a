"""One run of chosen nodes in this process, which obeys signals and says how far it is."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from odibi_dagster.assets.instance import find_home, open_instance
from odibi_dagster.cli.progress import Progress
from odibi_dagster.cli.report import NodeReport, RunReport
from odibi_dagster.cli.running import materialize, record_stop
from odibi_dagster.cli.stopping import Stopping
from odibi_dagster.core.collector import resume

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping

    import dagster as dg

    from odibi_dagster.cli.choosing import Chosen
    from odibi_dagster.cli.terminal import Terminal
    from odibi_dagster.config.project import Project


def attend(
    args: argparse.Namespace,
    project: Project,
    chosen: Chosen,
    tags: Mapping[str, str],
    terminal: Terminal,
    *,
    quiet: bool = False,
) -> tuple[RunReport, int | None]:
    """What became of each node, and the exit code of the signal that ended it, if one did.

    `args` has the `config` beside which Dagster's home is looked for, and `debug`. With `quiet`,
    stdout is left to the caller.
    """
    running = set(chosen.nodes.values())
    nodes = {node_id: NodeReport(node_id) for node_id in project.nodes if node_id in running}
    report = RunReport(nodes)
    home, ours = find_home(args.config)
    with _environment_kept(), open_instance(home, ours=ours) as instance:
        stopped = _watched(args, project, chosen, instance, report, tags, terminal, quiet)
    return report, stopped


@contextmanager
def _environment_kept() -> Iterator[None]:
    """Opening a home of ours names it in the environment: for this run, and not after it."""
    before = os.environ.get("DAGSTER_HOME")
    try:
        yield
    finally:
        if before is None:
            os.environ.pop("DAGSTER_HOME", None)


def _watched(
    args: argparse.Namespace,
    project: Project,
    chosen: Chosen,
    instance: dg.DagsterInstance,
    report: RunReport,
    tags: Mapping[str, str],
    terminal: Terminal,
    quiet: bool,
) -> int | None:
    """Run, obeying signals; the exit code of the signal where one came."""

    def announce() -> None:
        terminal.note("stopping; what was published before stays (again: stop at once)")

    def record(*, at_once: bool = False) -> None:
        record_stop(instance, report.run_id, stopping.heard(), at_once=at_once)

    def abandon() -> None:
        record(at_once=True)
        terminal.note("stopped at once; the next run sweeps up what this one left aside")

    stopping = Stopping(announce, abandon)
    with (
        Progress(report, terminal, chosen.board, traces=args.debug, quiet=quiet) as progress,
        stopping,
    ):
        resume()
        try:
            heard = progress.changed, progress.said, record
            materialize(project, chosen, instance, report, *heard, log=args.debug, tags=tags)
        except KeyboardInterrupt:
            record(at_once=True)
    return stopping.exit_code
