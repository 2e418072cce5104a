"""Promise 3: a broken contract leaves the old data in place and is red in Dagster."""

from __future__ import annotations

import polars as pl
import pytest

from tests.assets.support import Shop, keys, rows

ORDERS = """
pipelines:
  - pipeline: bronze
    nodes:
      - name: orders
        read: {{connection: lake, format: csv, path: orders.csv}}
        contracts: {contracts}
        validation:
          tests: {tests}
        write: {{connection: lake, format: {format}, path: out/{path}}}
      - name: big
        depends_on: [orders]
        transform: {{steps: ["SELECT * FROM df WHERE amount > 10"]}}
        write: {{connection: lake, format: parquet, path: out/big.parquet}}
"""
GOOD = "id,amount\n1,5.0\n2,50.0\n"
BAD = "id,amount\n1,5.0\n1,-3.0\n3,7.0\n"


def _orders(shop: Shop, contracts: str = "[]", tests: str = "[]", format: str = "parquet") -> None:
    path = {"parquet": "orders.parquet", "delta": "orders", "csv": "o.csv", "json": "o.json"}
    shop.write(ORDERS.format(contracts=contracts, tests=tests, format=format, path=path[format]))
    shop.land("orders.csv", GOOD)


def _stored(shop: Shop, format: str) -> pl.DataFrame:
    out = shop.root / "lake" / "out"
    match format:
        case "parquet":
            return pl.read_parquet(out / "orders.parquet")
        case "delta":
            return pl.read_delta(str(out / "orders"))
        case "csv":
            return pl.read_csv(out / "o.csv")
        case _:
            return pl.read_ndjson(out / "o.json")


@pytest.mark.parametrize("format", ["parquet", "delta", "csv", "json"])
def test_a_broken_test_leaves_the_old_data(shop: Shop, format: str) -> None:
    _orders(shop, tests="[{type: range, column: amount, min: 0}]", format=format)
    first = shop.run()
    assert first.ok
    assert first.checks == {"range_amount": (True, "ERROR")}
    before = _stored(shop, format)

    shop.land("orders.csv", BAD)
    second = shop.run()
    assert not second.ok
    assert second.checks == {"range_amount": (False, "ERROR")}
    assert second.materialized == set()
    assert not second.retried
    assert _stored(shop, format).equals(before)
    assert shop.leftovers() == []
    assert "nothing was published" in second.failures[0]


@pytest.mark.parametrize("format", ["parquet", "delta"])
def test_without_a_time_column_the_newest_file_of_the_input_says_how_fresh_it_is(
    shop: Shop, format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _orders(shop, format=format)
    tests = "validation: {tests: [{type: freshness, max_age: 1h}]}"
    config = shop.config.read_text("utf-8")
    shop.config.write_text(config.replace("- name: big", f"- name: big\n        {tests}"))
    assert shop.run().checks == {"freshness": (True, "ERROR")}
    monkeypatch.setenv("ODIBI_NOW", "2999-01-01")
    assert shop.run(keys("bronze/big")).checks == {"freshness": (False, "ERROR")}


def test_a_broken_input_contract_stages_nothing(shop: Shop) -> None:
    _orders(
        shop,
        contracts="[{type: unique, columns: [id]}]",
        tests="[{type: not_null, columns: [id]}]",
    )
    assert shop.run().ok
    shop.land("orders.csv", BAD)
    run = shop.run()
    assert not run.ok
    assert run.checks == {"input_unique_id": (False, "ERROR"), "not_null_id": (False, "ERROR")}
    assert rows(shop.stored("out/orders.parquet")) == [
        {"id": 1, "amount": 5.0},
        {"id": 2, "amount": 50.0},
    ]


def test_a_warning_publishes(shop: Shop) -> None:
    _orders(shop, tests="[{type: range, column: amount, min: 0, on_fail: warn}]")
    shop.land("orders.csv", BAD)
    run = shop.run()
    assert run.ok
    assert run.checks == {"range_amount": (False, "WARN")}
    assert run.materialized == {"bronze/orders", "bronze/big"}
    assert shop.stored("out/orders.parquet").height == 3


def test_quarantine_parts_the_rows(shop: Shop) -> None:
    _orders(shop, tests="[{type: range, column: amount, min: 0, on_fail: quarantine}]")
    shop.land("orders.csv", BAD)
    run = shop.run()
    assert run.ok
    assert run.checks == {"range_amount": (False, "WARN")}
    assert run.materialized == {"bronze/orders", "bronze/orders__quarantine", "bronze/big"}
    assert rows(shop.stored("out/orders.parquet")) == [
        {"id": 1, "amount": 5.0},
        {"id": 3, "amount": 7.0},
    ]
    rejects = shop.stored("out/orders_error.parquet")
    assert rejects.select("id", "amount", "_failed_tests").to_dicts() == [
        {"id": 1, "amount": -3.0, "_failed_tests": "range_amount"}
    ]
    assert run.metadata("bronze/orders")["quarantined_rows"] == 1
    assert run.metadata("bronze/orders")["dagster/row_count"] == 2
    assert shop.leftovers() == []

    shop.land("orders.csv", GOOD)
    assert shop.run().ok
    assert shop.stored("out/orders_error.parquet").height == 0, "old rejects would stay"


def test_broken_rows_name_the_check_on_the_input_or_on_the_output(shop: Shop) -> None:
    rule = "[{type: range, column: amount, min: MIN, on_fail: quarantine}]"
    tests, contracts = rule.replace("MIN", "6"), rule.replace("MIN", "0")
    _orders(shop, tests=tests, contracts=contracts)
    shop.land("orders.csv", BAD)
    run = shop.run()
    assert set(run.checks) == {"input_range_amount", "range_amount"}
    rejects = shop.stored("out/orders_error.parquet").sort("amount")
    assert rejects["_failed_tests"].to_list() == ["input_range_amount", "range_amount"]
    assert rejects["_rejection_reason"].to_list() == [
        "Failed: input_range_amount",
        "Failed: range_amount",
    ]


def test_quarantine_over_its_threshold_publishes_nothing(shop: Shop) -> None:
    _orders(
        shop,
        tests="[{type: range, column: amount, min: 0, on_fail: quarantine, threshold: 0.2}]",
    )
    shop.land("orders.csv", BAD)
    run = shop.run()
    assert not run.ok
    assert run.checks == {"range_amount": (False, "ERROR")}
    assert not (shop.root / "lake" / "out" / "orders.parquet").exists()


def test_an_input_quarantine_runs_the_steps_on_the_valid_rows(shop: Shop) -> None:
    _orders(shop, contracts="[{type: range, column: amount, min: 0, on_fail: quarantine}]")
    shop.land("orders.csv", BAD)
    run = shop.run()
    assert run.ok
    assert run.checks == {"input_range_amount": (False, "WARN")}
    assert shop.stored("out/orders.parquet").height == 2
    assert shop.stored("out/orders_error.parquet").height == 1


def test_both_quarantines_share_one_table(shop: Shop) -> None:
    _orders(
        shop,
        contracts="[{type: range, column: amount, min: 0, on_fail: quarantine}]",
        tests="[{type: accepted_values, column: id, values: [1], on_fail: quarantine}]",
    )
    shop.land("orders.csv", BAD)
    run = shop.run()
    assert run.ok
    assert shop.stored("out/orders.parquet").to_dicts() == [{"id": 1, "amount": 5.0}]
    rejects = shop.stored("out/orders_error.parquet").sort("amount")
    assert rejects["amount"].to_list() == [-3.0, 7.0]


def test_a_failing_step_leaves_the_old_data(shop: Shop) -> None:
    shop.write(
        """
        pipelines:
          - pipeline: bronze
            nodes:
              - name: orders
                read: {connection: lake, format: csv, path: orders.csv}
                transformer: cast_columns
                params: {casts: {amount: double}}
                write: {connection: lake, format: parquet, path: out/orders.parquet}
        """
    )
    shop.land("orders.csv", GOOD)
    assert shop.run().ok
    shop.land("orders.csv", "id,amount\n1,x\n")
    run = shop.run()
    assert not run.ok
    assert "node bronze/orders" in run.failures[0]
    assert "'amount'" in run.failures[0]
    assert shop.stored("out/orders.parquet").height == 2
    assert shop.leftovers() == []


def test_without_its_checks_selected_a_contract_still_holds(shop: Shop) -> None:
    _orders(shop, tests="[{type: range, column: amount, min: 0}]")
    assert shop.run().ok
    shop.land("orders.csv", BAD)
    run = shop.run(keys("bronze/orders").without_checks())
    assert not run.ok
    assert run.checks == {}
    assert shop.stored("out/orders.parquet").height == 2


def test_a_node_without_its_quarantine_selected_logs_it(shop: Shop) -> None:
    _orders(shop, tests="[{type: range, column: amount, min: 0, on_fail: quarantine}]")
    shop.land("orders.csv", BAD)
    run = shop.run(keys("bronze/orders"))
    assert run.ok
    assert "bronze/orders__quarantine" in run.materialized
    assert shop.stored("out/orders_error.parquet").height == 1


def test_downstream_does_not_run_after_a_broken_contract(shop: Shop) -> None:
    _orders(shop, tests="[{type: range, column: amount, min: 0}]")
    shop.land("orders.csv", BAD)
    run = shop.run()
    steps = {e.step_key for e in run.result.all_events if e.is_step_start}
    assert len(steps) == 1
    assert not (shop.root / "lake" / "out" / "big.parquet").exists()


def test_an_empty_source_publishes_no_rows(shop: Shop) -> None:
    _orders(shop, tests="[{type: not_null, columns: [id]}]")
    shop.land("orders.csv", "id,amount\n")
    run = shop.run(keys("bronze/orders"))
    assert run.ok
    assert shop.stored("out/orders.parquet").columns == ["id", "amount"]
    assert run.metadata("bronze/orders")["dagster/row_count"] == 0


def test_five_broken_rows_are_shown(shop: Shop) -> None:
    _orders(shop, tests="[{type: range, column: amount, min: 0, on_fail: warn}]")
    shop.land("orders.csv", "id,amount\n" + "".join(f"{i},-1.0\n" for i in range(9)))
    metadata = shop.run().check_metadata("range_amount")
    assert metadata["failed_rows"] == 9
    assert metadata["total_rows"] == 9
    assert metadata["broken_rows"].count("-1.0") == 5
