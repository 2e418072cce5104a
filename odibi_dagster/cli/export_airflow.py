"""Write an Airflow DAG file for a project: one task per node, nothing of ours to import."""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from odibi_dagster.cli.validate import config_arguments
from odibi_dagster.errors import ConfigError

if TYPE_CHECKING:
    import argparse

    from odibi_dagster.cli.terminal import Terminal
    from odibi_dagster.config.project import Project
    from odibi_dagster.core.names import NodeId

NAME = "export-airflow"
HELP = "write an Airflow DAG file: one task per node"
EXAMPLES = """\
examples:
  odibi-dagster export-airflow odibi.yaml --out dags/         dags/PROJECT.py, a DAG per pipeline
  odibi-dagster export-airflow odibi.yaml --out dags/ --check    exit 1 when it is out of date
  odibi-dagster export-airflow odibi.yaml --layout one-dag --stdout
  odibi-dagster export-airflow odibi.yaml --pipeline silver --out dags/silver.py
  odibi-dagster export-airflow odibi.yaml --runner kubernetes --image shop:7 --out dags/

The file needs Airflow 2.11 or 3 and nothing else. Each task runs `odibi-dagster run-node`
from an environment of its own: $ODIBI_DAGSTER names the program, $ODIBI_CONFIG the odibi.yaml.
"""

_STALE = 1


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    config_arguments(parser)
    parser.add_argument(
        "--pipeline", action="append", default=[], metavar="P", help="this pipeline; several add up"
    )
    parser.add_argument(
        "--select",
        action="append",
        default=[],
        metavar="SELECTION",
        help="PIPELINE/NODE, +PIPELINE/NODE, PIPELINE or Dagster's selection syntax",
    )
    parser.add_argument(
        "--layout",
        choices=["pipelines", "one-dag"],
        default="pipelines",
        help="a DAG per pipeline, or one DAG with a group of tasks per pipeline (pipelines)",
    )
    parser.add_argument(
        "--group-by",
        choices=["pipeline", "tag"],
        default="pipeline",
        help="groups of tasks: those of a pipeline, or of the first tag of a node (pipeline)",
    )
    parser.add_argument(
        "--runner",
        choices=["bash", "kubernetes"],
        default="bash",
        help="where a node runs: on the worker, or in a pod of its own (bash)",
    )
    parser.add_argument(
        "--image", metavar="I", help="kubernetes: the image with odibi-dagster and odibi.yaml in it"
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--out", type=Path, metavar="FILE|DIR", help="where to write (a folder: DIR/PROJECT.py)"
    )
    where.add_argument("--stdout", action="store_true", help="print it instead (the default)")
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 when the file is out of date"
    )
    how.add_argument("--diff", action="store_true", help="write nothing; show what would change")


_LINEAR = (
    "warning: retry.backoff: Airflow cannot wait longer by the same step each time, so tasks wait "
    "retry_delay before every try; write constant, or exponential"
)


def execute(args: argparse.Namespace, terminal: Terminal) -> int:
    """0; with `--check`, 1 where the file is not what would be written."""
    from odibi_dagster.config.load import load_project
    from odibi_dagster.exports.airflow import airflow_dags
    from odibi_dagster.exports.graph import task_graph
    from odibi_dagster.formats.disk import write_text

    if args.out is None and (args.check or args.diff):
        msg = "--check and --diff compare with a file; name it by --out"
        raise ConfigError(msg)
    if (args.runner == "kubernetes") != (args.image is not None):
        msg = "--runner kubernetes and --image belong together: the image holds what a pod runs"
        raise ConfigError(msg)
    project = load_project(args.config, env=args.env)
    file = None if args.out is None else _file(args.out, project)
    graph = task_graph(project, _chosen(project, args))
    if project.config.retry.backoff == "linear":
        terminal.note(_LINEAR)
    text = airflow_dags(
        graph,
        config=project.file.name if args.image else _seen_from(file, project.file),
        layout=args.layout,
        group_by=args.group_by,
        runner=args.runner,
        image=args.image or "",
    )
    if file is None:
        terminal.write(text)
        return 0
    there = file.read_text(encoding="utf-8") if file.exists() else None
    if args.diff:
        lines = difflib.unified_diff(
            (there or "").splitlines(), text.splitlines(), str(file), "as exported now", lineterm=""
        )
        terminal.write("".join(f"{line}\n" for line in lines))
        return 0
    if args.check:
        return _check(file, there, text, terminal)
    if there != text:
        file.parent.mkdir(parents=True, exist_ok=True)
        # Airflow may be reading the folder: it sees the old file or the new one
        write_text(file, text)
    terminal.line(f"{'unchanged' if there == text else 'wrote'}: {file}")
    return 0


def _check(file: Path, there: str | None, text: str, terminal: Terminal) -> int:
    if there == text:
        terminal.line(f"up to date: {file}")
        return 0
    state = "is not there" if there is None else "is out of date (--diff shows how)"
    terminal.error(f"{file} {state}; run the export again without --check")
    return _STALE


def _file(out: Path, project: Project) -> Path:
    from odibi_dagster.core.names import slug

    named = out.is_dir() or out.suffix != ".py"
    return out / f"{slug(project.config.project)}.py" if named else out


def _chosen(project: Project, args: argparse.Namespace) -> set[NodeId]:
    """Nodes by pipeline and selection; without either, all of them.

    ConfigError where the task of one could never succeed.
    """
    if not args.pipeline and not args.select:
        from odibi_dagster.cli.python_assets import refuse_python_assets

        refuse_python_assets(project, [n.id for n in project.nodes.values() if n.config.enabled])
        return set(project.nodes)
    from odibi_dagster.cli.choosing import nodes_named

    return nodes_named(project, [*args.pipeline, *args.select])


def _seen_from(file: Path | None, config: Path) -> str:
    """Where odibi.yaml lies, relative to the file; without one, beside it."""
    if file is None:
        return config.name
    return Path(os.path.relpath(config, file.absolute().parent)).as_posix()
