"""List pipelines and nodes: what each is, reads, promises, and where it is stored."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from odibi_dagster.cli.validate import config_arguments, counted

if TYPE_CHECKING:
    import argparse

    from odibi_dagster.cli.terminal import Terminal
    from odibi_dagster.config.project import Node, Project, Source

NAME = "ls"
HELP = "list pipelines and nodes"
EXAMPLES = """\
examples:
  odibi-dagster ls odibi.yaml
  odibi-dagster ls odibi.yaml --format json | jq '.pipelines[].nodes[].stored_at'
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    config_arguments(parser)
    parser.add_argument(
        "--format", choices=["text", "json"], default="text", help="how to answer (text)"
    )


def execute(args: argparse.Namespace, terminal: Terminal) -> int:
    """Print the project; runs nothing and opens no storage."""
    from odibi_dagster.config.load import load_project

    project = load_project(args.config, env=args.env)
    if args.format == "json":
        terminal.write(json.dumps(_document(project), indent=2, ensure_ascii=False) + "\n")
    else:
        _tree(project, terminal)
    return 0


def _document(project: Project) -> dict[str, Any]:
    return {
        "project": project.config.project,
        "engine": project.engine,
        "file": str(project.file),
        "pipelines": [
            {
                "name": name,
                "description": pipeline.description,
                "nodes": [_entry(n) for n in project.nodes.values() if n.id.pipeline == name],
            }
            for name, pipeline in project.pipelines.items()
        ],
    }


def _entry(node: Node) -> dict[str, Any]:
    return {
        "name": node.id.name,
        "kind": kind(node),
        "enabled": node.config.enabled,
        "description": node.config.description,
        "inputs": {name: source_text(source) for name, source in node.sources.items()},
        "after": [str(upstream) for upstream in sorted(node.after)],
        "steps": [step.kind for step in node.steps],
        "checks": len(node.contracts) + len(node.tests),
        "partitions": str(node.partitions) if node.partitions else None,
        "stored_at": str(node.target.location) if node.target else None,
        "quarantine_at": str(node.quarantine.target.location) if node.quarantine else None,
        "file": str(node.place.file),
        "line": node.place.line,
    }


def kind(node: Node) -> str:
    """The format a node is stored in, or `view`."""
    return "view" if node.target is None else node.target.format.kind


def source_text(source: Source) -> str:
    """A source in a few words: a node, a place in storage, or a Python asset."""
    from odibi_dagster.config.project import Stored, Upstream

    if isinstance(source, Upstream):
        return str(source.node)
    if isinstance(source, Stored):
        return str(source.location)
    return f"asset {'/'.join(source.key)}"


def _tree(project: Project, terminal: Terminal) -> None:
    rows = {node.id: _cells(project, node) for node in project.nodes.values()}
    widths = [max(map(len, column)) for column in zip(*rows.values(), strict=True)]
    terminal.line(f"{project.config.project} ({project.engine})", "bold")
    for name, pipeline in project.pipelines.items():
        terminal.line()
        about = f"  {pipeline.description.strip()}" if pipeline.description else ""
        terminal.line(f"{name}{about}", "bold cyan")
        for node_id, cells in rows.items():
            if node_id.pipeline == name:
                padded = (f"{cell:<{w}}" for cell, w in zip(cells, widths, strict=True))
                style = "" if project.nodes[node_id].config.enabled else "dim"
                terminal.line("  " + "  ".join(padded).rstrip(), style)


def _cells(project: Project, node: Node) -> list[str]:
    checks = len(node.contracts) + len(node.tests)
    inputs = ", ".join(_short(project, node, source) for source in node.sources.values())
    stored = "" if node.target is None else _relative(project, str(node.target.location))
    return [
        node.id.name,
        kind(node) if node.config.enabled else "disabled",
        counted(checks, "check") if checks else "",
        f"<- {inputs}" if inputs else "",
        f"-> {stored}" if stored else "",
    ]


def _short(project: Project, node: Node, source: Source) -> str:
    text = _relative(project, source_text(source))
    return text.removeprefix(f"{node.id.pipeline}/") if _is_node(source) else text


def _is_node(source: Source) -> bool:
    from odibi_dagster.config.project import Upstream

    return isinstance(source, Upstream)


def _relative(project: Project, text: str) -> str:
    return text.removeprefix(f"{project.root}/")
