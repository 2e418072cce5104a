"""Every key of the language works, has no effect, or is refused; no fourth way, and none silent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from odibi_dagster.config.explain import spellings
from odibi_dagster.config.fates import BLOCKS, render
from odibi_dagster.config.later import LATER
from odibi_dagster.core.fate import NoEffect, NotYet
from odibi_dagster.formats.base import formats
from odibi_dagster.transforms.base import transforms
from tests.config.project import load, problems

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).parents[2] / "docs" / "keys.md"


def parted(unit: str) -> dict[str, Any]:
    """A pipeline whose one node has such partitions."""
    place = {"connection": "lake", "format": "parquet"}
    node = {
        "name": "n",
        "read": place | {"path": "in/{partition}"},
        "write": place | {"path": f"{unit}/{{partition}}"},
    }
    partitions = {unit: {"start": "2026-01-01"}}
    return {"pipeline": unit, "dagster": {"partitions": partitions}, "nodes": [node]}


FULL: dict[str, Any] = {
    "project": "demo",
    "connections": {
        "lake": {"type": "local"},
        "pg": {"type": "postgres", "host": "db", "database": "shop"},
        "my": {"type": "mysql", "host": "db", "database": "shop"},
        "lite": {"type": "sqlite", "database": "shop.db"},
    },
    "dagster": {},
    "pipelines": [
        {
            "pipeline": "p",
            "dagster": {},
            "nodes": [
                {
                    "name": "a",
                    "dagster": {},
                    "columns": {"x": {}, "y": {"pii": True}},
                    "privacy": {"method": "hash"},
                    "read": {
                        "connection": "lake",
                        "format": "parquet",
                        "path": "in",
                        "incremental": {"mode": "stateful", "column": "x"},
                    },
                    "inputs": {"py": {"asset": "team/raw"}},
                    "transform": {"steps": [{"sql": "SELECT * FROM df"}]},
                    "validation": {
                        "tests": [{"type": "not_null", "columns": ["x"], "on_fail": "quarantine"}],
                        "quarantine": {"connection": "lake", "path": "q", "add_columns": {}},
                        "gate": {
                            "thresholds": [{"test": "not_null", "min_pass_rate": 0.9}],
                            "row_count": {},
                        },
                    },
                    "write": {
                        "connection": "lake",
                        "format": "parquet",
                        "path": "out",
                        "mode": "upsert",
                        "options": {"keys": ["x"]},
                        "add_metadata": {},
                    },
                }
            ],
        },
        parted("hourly"),
        parted("daily"),
        parted("monthly"),
    ],
}
NODE = ("pipelines", 0, "nodes", 0)
PATHS: dict[str, tuple[str | int, ...]] = {
    "the project": (),
    "connections: type local": ("connections", "lake"),
    "connections: type postgres": ("connections", "pg"),
    "connections: type mysql": ("connections", "my"),
    "connections: type sqlite": ("connections", "lite"),
    "pipelines": ("pipelines", 0),
    "nodes": NODE,
    "columns": (*NODE, "columns", "x"),
    "privacy": (*NODE, "privacy"),
    "read, and inputs in storage": (*NODE, "read"),
    "read.incremental": (*NODE, "read", "incremental"),
    "inputs of Python assets": (*NODE, "inputs", "py"),
    "transform": (*NODE, "transform"),
    "transform.steps": (*NODE, "transform", "steps", 0),
    "validation": (*NODE, "validation"),
    "validation.quarantine": (*NODE, "validation", "quarantine"),
    "validation.quarantine.add_columns": (*NODE, "validation", "quarantine", "add_columns"),
    "validation.gate": (*NODE, "validation", "gate"),
    "validation.gate.thresholds": (*NODE, "validation", "gate", "thresholds", 0),
    "validation.gate.row_count": (*NODE, "validation", "gate", "row_count"),
    "write": (*NODE, "write"),
    "write.add_metadata": (*NODE, "write", "add_metadata"),
    "dagster, at the project": ("dagster",),
    "dagster, at a pipeline": ("pipelines", 0, "dagster"),
    "dagster, at a node": (*NODE, "dagster"),
    "dagster.partitions": ("pipelines", 1, "dagster", "partitions"),
    "dagster.partitions: hourly": ("pipelines", 1, "dagster", "partitions", "hourly"),
    "dagster.partitions: daily and weekly": ("pipelines", 2, "dagster", "partitions", "daily"),
    "dagster.partitions: monthly": ("pipelines", 3, "dagster", "partitions", "monthly"),
}


def marked(mark: type) -> Iterator[Any]:
    """Every key that bears this mark, as (block, key)."""
    for title, model in BLOCKS.items():
        for name, field in model.model_fields.items():
            if any(isinstance(each, mark) for each in field.metadata):
                yield pytest.param(title, next(spellings(model, name)), id=f"{title}: {name}")


def with_key(title: str, key: str, value: Any) -> tuple[str, int]:
    """The full project with one more key, and the line that it stands in."""
    project = yaml.safe_load(yaml.safe_dump(FULL))
    block = project
    for part in PATHS[title]:
        block = block[part]
    block[key] = value
    text = yaml.safe_dump(project, sort_keys=False)
    lines = [line.strip().removeprefix("- ") for line in text.splitlines()]
    return text, lines.index(f"{key}: something") + 1 if value == "something" else 0


def test_every_block_has_a_path() -> None:
    assert PATHS.keys() == BLOCKS.keys()


def test_the_full_project_is_right(tmp_path: Path) -> None:
    project = load(tmp_path, yaml.safe_dump(FULL))
    assert (project.warnings, project.no_effect) == ((), ())


@pytest.mark.parametrize(("title", "key"), list(marked(NotYet)))
def test_what_would_change_the_data_is_refused(tmp_path: Path, title: str, key: str) -> None:
    text, line = with_key(title, key, "something")
    (found,) = problems(tmp_path, text)
    assert found.message.startswith(f"not supported yet: '{key}'")
    assert found.line == line


@pytest.mark.parametrize(("title", "key"), list(marked(NotYet)))
@pytest.mark.parametrize("value", [None, False, [], {}])
def test_its_default_is_no_request(tmp_path: Path, title: str, key: str, value: Any) -> None:
    load(tmp_path, with_key(title, key, value)[0])


@pytest.mark.parametrize(("title", "key"), list(marked(NoEffect)))
def test_what_has_no_effect_is_listed(tmp_path: Path, title: str, key: str) -> None:
    text, line = with_key(title, key, "something")
    project = load(tmp_path, text)
    (found,) = project.no_effect
    assert found.message.startswith(f"'{key}' has no effect here")
    assert found.line == line
    assert project.warnings == ()


@pytest.mark.parametrize("name", [n for n in LATER["format"].split() if n not in formats.known])
def test_formats_that_come_later(tmp_path: Path, name: str) -> None:
    text, _ = with_key("read, and inputs in storage", "format", name)
    (found,) = problems(tmp_path, text)
    assert found.message == f"not supported yet: format '{name}'"


@pytest.mark.parametrize("name", LATER["connection type"].split())
def test_connections_that_come_later(tmp_path: Path, name: str) -> None:
    (found,) = problems(tmp_path, with_key("connections: type local", "type", name)[0])
    assert found.message == f"not supported yet: connection type '{name}'"


@pytest.mark.parametrize(
    "name", [n for n in LATER["transform"].split() if n not in transforms.known]
)
def test_transforms_that_come_later(tmp_path: Path, name: str) -> None:
    (found,) = problems(tmp_path, with_key("nodes", "transformer", name)[0])
    assert found.message == f"not supported yet: transform '{name}'"


@pytest.mark.parametrize("name", LATER["operation"].split())
def test_operations_that_come_later(tmp_path: Path, name: str) -> None:
    text, _ = with_key("transform", "steps", [{"operation": name}])
    (found,) = problems(tmp_path, text)
    assert found.message == f"not supported yet: operation '{name}'"


def test_the_page_is_current() -> None:
    """`python -m odibi_dagster.config.fates > docs/keys.md` makes it."""
    assert PAGE.read_text(encoding="utf-8") == render()
