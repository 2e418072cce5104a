"""`schema_policy`: columns that come and go, by what is declared and by what is stored."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from odibi_dagster.errors import ConfigError
from tests.assets.support import Run, Shop

if TYPE_CHECKING:
    from odibi_dagster.engines.base import Engine

PROJECT = """
engine: {engine}
pipelines:
  - pipeline: shop
    nodes:
      - name: orders
        read: {{connection: lake, format: json, path: orders.jsonl}}
        {columns}
        schema_policy: {policy}
        validation: {{tests: [{{type: schema, mode: evolve}}]}}
        write: {{connection: lake, format: {format}, path: orders, mode: {mode}{more}}}
"""
DECLARED = """columns:
          id: {type: bigint}
          größe: {type: double}"""
KEYS = ", options: {keys: [id]}"


def write(shop: Shop, policy: str, **words: str) -> None:
    words = {"engine": "polars", "format": "delta", "mode": "append", "columns": "", **words}
    shop.write(PROJECT.format(policy=policy, **{"more": "", **words}))


def run_with(shop: Shop, *rows: dict[str, Any]) -> Run:
    shop.land("orders.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    return shop.run()


def delta(shop: Shop) -> list[dict[str, Any]]:
    return pl.read_delta(str(shop.root / "lake/orders")).sort("id").to_dicts()


def versions(shop: Shop) -> int:
    return len(list((shop.root / "lake/orders/_delta_log").glob("*.json")))


def test_evolve_adds_a_column_in_one_commit(engine: Engine, shop: Shop) -> None:
    write(shop, "{mode: evolve}", engine=engine.name)
    assert run_with(shop, {"id": 1, "name": "a"}).ok

    run = run_with(shop, {"id": 2, "name": "b", "größe": 1.5}, {"id": 3, "name": None})

    assert run.ok, run.failures
    assert versions(shop) == 2
    assert delta(shop) == [
        {"id": 1, "name": "a", "größe": None},
        {"id": 2, "name": "b", "größe": 1.5},
        {"id": 3, "name": None, "größe": None},
    ]
    assert run.check_metadata("schema")["diff"] == "+ größe Float64"


def test_evolve_fills_what_is_missing_with_null(engine: Engine, shop: Shop) -> None:
    write(shop, "{mode: evolve}", engine=engine.name)
    assert run_with(shop, {"id": 1, "name": "a"}).ok
    assert run_with(shop, {"id": 2, "new": True}).ok
    assert delta(shop) == [
        {"id": 1, "name": "a", "new": None},
        {"id": 2, "name": None, "new": True},
    ]


def test_enforce_leaves_new_columns_out_and_fills_missing_ones(engine: Engine, shop: Shop) -> None:
    write(shop, "{mode: enforce}", engine=engine.name)
    assert run_with(shop, {"id": 1, "name": "a"}).ok
    assert run_with(shop, {"new": 5, "id": 2}).ok
    assert delta(shop) == [{"id": 1, "name": "a"}, {"id": 2, "name": None}]


@pytest.mark.parametrize("mode", ["append", "overwrite"])
def test_declared_columns_are_expected_from_the_first_run(
    engine: Engine, shop: Shop, mode: str
) -> None:
    write(shop, "{}", engine=engine.name, columns=DECLARED, mode=mode)
    assert run_with(shop, {"id": 1, "name": "a"}).ok
    frame = pl.read_delta(str(shop.root / "lake/orders"))
    assert frame.schema == {"id": pl.Int64, "größe": pl.Float64}
    assert frame.rows() == [(1, None)]


def test_rows_that_are_added_keep_stored_columns_that_nobody_declares(shop: Shop) -> None:
    write(shop, "{}")
    assert run_with(shop, {"id": 1, "größe": 0.5, "name": "a"}).ok
    write(shop, "{}", columns=DECLARED)
    assert run_with(shop, {"id": 2, "new": 1}, {"id": 3, "name": "c"}).ok
    assert delta(shop) == [
        {"id": 1, "größe": 0.5, "name": "a"},
        {"id": 2, "größe": None, "name": None},
        {"id": 3, "größe": None, "name": "c"},
    ]


@pytest.mark.parametrize(
    ("policy", "row", "said"),
    [
        ("{on_new_columns: fail}", {"id": 2, "name": "b", "new": 1}, "column 'new' is new"),
        ("{mode: evolve, on_missing_columns: fail}", {"id": 2}, "column 'name' is missing"),
    ],
)
def test_fail_keeps_the_old_table(shop: Shop, policy: str, row: dict[str, Any], said: str) -> None:
    write(shop, policy)
    assert run_with(shop, {"id": 1, "name": "a"}).ok

    run = run_with(shop, row)

    assert not run.ok
    assert f"node shop/orders: schema_policy: {said}; expected id, name" in run.failures[0]
    assert delta(shop) == [{"id": 1, "name": "a"}]
    assert versions(shop) == 1


def test_an_overwrite_keeps_the_columns_of_the_table(shop: Shop) -> None:
    write(shop, "{mode: evolve}", mode="overwrite", format="parquet")
    assert run_with(shop, {"id": 1, "name": "a"}).ok
    assert run_with(shop, {"new": 2, "id": 2}).ok
    assert shop.stored("orders").to_dicts() == [{"id": 2, "name": None, "new": 2}]


def test_an_upsert_grows_too(engine: Engine, shop: Shop) -> None:
    write(shop, "{mode: evolve}", engine=engine.name, mode="upsert", more=KEYS)
    assert run_with(shop, {"id": 1, "name": "a"}, {"id": 2, "name": "b"}).ok
    assert run_with(shop, {"id": 2, "name": "c", "new": 7}, {"id": 3, "name": "d"}).ok
    assert versions(shop) == 2
    assert delta(shop) == [
        {"id": 1, "name": "a", "new": None},
        {"id": 2, "name": "c", "new": 7},
        {"id": 3, "name": "d", "new": None},
    ]


def test_append_once_grows_too(shop: Shop) -> None:
    write(shop, "{mode: evolve}", mode="append_once", more=KEYS)
    assert run_with(shop, {"id": 1, "name": "a"}).ok
    assert run_with(shop, {"id": 1, "name": "z", "new": 1}, {"id": 2, "name": "b", "new": 2}).ok
    assert delta(shop) == [
        {"id": 1, "name": "a", "new": None},
        {"id": 2, "name": "b", "new": 2},
    ]


def test_a_partitioned_table_grows_too(engine: Engine, shop: Shop) -> None:
    write(shop, "{mode: evolve}", engine=engine.name, more=", partition_by: [day]")
    assert run_with(shop, {"id": 1, "day": "2024-01-01"}).ok
    assert run_with(shop, {"id": 2, "day": "2024-01-02", "new": "ß"}).ok
    assert run_with(shop, {"id": 3, "day": "2024-01-02"}).ok
    assert delta(shop) == [
        {"id": 1, "day": "2024-01-01", "new": None},
        {"id": 2, "day": "2024-01-02", "new": "ß"},
        {"id": 3, "day": "2024-01-02", "new": None},
    ]


def test_a_batch_without_rows_changes_nothing(shop: Shop) -> None:
    write(shop, "{mode: evolve}")
    shop.config.write_text(shop.config.read_text().replace("format: json", "format: csv"))
    shop.land("orders.jsonl", "id,name\n1,a\n")
    assert shop.run().ok
    shop.land("orders.jsonl", "id,name,new\n")
    assert shop.run().ok
    assert delta(shop) == [{"id": 1, "name": "a"}]
    assert versions(shop) == 1


def test_a_new_column_is_unique_among_the_rows_that_bring_it(engine: Engine, shop: Shop) -> None:
    write(shop, "{mode: evolve}", engine=engine.name)
    unique = "tests: [{type: unique, columns: [new], on_fail: quarantine}]"
    text = shop.config.read_text()
    shop.config.write_text(text.replace("tests: [{type: schema, mode: evolve}]", unique))
    assert not run_with(shop, {"id": 1}).ok  # the column is missing
    shop.config.write_text(text)
    assert run_with(shop, {"id": 1}).ok
    shop.config.write_text(text.replace("tests: [{type: schema, mode: evolve}]", unique))
    assert run_with(shop, {"id": 2, "new": 7}, {"id": 3, "new": 8}, {"id": 4, "new": 8}).ok
    assert run_with(shop, {"id": 5, "new": 7}, {"id": 6}).ok
    assert [row["id"] for row in delta(shop)] == [1, 2, 6]


def test_rejects_have_the_new_column_too(shop: Shop) -> None:
    write(shop, "{mode: evolve}")
    tests = "tests: [{type: not_null, columns: [name], on_fail: quarantine}]"
    text = shop.config.read_text().replace("tests: [{type: schema, mode: evolve}]", tests)
    shop.config.write_text(text)
    assert run_with(shop, {"id": 1, "name": "a"}, {"id": 2, "name": None}).ok
    run = run_with(shop, {"id": 3, "name": None, "new": 1}, {"id": 4, "name": "d", "new": 2})
    assert run.ok, run.failures
    assert [row["new"] for row in delta(shop)] == [None, 2]
    rejects = pl.read_delta(str(shop.root / "lake/orders_error")).sort("id")
    assert rejects["new"].to_list() == [None, 1]


@pytest.mark.parametrize("format", ["csv", "json", "parquet"])
def test_a_layout_that_cannot_grow_is_refused(shop: Shop, format: str) -> None:
    write(shop, "{mode: evolve}", format=format)
    with pytest.raises(ConfigError, match="cannot add columns to rows that are stored"):
        shop.assets()
    write(shop, "{mode: evolve, on_new_columns: ignore}", format=format)
    assert run_with(shop, {"id": 1, "name": "a"}).ok
    assert run_with(shop, {"id": 2, "new": "b"}).ok


def test_merge_schema_lets_a_table_grow(shop: Shop) -> None:
    write(shop, "null", more=", merge_schema: true")
    assert run_with(shop, {"id": 1}).ok
    assert run_with(shop, {"id": 2, "new": 1}).ok
    assert delta(shop) == [{"id": 1, "new": None}, {"id": 2, "new": 1}]


def test_a_view_needs_declared_columns(shop: Shop) -> None:
    write(shop, "{mode: enforce}")
    lines = shop.config.read_text().splitlines()
    kept = [line for line in lines if "write:" not in line and "validation" not in line]
    shop.config.write_text("\n".join(kept))
    with pytest.raises(ConfigError, match="schema_policy compares with columns"):
        shop.assets()
