"""A project written to a folder, and its DAG file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from odibi_dagster.config.load import load_project
from odibi_dagster.exports.airflow import GROUPS, LAYOUTS, RUNNERS, airflow_dags
from odibi_dagster.exports.graph import TaskGraph, task_graph

if TYPE_CHECKING:
    from pathlib import Path

HEAD = """\
project: shop
connections: {lake: {type: local, base_path: ./lake}}
"""


def graph_of(folder: Path, text: str) -> TaskGraph:
    file = folder / "odibi.yaml"
    file.write_text(HEAD + text, encoding="utf-8")
    project = load_project(file)
    return task_graph(project, set(project.nodes))


WAYS = [
    {"layout": layout, "group_by": group, "runner": runner, "image": "shop:7"}
    for layout in LAYOUTS
    for group in GROUPS
    for runner in RUNNERS
]
"""Everything that may be asked of an export."""


def exported(folder: Path, text: str, layout: str = "pipelines", **way: str) -> str:
    return airflow_dags(graph_of(folder, text), config="odibi.yaml", layout=layout, **way)
