"""The same file on Spark, through Dagster, and no row leaves Spark but by fetch."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import dagster as dg
import polars as pl
import pytest

from tests.assets.support import Shop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from odibi_dagster.engines.base import Engine

PROJECT = """
engine: {engine}
dagster: {{sql_dialect: duckdb}}
pipelines:
  - pipeline: bronze
    nodes:
      - name: orders
        read: {{connection: lake, format: csv, path: orders.csv}}
        contracts: [{{type: not_null, columns: [id]}}]
        transform:
          steps:
            - {{function: cast_columns, params: {{casts: {{amount: double}}}}}}
            - SELECT *, amount * 2 AS twice FROM df
        validation:
          tests:
            - {{type: range, column: amount, min: 0, on_fail: quarantine}}
            - {{type: unique, columns: [id]}}
        write: {{connection: lake, format: parquet, path: out/orders}}
      - name: big
        depends_on: [orders]
        transform: {{steps: ["SELECT * FROM df WHERE amount > 10"]}}
      - name: days
        depends_on: [big]
        transform: {{steps: ["SELECT day, SUM(twice) AS total FROM df GROUP BY day"]}}
        write: {{connection: lake, format: parquet, path: out/days, partition_by: [day]}}
"""
LEAVING = {"collect", "toPandas", "toArrow", "toLocalIterator", "take", "head"}


@contextmanager
def leaving() -> Iterator[Counter[str]]:
    """Counts what brings rows out of Spark, by the function of ours that asked for it."""
    askers: Counter[str] = Counter()

    def profile(frame: FrameType, event: str, _: Any) -> None:
        if event != "call" or frame.f_code.co_name not in LEAVING:
            return
        caller = frame.f_back
        if "pyspark" in frame.f_code.co_filename and caller is not None:
            file = caller.f_code.co_filename
            if "odibi_dagster" in file or "narwhals" in file:
                askers[f"{frame.f_code.co_name} by {caller.f_code.co_name}"] += 1

    threading.setprofile(profile)
    sys.setprofile(profile)
    try:
        yield askers
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


def _prepare(shop: Shop, engine: Engine) -> None:
    shop.write(PROJECT.format(engine=engine.name))
    rows = "id,amount,day\n1,5,2024-01-01\n2,50,2024-01-02\n3,-1,2024-01-01\n4,20,2024-01-02\n"
    shop.land("orders.csv", rows)


def test_a_project_gives_the_same_tables(shop: Shop, engine: Engine) -> None:
    _prepare(shop, engine)
    run = shop.run()
    assert run.ok, run.failures
    assert run.checks == {
        "input_not_null_id": (True, "ERROR"),
        "range_amount": (False, "WARN"),
        "unique_id": (True, "ERROR"),
    }
    assert run.metadata("bronze/orders")["dagster/row_count"] == 3
    out = shop.root / "lake/out"
    assert sorted(pl.read_parquet(out / "orders")["id"].to_list()) == [1, 2, 4]
    days = pl.read_parquet(out / "days/**/*.parquet", hive_partitioning=True)
    assert days.select(pl.col("total").cast(float)).to_series().to_list() == [140.0]


def test_a_broken_contract_leaves_the_old_data(shop: Shop, engine: Engine) -> None:
    _prepare(shop, engine)
    assert shop.run().ok
    before = sorted(p.name for p in (shop.root / "lake/out").rglob("*.parquet"))
    shop.land("orders.csv", "id,amount,day\n1,5,2024-01-01\n1,6,2024-01-01\n")
    run = shop.run()
    assert not run.ok
    assert run.checks["unique_id"] == (False, "ERROR")
    assert sorted(p.name for p in (shop.root / "lake/out").rglob("*.parquet")) == before


@pytest.mark.spark
def test_no_row_leaves_spark_but_by_fetch(shop: Shop, _spark: Engine) -> None:
    _prepare(shop, _spark)
    with leaving() as askers:
        assert shop.run().ok
    assert askers, "the profiler must see the audit's own fetch"
    assert set(askers) == {"collect by fetch"}


@pytest.mark.spark
def test_python_assets_read_nodes_of_a_spark_project(shop: Shop, _spark: Engine) -> None:
    from pyspark.sql import DataFrame

    _prepare(shop, _spark)
    seen: dict[str, Any] = {}

    def report(polars: pl.DataFrame, spark: Any) -> None:
        seen["polars"], seen["spark"] = polars.height, spark.count()

    report.__annotations__ = {"polars": pl.DataFrame, "spark": DataFrame, "return": None}
    keys = {"polars": ["bronze", "orders"], "spark": ["bronze", "big"]}
    ins = {name: dg.AssetIn(dg.AssetKey(key)) for name, key in keys.items()}
    report = dg.asset(ins=ins)(report)  # type: ignore[assignment]
    shop.extra.append(report)
    assert shop.run().ok
    assert seen == {"polars": 3, "spark": 2}
