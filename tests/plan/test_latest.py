"""The latest row of each key is found by windows, which Polars can spill, and not by a sort."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from odibi_dagster.config.load import load_project
from odibi_dagster.engines.base import get_engine
from odibi_dagster.plan.planner import Planner

PROJECT = """
project: shop
connections:
  lake: {{type: local, base_path: ./lake}}
pipelines:
  - pipeline: p
    nodes:
      - name: latest
        read: {{connection: lake, format: parquet, path: orders.parquet}}
        transform:
          steps: [{step}]
        write: {{connection: lake, format: parquet, path: latest.parquet}}
"""
STEPS = {
    "qualify": "SELECT * FROM df QUALIFY row_number() OVER (PARTITION BY id ORDER BY at DESC) = 1",
    "deduplicate": '{function: deduplicate, params: {keys: [id], order_by: "at DESC"}}',
    "text": '{function: deduplicate, params: {keys: [id], order_by: "name, at DESC"}}',
    "any": "{function: deduplicate, params: {keys: [id]}}",
}


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_the_latest_of_each_key_is_a_window(tmp_path: Path, step: str) -> None:
    (tmp_path / "lake").mkdir()
    rows = {
        "id": [1, 1, 2],
        "at": [datetime(2024, 1, day) for day in (1, 2, 3)],
        "name": ["a", "a", "b"],
    }
    pl.DataFrame(rows).write_parquet(tmp_path / "lake/orders.parquet")
    (tmp_path / "odibi.yaml").write_text(PROJECT.format(step=step))
    project = load_project(tmp_path / "odibi.yaml")
    planner = Planner(project, get_engine("polars"))
    (node,) = project.nodes.values()
    frame = planner.output(node, planner.inputs(node))
    plan = planner.engine.explain(frame)
    assert ".over(" in plan
    assert not [word for word in ("SORT", "UNIQUE", "AGGREGATE") if word in plan], plan
    assert sorted(row["id"] for row in planner.engine.fetch(frame, 9)) == [1, 2]
