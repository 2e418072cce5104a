"""Checks selected without their asset judge what is stored, and touch nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg
import pytest

from tests.assets.support import Run, Shop

if TYPE_CHECKING:
    from pathlib import Path

    from odibi_dagster.engines.base import Engine

PROJECT = """
engine: {engine}
pipelines:
  - pipeline: bronze
    nodes:
      - name: orders
        read: {{connection: lake, format: csv, path: orders.csv}}
        contracts:
          - {{type: row_count, min: 1}}
        validation:
          tests:
            - {{type: range, column: amount, min: 0, on_fail: {on_fail}}}
            - {{type: unique, columns: [id]}}
            - {{type: foreign_key, columns: [customer], references: $bronze.customers,
                referenced_columns: [id]}}
        write: {{connection: lake, format: {format}, path: orders, mode: {mode}}}
      - name: customers
        read: {{connection: lake, format: csv, path: customers.csv}}
        write: {{connection: lake, format: parquet, path: customers.parquet}}
"""
GOOD = "id,amount,customer\n1,5,7\n2,6,7\n"
ORDERS = dg.AssetKey(["bronze", "orders"])


def write(
    shop: Shop,
    on_fail: str = "fail",
    format: str = "delta",
    mode: str = "append",
    engine: str = "polars",
) -> None:
    shop.write(PROJECT.format(on_fail=on_fail, format=format, mode=mode, engine=engine))
    shop.land("orders.csv", GOOD)
    shop.land("customers.csv", "id\n7\n8\n")


def rejudge(shop: Shop, *names: str) -> Run:
    checks = [dg.AssetCheckKey(ORDERS, name) for name in names]
    selection = dg.AssetSelection.checks(*checks) if names else None
    return shop.run(selection or dg.AssetSelection.checks_for_assets(ORDERS))


def files(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("format", "mode"), [("delta", "append"), ("parquet", "append"), ("csv", "overwrite")]
)
def test_what_is_stored_is_judged_and_stays(
    engine: Engine, shop: Shop, format: str, mode: str
) -> None:
    write(shop, format=format, mode=mode, engine=engine.name)
    assert shop.run().ok
    shop.land("orders.csv", "id,amount,customer\n3,-5,9\n3,-6,9\n")  # nobody asks the input
    before = files(shop.root / "lake")

    run = rejudge(shop, "range_amount", "unique_id", "foreign_key_customer")

    assert run.ok, run.failures
    assert run.checks == {
        "range_amount": (True, "ERROR"),
        "unique_id": (True, "ERROR"),
        "foreign_key_customer": (True, "ERROR"),
    }
    assert run.check_metadata("unique_id")["scope"] == "table"
    assert run.check_metadata("unique_id")["total_rows"] == 2
    assert run.materialized == set()
    assert files(shop.root / "lake") == before


def test_data_that_was_changed_behind_our_back_is_found(shop: Shop) -> None:
    write(shop, format="csv", mode="overwrite")
    assert shop.run().ok
    (shop.root / "lake/orders").write_text("id,amount,customer\n1,-5,7\n1,6,9\n")

    run = rejudge(shop)

    assert not run.ok
    assert run.checks == {
        "input_row_count": (True, "ERROR"),
        "range_amount": (False, "ERROR"),
        "unique_id": (False, "ERROR"),
        "foreign_key_customer": (False, "ERROR"),
    }
    assert "what is stored breaks its contracts, and stays as it is" in run.failures[0]
    found = run.check_metadata("range_amount")
    assert (found["scope"], found["action"], found["failed_rows"]) == ("table", "reported", 1)
    assert "-5" in found["broken_rows"]
    assert run.check_metadata("input_row_count")["scope"] == "input"


def test_the_input_is_judged_as_it_is_now(shop: Shop) -> None:
    write(shop)
    assert shop.run().ok
    shop.land("orders.csv", "id,amount,customer\n")

    assert rejudge(shop, "input_row_count").checks == {"input_row_count": (False, "ERROR")}
    (shop.root / "lake/orders.csv").unlink()
    run = rejudge(shop, "input_row_count")
    assert run.checks == {"input_row_count": (False, "ERROR")}
    assert "the input cannot be read" in run.failures[0]


def test_only_what_is_selected_counts(shop: Shop) -> None:
    write(shop, format="csv", mode="overwrite")
    assert shop.run().ok
    (shop.root / "lake/orders").write_text("id,amount,customer\n1,-5,7\n2,6,7\n")

    assert rejudge(shop, "unique_id").ok
    assert not rejudge(shop, "range_amount").ok


def test_a_node_that_was_never_stored_is_an_error(shop: Shop) -> None:
    write(shop, on_fail="warn")

    run = rejudge(shop, "range_amount", "unique_id")

    assert run.checks == {"range_amount": (False, "WARN"), "unique_id": (False, "ERROR")}
    assert "node bronze/orders is not stored yet" in run.failures[0]
    assert "materialize it first" in run.failures[0]


def test_a_quarantine_is_not_filled(shop: Shop) -> None:
    write(shop, on_fail="quarantine", format="csv", mode="overwrite")
    assert shop.run().ok
    (shop.root / "lake/orders").write_text("id,amount,customer\n1,-5,7\n2,6,7\n")

    run = rejudge(shop, "range_amount")

    assert run.checks == {"range_amount": (False, "WARN")}
    assert run.check_metadata("range_amount")["action"] == "reported"
    assert (shop.root / "lake/orders_error").read_text().count("\n") == 1


def test_nothing_is_remembered(shop: Shop) -> None:
    """The batch that follows is the next one, and no lease is left."""
    write(shop)
    assert shop.run().ok
    assert rejudge(shop).ok
    shop.land("orders.csv", "id,amount,customer\n3,1,8\n")
    assert shop.run().ok
    assert rejudge(shop, "unique_id").check_metadata("unique_id")["total_rows"] == 3
