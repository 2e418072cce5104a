"""Check odibi.yaml: every problem at once, each with its place; nothing is run."""

from __future__ import annotations

import json
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from odibi_dagster.errors import ConfigError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from odibi_dagster.cli.terminal import Terminal
    from odibi_dagster.config.project import Project
    from odibi_dagster.errors import Problem

NAME = "validate"
HELP = "check odibi.yaml: every problem at once"
EXAMPLES = """\
examples:
  odibi-dagster validate odibi.yaml
  odibi-dagster validate odibi.yaml --strict --env prod
  odibi-dagster validate odibi.yaml --format json | jq .problems
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    config_arguments(parser)
    parser.add_argument(
        "--strict", action="store_true", help="warnings about unknown keys are problems too"
    )
    parser.add_argument(
        "--format", choices=["text", "json"], default="text", help="how to answer (text)"
    )


def config_arguments(parser: argparse.ArgumentParser) -> None:
    """The file, and the environment it is read for: what most commands take."""
    parser.add_argument("config", type=Path, metavar="CONFIG", help="the odibi.yaml")
    parser.add_argument(
        "--env", metavar="E", help="the environment to read it for (else ODIBI_ENV)"
    )


def execute(args: argparse.Namespace, terminal: Terminal) -> int:
    """0 when the file is right, 2 when it has problems."""
    from odibi_dagster.config.load import load_project

    project: Project | None = None
    problems: Sequence[Problem] = ()
    try:
        project = load_project(args.config, env=args.env, strict=args.strict)
    except ConfigError as error:
        if args.debug:
            traceback.print_exc(file=terminal.stderr)
        problems = error.problems
    if args.format == "json":
        terminal.write(json.dumps(_document(project, problems), indent=2) + "\n")
    else:
        _text(args.config, project, problems, terminal)
    return ConfigError.exit_code if problems else 0


def _document(project: Project | None, problems: Sequence[Problem]) -> dict[str, Any]:
    return {
        "ok": not problems,
        "problems": [_entry(problem) for problem in problems],
        "warnings": [_entry(problem) for problem in _in_order(project.warnings if project else ())],
        "no_effect": [
            _entry(problem) for problem in _in_order(project.no_effect if project else ())
        ],
    }


def _in_order(problems: Sequence[Problem]) -> list[Problem]:
    """As they stand in the files, so that two answers compare line by line."""
    return sorted(problems, key=lambda problem: (problem.file, problem.line, problem.column))


def _entry(problem: Problem) -> dict[str, Any]:
    return {
        "message": problem.message,
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "node": problem.node,
    }


def _text(
    config: Path, project: Project | None, problems: Sequence[Problem], terminal: Terminal
) -> None:
    for problem in problems:
        terminal.line(f"error: {problem}", "red")
    if problems or project is None:
        terminal.line(f"{config}: {counted(len(problems), 'problem')}", "bold red")
        return
    for problem in _in_order(project.warnings):
        terminal.line(f"warning: {problem}", "yellow")
    for problem in _in_order(project.no_effect):
        terminal.line(f"no effect here: {problem}", "dim")
    size = f"{counted(len(project.pipelines), 'pipeline')}, {counted(len(project.nodes), 'node')}"
    extra = f", {counted(len(project.warnings), 'warning')}" if project.warnings else ""
    terminal.line(f"{config}: ok ({size}{extra})", "bold green")


def counted(number: int, noun: str) -> str:
    """`1 node`, `2,000 nodes`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
