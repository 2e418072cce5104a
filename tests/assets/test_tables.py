"""Contracts that look at other tables, through Dagster: the order, the verdict, the quarantine."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import dagster as dg
import polars as pl
import pytest

from odibi_dagster.assets.events import DagsterFace
from odibi_dagster.errors import ConfigError, WriteError
from odibi_dagster.formats.database import read
from tests.assets.support import Run, Shop, keys

if TYPE_CHECKING:
    from odibi_dagster.engines.base import Engine

READ: dict[str, Any] = {
    "parquet": pl.read_parquet,
    "delta": lambda path: pl.read_delta(str(path)),
    "csv": pl.read_csv,
    "json": pl.read_ndjson,
}

ORDERS = """
engine: {engine}
pipelines:
  - pipeline: shop
    nodes:
      - name: orders
        read: {{connection: lake, format: csv, path: orders.csv}}
        validation:
          tests:
            - {{type: foreign_key, columns: [customer], {references}, on_fail: {on_fail}}}
        write: {{connection: lake, format: parquet, path: out/orders.parquet}}
      - name: customers
        read: {{connection: lake, format: csv, path: customers.csv}}
        write: {{connection: lake, format: parquet, path: out/customers.parquet}}
"""
NODE = "references: $shop.customers, referenced_columns: [id]"


def orders(
    shop: Shop, references: str = NODE, on_fail: str = "quarantine", engine: str = "polars"
) -> None:
    shop.write(ORDERS.format(references=references, on_fail=on_fail, engine=engine))
    shop.land("orders.csv", "id,customer\n1,7\n2,8\n3,\n4,9\n")
    shop.land("customers.csv", "id,name\n7,Ann\n7,Ann again\n9,Zoë\n")


def test_the_referenced_node_runs_first_and_strangers_are_set_aside(
    engine: Engine, shop: Shop
) -> None:
    orders(shop, engine=engine.name)

    run = shop.run()

    assert run.ok
    assert run.checks == {"foreign_key_customer": (False, "WARN")}
    assert shop.stored("out/orders.parquet")["id"].sort().to_list() == [1, 3, 4]
    rejects = shop.stored("out/orders_error.parquet")
    assert rejects.select("id", "customer", "_failed_tests").rows() == [
        (2, 8, "foreign_key_customer")
    ]
    assert "2" in run.check_metadata("foreign_key_customer")["broken_rows"]


def test_it_is_a_dependency_of_the_asset(shop: Shop) -> None:
    orders(shop)
    graph = dg.Definitions(assets=shop.assets()).resolve_asset_graph()

    assert graph.get(dg.AssetKey(["shop", "orders"])).parent_keys == {
        dg.AssetKey(["shop", "customers"])
    }


@pytest.mark.parametrize(
    "references",
    [
        "references: {connection: lake, format: parquet, path: out/customers.parquet}",
        "references: {connection: lake, format: csv, path: customers.csv}",
    ],
    ids=["the place of a node", "a file of nobody"],
)
def test_a_place_is_a_reference_too(shop: Shop, references: str) -> None:
    orders(shop, f"{references}, referenced_columns: [id]", on_fail="fail")

    run = shop.run()

    assert run.checks == {"foreign_key_customer": (False, "ERROR")}
    assert not (shop.root / "lake/out/orders.parquet").exists()
    assert "1 of 4 rows broken" in run.failures[0]


def test_a_python_asset_is_a_reference_too(shop: Shop) -> None:
    @dg.asset
    def known() -> pl.DataFrame:
        return pl.DataFrame({"id": [7, 8]})

    orders(shop, "references: {asset: known}, referenced_columns: [id]", on_fail="warn")
    shop.extra.append(known)

    run = shop.run()

    assert run.ok
    assert run.check_metadata("foreign_key_customer")["failed_rows"] == 1


def test_a_table_that_is_not_there_stops_the_node(shop: Shop) -> None:
    orders(shop)

    run = shop.run(keys("shop/orders"))

    assert run.checks == {"foreign_key_customer": (False, "ERROR")}
    assert "node shop/customers is not stored yet" in run.failures[0]
    assert "materialize it first" in run.failures[0]


def test_a_gate_counts_rows_that_break_any_rule_about_other_tables(shop: Shop) -> None:
    orders(shop, on_fail="warn")
    twice = "$shop.customers, referenced_columns: [id]"
    gate = f"""
            - {{type: foreign_key, name: again, column: customer, references: {twice},
                on_fail: warn}}
            - {{type: unique, columns: [id], on_fail: warn}}
          gate: {{require_pass_rate: 0.8, on_fail: write_valid_only}}
        write"""
    text = shop.config.read_text().replace("\n        write", gate, 1)
    shop.config.write_text(text)

    run = shop.run()

    assert run.ok, run.failures
    assert run.check_metadata("gate")["failed_rows"] == 1
    assert shop.stored("out/orders.parquet")["id"].sort().to_list() == [1, 3, 4]
    (names,) = shop.stored("out/orders_error.parquet")["_failed_tests"]
    assert names == "foreign_key_customer,again"


CYCLE = """
pipelines:
  - pipeline: shop
    nodes:
      - name: orders
        depends_on: [customers]
        validation:
          tests:
            - {type: foreign_key, columns: [id], references: $shop.totals}
        write: {connection: lake, format: parquet, path: orders.parquet}
      - name: customers
        read: {connection: lake, format: csv, path: customers.csv}
        write: {connection: lake, format: parquet, path: customers.parquet}
      - name: totals
        depends_on: [orders]
        write: {connection: lake, format: parquet, path: totals.parquet}
"""


def test_a_cycle_through_a_contract_is_reported(shop: Shop) -> None:
    shop.write(CYCLE)

    with pytest.raises(ConfigError) as caught:
        shop.assets()

    (problem,) = caught.value.problems
    assert problem.message == "nodes wait for each other: orders -> totals -> orders"
    assert problem.line == 12


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("$shop.customer", r"unknown node '\$shop.customer'; did you mean"),
        ("{node: $shop.customers}", r"name the node itself: references: \$pipeline.node"),
        ("{connection: lke, format: csv, path: a.csv}", "unknown connection 'lke'; did you mean"),
        ("{conection: lake, format: csv, path: a.csv}", "unknown key 'conection'; did you mean"),
        (
            "{connection: lake, format: csv, path: a, incremental: {mode: stateful, column: a}}",
            "a referenced table is read whole; leave incremental out",
        ),
    ],
)
def test_a_reference_that_is_wrong_is_reported_where_it_stands(
    shop: Shop, written: str, said: str
) -> None:
    orders(shop, f"references: {written}")

    with pytest.raises(ConfigError, match=said) as caught:
        shop.assets()
    assert {problem.line for problem in caught.value.problems} == {13}


PARENTS = """
pipelines:
  - pipeline: shop
    nodes:
      - name: parts
        read: {{connection: lake, format: csv, path: parts.csv}}
        {where}:
          - {{type: foreign_key, columns: [parent], references: $shop.parts,
              referenced_columns: [id], on_fail: quarantine}}
        write: {{connection: lake, format: delta, path: parts, mode: {mode}}}
"""
TESTS = "validation:\n          tests"


def parts(shop: Shop) -> list[tuple[int, int | None]]:
    return sorted(pl.read_delta(str(shop.root / "lake/parts")).rows())


def test_a_table_may_refer_to_itself(shop: Shop) -> None:
    shop.write(PARENTS.format(where=TESTS, mode="append"))
    shop.land("parts.csv", "id,parent\n1,\n2,1\n3,9\n")
    assert shop.run().ok
    assert parts(shop) == [(1, None), (2, 1)]

    shop.land("parts.csv", "id,parent\n4,2\n5,4\n6,3\n")
    assert shop.run().ok
    assert parts(shop) == [(1, None), (2, 1), (4, 2), (5, 4)]


def test_a_table_that_is_replaced_refers_to_the_new_rows_alone(shop: Shop) -> None:
    shop.write(PARENTS.format(where=TESTS, mode="overwrite"))
    shop.land("parts.csv", "id,parent\n1,\n2,1\n")
    assert shop.run().ok
    shop.land("parts.csv", "id,parent\n3,1\n4,3\n5,\n6,5\n")
    assert shop.run().ok
    assert parts(shop) == [(5, None), (6, 5)]


def test_an_input_has_no_table_of_its_own(shop: Shop) -> None:
    shop.write(PARENTS.format(where="contracts", mode="append"))

    with pytest.raises(ConfigError, match="write this under tests"):
        shop.assets()


GROWING = """
engine: {engine}
pipelines:
  - pipeline: shop
    nodes:
      - name: orders
        read: {{connection: lake, format: csv, path: orders.csv}}
        validation:
          tests:
            - {{type: unique, columns: [{columns}], on_fail: {on_fail}{scope}}}
        write:
          connection: lake
          format: {format}
          path: orders
          mode: {mode}
          {options}
"""


def growing(shop: Shop, **words: str) -> None:
    words = {"columns": "id", "on_fail": "quarantine", "scope": "", "options": "", **words}
    words = {"engine": "polars", "mode": "append", "format": "delta", **words}
    shop.write(GROWING.format(**words))


def run_with(shop: Shop, rows: str, **options: Any) -> Any:
    shop.land("orders.csv", "id,code\n" + rows)
    return shop.run(**options)


def held(shop: Shop, format: str = "delta") -> list[tuple[int | None, str]]:
    frame = READ[format](shop.root / "lake/orders")
    return sorted(frame.rows(), key=lambda row: (row[0] or 0, row[1]))


@pytest.mark.parametrize("format", READ)
def test_a_batch_is_unique_against_the_table(engine: Engine, shop: Shop, format: str) -> None:
    growing(shop, format=format, engine=engine.name)
    assert run_with(shop, "1,a\n2,b\n").checks == {"unique_id": (True, "WARN")}

    run = run_with(shop, "2,c\n3,d\n4,e\n4,f\n,g\n")

    assert run.ok
    assert run.check_metadata("unique_id")["failed_rows"] == 3
    assert run.check_metadata("unique_id")["met_stored_rows"] == 1
    assert held(shop, format) == [(None, "g"), (1, "a"), (2, "b"), (3, "d")]
    rejects = READ[format](shop.root / "lake/orders_error")
    assert sorted(rejects.select("id", "code").rows()) == [(2, "c"), (4, "e"), (4, "f")]


def test_the_scope_may_be_the_batch(shop: Shop) -> None:
    growing(shop, scope=", scope: batch")
    assert run_with(shop, "1,a\n").ok
    assert run_with(shop, "1,b\n").checks == {"unique_id": (True, "WARN")}


def test_a_row_that_an_upsert_replaces_is_no_duplicate(engine: Engine, shop: Shop) -> None:
    options = "options: {keys: [id]}"
    growing(
        shop, mode="upsert", columns="code", options=options, on_fail="fail", engine=engine.name
    )
    assert run_with(shop, "1,a\n2,b\n3,c\n").ok

    assert run_with(shop, "1,b\n2,a\n").ok
    assert held(shop) == [(1, "b"), (2, "a"), (3, "c")]

    run = run_with(shop, "1,c\n")
    assert run.checks == {"unique_code": (False, "ERROR")}
    assert held(shop) == [(1, "b"), (2, "a"), (3, "c")]


def test_the_keys_of_an_upsert_meet_no_stored_row(shop: Shop) -> None:
    growing(shop, mode="upsert", options="options: {keys: [id]}", on_fail="fail")
    assert run_with(shop, "1,a\n2,b\n").ok
    assert run_with(shop, "2,c\n3,d\n").checks == {"unique_id": (True, "ERROR")}


def test_append_once_is_judged_on_what_it_adds(shop: Shop) -> None:
    growing(shop, mode="append_once", columns="code", options="options: {keys: [id]}")
    assert run_with(shop, "1,a\n2,b\n").ok

    run = run_with(shop, "1,a\n3,b\n4,d\n")

    assert run.check_metadata("unique_code")["failed_rows"] == 1
    assert held(shop) == [(1, "a"), (2, "b"), (4, "d")]


def test_an_overwrite_is_unique_in_itself(shop: Shop) -> None:
    growing(shop, mode="overwrite", on_fail="fail")
    assert run_with(shop, "1,a\n2,b\n").ok
    assert run_with(shop, "1,b\n").ok
    assert held(shop) == [(1, "b")]


@pytest.mark.parametrize("format", READ)
def test_a_batch_that_was_published_does_not_meet_itself(
    shop: Shop, format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The event got lost after publishing: Dagster runs the step again."""
    growing(shop, format=format, on_fail="fail")
    assert run_with(shop, "1,a\n").ok
    shop.land("orders.csv", "id,code\n2,b\n")
    published, lost = DagsterFace.published, iter([True])

    def losing(self: DagsterFace, outcome: Any) -> Any:
        if next(lost, False):
            raise WriteError("the connection to the database was lost")
        yield from published(self, outcome)

    monkeypatch.setattr(DagsterFace, "published", losing)
    retries = dg.RetryPolicy(max_retries=1)
    jobs = [dg.define_asset_job("again", selection="*", op_retry_policy=retries)]
    job = dg.Definitions(assets=shop.assets(), jobs=jobs).resolve_job_def("again")

    run = Run(job.execute_in_process(instance=shop.instance, raise_on_error=False))

    assert run.ok, run.failures
    assert run.retried
    assert run.checks == {"unique_id": (True, "ERROR")}
    assert held(shop, format) == [(1, "a"), (2, "b")]


DATABASE = """
project: shop
connections:
  lake: {{type: local, base_path: ./lake}}
  db: {{type: sqlite, path: lake/shop.db}}
pipelines:
  - pipeline: shop
    nodes:
      - name: orders
        read: {{connection: lake, format: csv, path: orders.csv}}
        validation:
          tests: [{{type: unique, columns: [{columns}], on_fail: quarantine}}]
        write: {{connection: db, format: sql, table: orders, mode: {mode}{more}}}
"""


def in_database(shop: Shop, table: str = "orders") -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(shop.root / "lake/shop.db")) as connection:
        rows = connection.execute(f"SELECT id, code FROM {table} ORDER BY id").fetchall()
    return [tuple(row) for row in rows]


@pytest.mark.parametrize(
    ("mode", "more", "column", "kept"),
    [
        ("append", "", "id", [(1, "a"), (2, "b"), (3, "d")]),
        ("upsert", ", options: {keys: [id]}", "code", [(1, "a"), (2, "c"), (3, "d")]),
    ],
)
def test_a_table_of_a_database_is_asked_for_its_keys_alone(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, mode: str, more: str, column: str, kept: Any
) -> None:
    shop.config.write_text(DATABASE.format(mode=mode, more=more, columns=column))
    assert run_with(shop, "1,a\n2,b\n").ok
    asked, land = [], read.land

    def landing(*args: Any, columns: Any = None, **more: Any) -> Any:
        asked.append(columns)
        return land(*args, columns=columns, **more)

    monkeypatch.setattr(read, "land", landing)

    run = run_with(shop, "2,c\n3,d\n")

    assert run.ok, run.failures
    assert in_database(shop) == kept
    assert asked == [["id"] if mode == "append" else ["code", "id"]]
