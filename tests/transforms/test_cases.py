"""Real odibi.yaml files: the rows of every node whose steps exist, on both engines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
import yaml

from odibi_dagster.transforms.base import Scope, transforms
from tests.transforms.rows import ordered, rows

if TYPE_CHECKING:
    from odibi_dagster.core.frame import Frame
    from odibi_dagster.engines.base import Engine
    from tests.transforms.conftest import Given

CASES = Path(__file__).parent / "cases"
LATER = {
    "add_prefix",
    "add_suffix",
    "coalesce_columns",
    "concat_columns",
    "convert_timezone",
    "cross_check",
    "date_add",
    "date_diff",
    "date_trunc",
    "extract_date_parts",
    "normalize_column_names",
    "normalize_schema",
    "pivot",
    "replace_values",
    "row_number",
    "split_part",
    "trim_whitespace",
    "unpivot",
}
"""Steps of later issues; one that exists already must leave this list."""


def _nodes(case: str) -> dict[str, dict[str, Any]]:
    project = yaml.safe_load((CASES / case / "odibi.yaml").read_text())
    return {node["name"]: node for node in project["pipelines"][0]["nodes"]}


def _steps(case: str, node: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    steps = []
    if "transformer" in node:
        steps.append((node["transformer"], node["params"]))
    for step in node.get("transform", {}).get("steps", []):
        if isinstance(step, str):
            step = {"sql": step}
        if "sql_file" in step:
            step = {"sql": (CASES / case / step["sql_file"]).read_text()}
        if "sql" in step:
            step = {"function": "sql", "params": {"query": step["sql"]}}
        steps.append((step["function"], step["params"]))
    return steps


ALL = [
    (case, name)
    for case in ("tx_relational", "tx_sql_core")
    for name, node in _nodes(case).items()
    if not {function for function, _ in _steps(case, node)} & LATER
]


class Project:
    """The nodes of one case, planned on demand."""

    def __init__(self, case: str, engine: Engine, given: Given) -> None:
        self.case, self.engine, self.given = case, engine, given
        self.nodes = _nodes(case)

    def plan(self, name: str) -> Frame:
        node = self.nodes[name]
        if "read" in node:
            path = CASES / self.case / node["read"]["path"]
            return self.given(pl.read_csv(path, null_values=["", "n/a"]))
        inputs = {other: self.plan(other) for other in node["depends_on"]}
        frame = next(iter(inputs.values()))
        for function, params in _steps(self.case, node):
            step = transforms[function].model_validate(params)
            assert step.needs() <= set(inputs), "a step needs what the node does not depend on"
            frame = step.apply(frame, Scope(self.engine, inputs))
        return frame


@pytest.mark.parametrize(("case", "name"), ALL, ids=[name for _, name in ALL])
def test_a_node_gives_the_rows_it_must(case: str, name: str, engine: Engine, given: Given) -> None:
    frame = Project(case, engine, given).plan(name)
    expected = pl.read_parquet(CASES / case / "expected" / f"main.{name}.parquet")
    found = engine.fetch(frame, 1000)
    assert frame.collect_schema().names() == expected.columns
    assert rows(found) == rows(expected.to_dicts())
    if name in {"sort_n", "limit_n"}:
        assert ordered(found) == ordered(expected.to_dicts())


def test_no_step_that_exists_is_skipped() -> None:
    assert not LATER & set(transforms.known)
