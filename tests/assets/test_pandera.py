"""A pandera model on a node: one check for each promise, and broken rows in the quarantine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.assets.support import rows

if TYPE_CHECKING:
    from tests.assets.support import Shop

MODELS = """\
import pandera.polars as pa
import polars as pl


class Orders(pa.DataFrameModel):
    id: int = pa.Field(unique=True)
    amount: float = pa.Field(ge=0, nullable=True)

    @pa.dataframe_check
    def not_all_free(cls, data):
        return data.lazyframe.select(pl.col("amount").sum() > 0)
"""
YAML = """
pipelines:
  - pipeline: bronze
    nodes:
      - name: orders
        read: {connection: lake, format: csv, path: orders.csv}
        validation:
          tests: [{type: pandera, schema: "models:Orders", on_fail: quarantine}]
        write: {connection: lake, format: parquet, path: out/orders.parquet}
"""


def test_broken_rows_are_set_aside_by_the_rules_they_broke(shop: Shop) -> None:
    (shop.root / "models.py").write_text(MODELS)
    shop.write(YAML)
    shop.land("orders.csv", "id,amount\n1,5.0\n2,-1.0\n2,3.0\n4,\n")
    run = shop.run()
    assert run.ok, run.failures
    assert run.checks == {
        "Orders_columns": (True, "ERROR"),
        "Orders_id_not_null": (True, "WARN"),
        "Orders_id_unique": (False, "WARN"),
        "Orders_amount_greater_than_or_equal_to": (False, "WARN"),
        "Orders_not_all_free": (True, "ERROR"),
    }
    assert [row["id"] for row in rows(shop.stored("out/orders.parquet"))] == [1, 4]
    rejected = shop.stored("out/orders_error.parquet").sort("amount")
    unique, both = "Orders_id_unique", "Orders_id_unique,Orders_amount_greater_than_or_equal_to"
    assert rejected["_failed_tests"].to_list() == [both, unique]


def test_another_type_stops_the_node(shop: Shop) -> None:
    (shop.root / "models.py").write_text(MODELS)
    shop.write(YAML)
    shop.land("orders.csv", "id,amount\n1,5\n2,7\n")
    run = shop.run()
    assert not run.ok
    assert run.checks["Orders_columns"] == (False, "ERROR")
    assert "column 'amount' is Int64, not Float64" in run.failures[0]


@pytest.mark.parametrize("action", ["fail", "warn"])
def test_a_check_of_the_users_own_that_raises(shop: Shop, action: str) -> None:
    """It is no pass and no traceback, and under `warn` it does not block."""
    (shop.root / "models.py").write_text(MODELS.replace("return data", "1 / 0; return data"))
    shop.write(YAML.replace("quarantine", action))
    shop.land("orders.csv", "id,amount\n1,5.0\n")
    run = shop.run()
    assert run.ok is (action == "warn")
    severity = "WARN" if action == "warn" else "ERROR"
    assert run.checks["Orders_not_all_free"] == (False, severity)
    assert run.checks["Orders_id_unique"] == (True, severity), "the others are judged"
    assert (shop.root / "lake/out/orders.parquet").exists() is (action == "warn")
