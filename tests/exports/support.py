"""A project written to a folder, and its DAG file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from odibi_dagster.config.load import load_project
from odibi_dagster.exports.airflow import airflow_dags
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


def exported(folder: Path, text: str, layout: str = "pipelines") -> str:
    return airflow_dags(graph_of(folder, text), config="odibi.yaml", layout=layout)
