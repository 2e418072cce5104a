"""Filters and columns of a consumer reach through its views to the scan: read off the plan."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest

from odibi_dagster.config.load import load_project
from odibi_dagster.core.names import NodeId
from odibi_dagster.engines.base import get_engine
from odibi_dagster.plan.planner import Planner

PROJECT = """
project: shop
connections:
  lake: {{type: local, base_path: ./lake}}
pipelines:
  - pipeline: p
    nodes:
      - name: orders
        read: {{connection: lake, format: parquet, path: orders.parquet}}
      - name: named
        depends_on: [orders]
        transform:
          steps: {steps}
      - name: wide
        depends_on: [named]
        transform:
          steps:
            - function: rename_columns
              params: {{mapping: {{amount: price}}}}
      - name: large
        depends_on: [wide]
        transform:
          steps:
            - SELECT id, price FROM df WHERE id > 900 AND price < 50
        write: {{connection: lake, format: parquet, path: large.parquet}}
"""
STEPS = {
    "sql": '["SELECT *, upper(name) AS loud FROM df"]',
    "derive": "[{function: derive_columns, params: {derivations: {twice: amount * 2}}}]",
    "cast": "[{function: cast_columns, params: {casts: {name: string}}}]",
    "case": "[\"SELECT *, CASE WHEN amount > 5 THEN 'big' ELSE 'small' END AS size FROM df\"]",
    "drop": "[{function: drop_columns, params: {columns: [other]}}]",
}


@pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS)
def test_a_filter_reaches_the_scan_through_views(tmp_path: Path, steps: str) -> None:
    (tmp_path / "lake").mkdir()
    frame = pl.DataFrame({"id": range(1000), "amount": [i % 100 for i in range(1000)]})
    frame.with_columns(name=pl.lit("x"), other=pl.lit(1)).write_parquet(
        tmp_path / "lake/orders.parquet"
    )
    (tmp_path / "odibi.yaml").write_text(PROJECT.format(steps=steps))
    project = load_project(tmp_path / "odibi.yaml")
    planner = Planner(project, get_engine("polars"))
    node = project.nodes[NodeId("p", "large")]
    plan = planner.engine.explain(planner.output(node, planner.inputs(node)))
    (scan,) = re.findall(r"Parquet SCAN .*(?:\n.*)*", plan)
    assert "PROJECT 2/4 COLUMNS" in scan, plan
    selection = scan[scan.index("SELECTION") :]
    assert "id" in selection and "amount" in selection, plan
    assert "FILTER" not in plan
