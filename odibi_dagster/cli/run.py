"""Run nodes through Dagster in one process, and say what happened to each.

A plain PIPELINE/NODE runs that node alone, +PIPELINE/NODE what lies upstream of it too.
"""

from __future__ import annotations

import shlex
from contextlib import nullcontext
from typing import TYPE_CHECKING

from odibi_dagster.cli.partition import partition_argument
from odibi_dagster.cli.validate import config_arguments

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path

    from odibi_dagster.cli.report import NodeReport, RunReport
    from odibi_dagster.cli.terminal import Terminal
    from odibi_dagster.config.project import Node, Project

NAME = "run"
HELP = "materialize nodes through Dagster, in one process"
EXAMPLES = """\
examples:
  odibi-dagster run odibi.yaml                        every node
  odibi-dagster run odibi.yaml silver/flights         this node alone
  odibi-dagster run odibi.yaml +gold/routes           the node and everything upstream of it
  odibi-dagster run odibi.yaml --pipeline silver      one pipeline
  odibi-dagster run odibi.yaml bronze/orders --full-refresh   everything anew, not only what is new
  odibi-dagster run odibi.yaml bronze/days --partition 2026-01-31   one of its partitions
  odibi-dagster run odibi.yaml --select 'tag:daily'   Dagster's own selection syntax

Without DAGSTER_HOME, Dagster keeps what it knows in .dagster_home beside the CONFIG.
exit codes: 0 ok, 1 try again, 2 wrong file or arguments, 3 a contract stopped a node,
4 failed for good, 130 and 143 stopped; of several failures the gravest counts: 4, 2, 3, 1
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    config_arguments(parser)
    parser.add_argument(
        "nodes", nargs="*", metavar="NODE", help="PIPELINE/NODE, +PIPELINE/NODE or PIPELINE"
    )
    parser.add_argument(
        "--select",
        action="append",
        default=[],
        metavar="SELECTION",
        help="the same, or Dagster's selection syntax; several add up",
    )
    parser.add_argument(
        "--full-refresh",
        action="store_true",
        help="read everything and replace the targets, whatever the marks say",
    )
    parser.add_argument(
        "--pipeline", action="append", default=[], metavar="P", help="every node of a pipeline"
    )
    partition_argument(parser, "the partition to run, where nodes have partitions")


def execute(args: argparse.Namespace, terminal: Terminal) -> int:
    """The exit code of the run."""
    from odibi_dagster.config.load import load_project

    project = load_project(args.config, env=args.env)
    for warning in project.warnings:
        terminal.note(f"warning: {warning}")
    from dagster_shared.utils.warnings import disable_dagster_warnings

    with nullcontext() if args.debug else disable_dagster_warnings():
        return _run(args, project, terminal)


def _run(args: argparse.Namespace, project: Project, terminal: Terminal) -> int:
    from odibi_dagster.assets.instance import find_home
    from odibi_dagster.cli.attended import attend
    from odibi_dagster.cli.choosing import choose_nodes

    chosen = choose_nodes(project, terms(args), args.partition)
    report, stopped = attend(args, project, chosen, _tags(args), terminal)
    home, ours = find_home(args.config)
    _conclude(args, project, report, terminal)
    said = "DAGSTER_HOME is not set, so it lies beside the file" if ours else "from DAGSTER_HOME"
    terminal.line(f"Dagster home: {home} ({said})")
    _next(args, project, report, terminal)
    if ui := _ui(args.config.absolute().parent, home if ours else None):
        terminal.line(f"UI:   {ui}")
    return report.exit_code if stopped is None else stopped


def _tags(args: argparse.Namespace) -> dict[str, str]:
    from odibi_dagster.assets.mends import FULL_REFRESH_TAG

    return {FULL_REFRESH_TAG: "true"} if args.full_refresh else {}


def terms(args: argparse.Namespace) -> list[str]:
    """Everything that was selected, in whichever way; nothing means all."""
    return [*args.nodes, *args.select, *args.pipeline]


def _conclude(
    args: argparse.Namespace, project: Project, report: RunReport, terminal: Terminal
) -> None:
    from odibi_dagster.cli.progress import summary

    terminal.line()
    for node in report:
        for line in _aftermath(args, project, node):
            terminal.line(line)
    if report.failure:
        terminal.error(report.failure)
    for line in summary(report):
        terminal.line(line, "bold" if report.exit_code == 0 else "bold red")


def _aftermath(args: argparse.Namespace, project: Project, node: NodeReport) -> list[str]:
    """Where the data of a node stands now, if anything about it is not as usual."""
    stored = (project.at(args.partition) if args.partition else project).nodes[node.id]
    lines = []
    if node.state in ("failed", "stopped") and stored.target is not None:
        there = stored.target.format.exists(stored.target.location)
        kept = f"the old data is in place: {stored.target.location}"
        lines.append(f"{node.id}: {kept if there else 'nothing is stored yet'}")
    if node.quarantined and stored.quarantine is not None:
        lines.append(
            f"{node.id}: quarantine at {stored.quarantine.target.location}, see "
            f"{_command('show', args, f'{node.id}__quarantine', *_part(args, [stored]))}"
        )
    return lines


def _ui(folder: Path, home: Path | None) -> str | None:
    """How Dagster's UI shows this project, where its folder says how to load it."""
    if (folder / "workspace.yaml").exists():
        command = "dagster dev"
    elif (folder / "definitions.py").exists():
        command = "dagster dev -f definitions.py"
    else:
        return None
    setting = f"DAGSTER_HOME={shlex.quote(str(home))} " if home else ""
    return f"cd {shlex.quote(str(folder))} && {setting}{command}"


def _next(
    args: argparse.Namespace, project: Project, report: RunReport, terminal: Terminal
) -> None:
    failed = [node for node in report if node.state in ("failed", "skipped", "stopped")]
    shown = [node for node in report if node.rows]
    if failed:
        named = [project.nodes[node.id] for node in failed] if len(failed) <= 5 else []
        part = _part(args, named or list(project.nodes.values()))
        again = _command("run", args, *(str(node.id) for node in named), *part)
        terminal.line(f"Next: {again}")
    elif shown:
        last = shown[-1].id
        part = _part(args, [project.nodes[last]])
        terminal.line(f"Next: {_command('show', args, str(last), *part)}")


def _command(name: str, args: argparse.Namespace, *rest: str) -> str:
    """A command line to copy, for the same file in the same environment."""
    environment = ["--env", args.env] if args.env else []
    return shlex.join(["odibi-dagster", name, str(args.config), *environment, *rest])


def _part(args: argparse.Namespace, nodes: Sequence[Node]) -> list[str]:
    """The same partition, where one of the nodes has any."""
    parted = args.partition and any(node.partitions for node in nodes)
    return ["--partition", args.partition] if parted else []
