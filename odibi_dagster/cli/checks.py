"""Judge what nodes have stored, without running them.

Tests judge the stored table, contracts the input as it is now. Dagster keeps the evaluations.
"""

from __future__ import annotations

import json
from contextlib import nullcontext
from typing import TYPE_CHECKING

from odibi_dagster.cli.partition import partition_argument
from odibi_dagster.cli.validate import config_arguments

if TYPE_CHECKING:
    import argparse

    from odibi_dagster.cli.report import CheckReport, NodeReport, RunReport
    from odibi_dagster.cli.terminal import Terminal
    from odibi_dagster.config.project import Project

NAME = "checks"
HELP = "judge what nodes have stored, without running them"
EXAMPLES = """\
examples:
  odibi-dagster checks odibi.yaml silver/flights         every check of this node
  odibi-dagster checks odibi.yaml silver gold/routes     of a pipeline, and of one more node
  odibi-dagster checks odibi.yaml silver/flights --format json  for another program

A node that has stored nothing fails its checks. Nothing is written, and what is stored stays.
exit codes: 0 ok, 1 try again, 2 wrong file or arguments, 3 a contract is broken,
4 failed for good, 130 and 143 stopped
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    config_arguments(parser)
    parser.add_argument(
        "nodes", nargs="+", metavar="NODE", help="PIPELINE/NODE, +PIPELINE/NODE or PIPELINE"
    )
    partition_argument(parser, "the partition to judge, where nodes have partitions")
    parser.add_argument(
        "--format", choices=["text", "json"], default="text", help="how to answer (text)"
    )


def execute(args: argparse.Namespace, terminal: Terminal) -> int:
    """The gravest of the nodes."""
    from dagster_shared.utils.warnings import disable_dagster_warnings

    from odibi_dagster.config.load import load_project

    project = load_project(args.config, env=args.env)
    for warning in project.warnings:
        terminal.note(f"warning: {warning}")
    with nullcontext() if args.debug else disable_dagster_warnings():
        return _judge(args, project, terminal)


def _judge(args: argparse.Namespace, project: Project, terminal: Terminal) -> int:
    from odibi_dagster.cli.attended import attend
    from odibi_dagster.cli.choosing import choose_checks
    from odibi_dagster.cli.progress import summary

    chosen = choose_checks(project, args.nodes, args.partition)
    for name, node in project.nodes.items():
        if str(name) in args.nodes and not (node.contracts or node.tests):
            terminal.note(f"{name} has no check")
    report, stopped = attend(args, project, chosen, {}, terminal, quiet=True)
    if report.failure:
        terminal.error(report.failure)
    if args.format == "json":
        document = _document(report)
        terminal.write(json.dumps(document, indent=2, ensure_ascii=False, default=str) + "\n")
    else:
        _tell(report, terminal)
        for line in summary(report, stores=False):
            terminal.line(line, "bold" if report.exit_code == 0 else "bold red")
    return report.exit_code if stopped is None else stopped


def _tell(report: RunReport, terminal: Terminal) -> None:
    for node in report:
        terminal.line(str(node.id))
        for line in _table(node):
            terminal.line(f"  {line}")
        terminal.line()


def _table(node: NodeReport) -> list[str]:
    """A line for each check: its state, its name, what it found."""
    if not node.checks:
        return [node.message or node.state]
    said = max(len(check.state) for check in node.checks)
    width = max(len(check.name) for check in node.checks)
    return [
        f"{check.state:<{said}}  {check.name:<{width}}  {check.description}"
        for check in node.checks
    ]


def _document(report: RunReport) -> dict[str, object]:
    return {
        "dagster_run_id": report.run_id,
        "nodes": {
            str(node.id): {
                "state": node.state,
                "message": node.message,
                "checks": [_check(check) for check in node.checks],
            }
            for node in report
        },
    }


def _check(check: CheckReport) -> dict[str, object]:
    return {
        "name": check.name,
        "state": check.state,
        "description": check.description,
        **check.metadata,
    }
