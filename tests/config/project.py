"""Small projects for the tests: one helper writes a file, the other loads it or tells why not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from odibi_dagster.config.load import load_project
from odibi_dagster.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from odibi_dagster.config.project import Node, Project
    from odibi_dagster.errors import Problem

HEAD = """\
project: demo
engine: polars
connections:
  lake: {type: local, base_path: ./lake}
pipelines:
  - pipeline: p
    nodes:
"""
"""Seven lines: the first node of `nodes` begins in line 8."""

READ = "read: {connection: lake, format: parquet, path: in.parquet}"


def write(folder: Path, text: str, name: str = "odibi.yaml") -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def nodes(text: str) -> str:
    """A project of these nodes, written without indentation."""
    lines = text.strip("\n").split("\n")
    return HEAD + "".join(f"      {line}\n" for line in lines)


def load(folder: Path, text: str, *, env: str | None = None, strict: bool = False) -> Project:
    return load_project(write(folder, text), env=env, strict=strict)


def only(folder: Path, text: str) -> Node:
    """The one node of a project of one node."""
    (node,) = load(folder, nodes(text)).nodes.values()
    return node


def problems(
    folder: Path, text: str, *, env: str | None = None, strict: bool = False
) -> tuple[Problem, ...]:
    """Everything that is wrong with a project."""
    with pytest.raises(ConfigError) as caught:
        load(folder, text, env=env, strict=strict)
    assert caught.value.exit_code == 2
    return caught.value.problems


def problem(folder: Path, text: str) -> Problem:
    """The only thing that is wrong with a project."""
    found = problems(folder, text)
    assert len(found) == 1, [str(each) for each in found]
    return found[0]


def place(found: Problem) -> str:
    return f"{found.line}:{found.column}"
