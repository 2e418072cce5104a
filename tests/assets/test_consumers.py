"""What a consumer reads is what its source published: types, nulls, pushed-down predicates."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from odibi_dagster.config.load import load_project
from odibi_dagster.core.names import NodeId
from odibi_dagster.engines.base import get_engine
from odibi_dagster.plan.planner import Planner
from tests.assets.support import Shop

CHAIN = """
pipelines:
  - pipeline: bronze
    nodes:
      - name: orders
        read:
          connection: lake
          format: csv
          path: orders.csv
          options: {{dtype: {{code: string}}, keep_default_na: false, na_values: [""]}}
        transform: {{steps: ["SELECT code, CAST(day AS DATE) AS day, word FROM df"]}}
        write: {{connection: lake, format: {format}, path: out/orders, options: {options}}}
      - name: copy
        depends_on: [orders]
        write: {{connection: lake, format: parquet, path: out/copy.parquet}}
"""


@pytest.mark.parametrize(
    ("format", "options"),
    [
        ("csv", "{}"),
        ("csv", "{sep: ';'}"),
        ("csv", "{header: false}"),
        ("json", "{}"),
        ("delta", "{}"),
    ],
)
def test_types_survive_every_format(shop: Shop, format: str, options: str) -> None:
    shop.write(CHAIN.format(format=format, options=options))
    shop.land("orders.csv", "code,day,word\n007,2024-01-31,NA\n010,,null\n")
    assert shop.run().ok
    assert shop.stored("out/copy.parquet").sort("code").to_dicts() == [
        {"code": "007", "day": date(2024, 1, 31), "word": "NA"},
        {"code": "010", "day": None, "word": "null"},
    ]


def test_a_stored_table_outlives_its_source(shop: Shop) -> None:
    shop.write(CHAIN.format(format="csv", options="{}"))
    shop.land("orders.csv", "code,day,word\n007,2024-01-31,x\n")
    assert shop.run().ok
    (shop.root / "lake/orders.csv").unlink()
    project = load_project(shop.config)
    frame = Planner(project, get_engine("polars")).result(NodeId("bronze", "orders"))
    assert frame.to_native().collect().height == 1


def test_predicates_and_projections_push_through_views(shop: Shop) -> None:
    (shop.root / "lake").mkdir()
    pl.DataFrame({"id": [1, 2], "amount": [1.0, 20.0], "wide": ["a", "b"]}).write_parquet(
        shop.root / "lake/orders.parquet"
    )
    shop.write(
        """
        pipelines:
          - pipeline: silver
            nodes:
              - name: orders
                read: {connection: lake, format: parquet, path: orders.parquet}
              - name: doubled
                depends_on: [orders]
                transform: {steps: ["SELECT *, amount * 2 AS twice FROM df"]}
              - name: big
                depends_on: [doubled]
                transform: {steps: ["SELECT id, twice FROM df WHERE amount > 10"]}
                write: {connection: lake, format: parquet, path: out/big.parquet}
        """
    )
    project = load_project(shop.config)
    planner = Planner(project, get_engine("polars"))
    node = project.nodes[NodeId("silver", "big")]
    plan = planner.engine.explain(planner.output(node, planner.inputs(node)))
    assert "SELECTION" in plan
    assert "PROJECT 2/3 COLUMNS" in plan
    assert shop.run().ok
    assert shop.stored("out/big.parquet").to_dicts() == [{"id": 2, "twice": 40.0}]
    assert [p.name for p in (shop.root / "lake/out").iterdir()] == ["big.parquet"]


def test_an_error_names_its_step_once(shop: Shop) -> None:
    shop.write(
        """
        pipelines:
          - pipeline: silver
            nodes:
              - name: orders
                read: {connection: lake, format: csv, path: orders.csv}
                transformer: drop_columns
                params: {columns: [nope]}
                write: {connection: lake, format: parquet, path: out/orders.parquet}
        """
    )
    shop.land("orders.csv", "id\n1\n")
    run = shop.run()
    assert not run.ok
    assert "node silver/orders, step 1 (drop_columns): no column 'nope'" in run.failures[0]


def test_a_view_with_contracts_on_it_is_computed_once(shop: Shop) -> None:
    shop.write(
        """
        pipelines:
          - pipeline: silver
            nodes:
              - name: orders
                read: {connection: lake, format: csv, path: orders.csv}
              - name: kept
                depends_on: [orders]
                contracts: [{type: range, column: amount, min: 0, on_fail: quarantine}]
                write: {connection: lake, format: parquet, path: out/kept.parquet}
        """
    )
    shop.land("orders.csv", "id,amount\n1,5\n2,-5\n")
    run = shop.run()
    assert run.ok
    assert shop.stored("out/kept.parquet")["id"].to_list() == [1]
    assert shop.stored("out/kept_error.parquet")["id"].to_list() == [2]
    assert shop.leftovers() == []


def test_naive_times_are_in_the_projects_zone(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ODIBI_NOW", "2024-01-31T12:00:00+00:00")
    yaml = """
        dagster: {timezone: ZONE}
        pipelines:
          - pipeline: silver
            nodes:
              - name: orders
                read: {connection: lake, format: csv, path: orders.csv}
                contracts: [{type: freshness, column: at, max_age: 3h, on_fail: warn}]
                write: {connection: lake, format: parquet, path: out/orders.parquet}
        """
    shop.land("orders.csv", "at\n2024-01-31 11:00:00\n")
    outcomes = {}
    for zone in ("UTC", "Asia/Tokyo"):
        shop.write(yaml.replace("ZONE", zone))
        outcomes[zone] = shop.run().checks["input_freshness_at"][0]
    assert outcomes == {"UTC": True, "Asia/Tokyo": False}
