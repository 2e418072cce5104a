"""Run exactly the named nodes, never what lies upstream: a task of another orchestrator.

Dagster keeps the run in DAGSTER_HOME, with Airflow's names of the task as tags.
"""

from __future__ import annotations

import os
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from odibi_dagster.cli.partition import partition_argument
from odibi_dagster.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from odibi_dagster.cli.result import Result
    from odibi_dagster.cli.terminal import Terminal
    from odibi_dagster.config.project import Project
    from odibi_dagster.core.names import NodeId

NAME = "run-node"
HELP = "run exactly the named nodes, as a task of another orchestrator"
EXAMPLES = """\
examples:
  odibi-dagster run-node silver/flights
  odibi-dagster run-node silver/days --partition 2026-01-31
  odibi-dagster run-node silver/flights --config /srv/odibi.yaml --result-file result.json

The result file says in JSON: outcome (succeeded, failed, stopped), retryable, message, rows,
quarantined_rows, warnings, failed_checks, dagster_run_id, seconds, partition.
exit codes: 0 ok, 1 try again, 2 wrong file or arguments, 3 a contract stopped a node,
4 failed for good, 130 and 143 stopped
"""

_TASK = {
    "AIRFLOW_CTX_DAG_ID": "airflow/dag_id",
    "AIRFLOW_CTX_DAG_RUN_ID": "airflow/dag_run_id",
    "AIRFLOW_CTX_TASK_ID": "airflow/task_id",
    "AIRFLOW_CTX_TRY_NUMBER": "airflow/try_number",
}
"""What Airflow tells the process of a task, and the tag of the Dagster run that says it."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("nodes", nargs="+", metavar="PIPELINE/NODE", help="the nodes")
    parser.add_argument(
        "--config", type=Path, default=Path("odibi.yaml"), metavar="FILE", help="the odibi.yaml"
    )
    parser.add_argument(
        "--env", metavar="E", help="the environment to read it for (else ODIBI_ENV)"
    )
    partition_argument(parser, "the partition to run")
    parser.add_argument(
        "--full-refresh",
        action="store_true",
        help="read everything and replace the targets, whatever the marks say",
    )
    parser.add_argument(
        "--result-file", type=Path, metavar="F", help="say in this file, as JSON, what became of it"
    )


def execute(args: argparse.Namespace, terminal: Terminal) -> int:
    """The exit code of the run; the result file is written however it ends, if it can be."""
    from odibi_dagster.cli.result import of_error

    if args.result_file is not None and not args.result_file.parent.is_dir():
        msg = f"--result-file {args.result_file}: there is no folder {args.result_file.parent}"
        raise ConfigError(msg)
    try:
        result, code = _run(args, terminal)
    except BaseException as error:
        _tell(args, of_error(error))
        raise
    _tell(args, result)
    return code


def _tell(args: argparse.Namespace, result: Result) -> None:
    if args.result_file is not None:
        result.write(args.result_file)


def _run(args: argparse.Namespace, terminal: Terminal) -> tuple[Result, int]:
    from dagster_shared.utils.warnings import disable_dagster_warnings

    from odibi_dagster.assets.mends import FULL_REFRESH_TAG
    from odibi_dagster.cli.attended import attend
    from odibi_dagster.cli.choosing import exactly
    from odibi_dagster.cli.progress import summary
    from odibi_dagster.cli.result import of_run
    from odibi_dagster.config.load import load_project

    project = load_project(args.config, env=args.env)
    nodes = _named(project, args.nodes)
    tags = {tag: os.environ[name] for name, tag in _TASK.items() if os.environ.get(name)}
    if args.full_refresh:
        tags[FULL_REFRESH_TAG] = "true"
    with nullcontext() if args.debug else disable_dagster_warnings():
        chosen = exactly(project, nodes, args.partition)
        report, stopped = attend(args, project, chosen, tags, terminal)
    for line in ([report.failure] if report.failure else []) + summary(report):
        terminal.line(line)
    result = of_run(report, stopped, args.partition or "")
    return result, report.exit_code if stopped is None else stopped


def _named(project: Project, names: Sequence[str]) -> list[NodeId]:
    """ConfigError for whatever is no enabled node: a pipeline, a selection, a mistyped name."""
    known = {str(node.id): node for node in project.nodes.values()}
    for name in names:
        if name not in known:
            msg = f"no node is called '{name}'; {did_you_mean(name, known)}"
            raise ConfigError(msg)
        if not known[name].config.enabled:
            msg = f"{name} is not enabled"
            raise ConfigError(msg)
    return [known[name].id for name in names]
