"""Nodes that read from databases and write to them, run after run, through Dagster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from odibi_dagster.engines.base import Engine
from odibi_dagster.formats.database import publish, read
from tests.assets.databases import Database, write
from tests.assets.support import Shop

KEYED = [
    "append_once, options: {keys: [id]}",
    "upsert, options: {keys: [id]}",
    "merge, merge_keys: [id]",
]


def test_each_run_adds_what_is_new(db: Database, shop: Shop, engine: Engine) -> None:
    write(shop, db.connection, engine=engine.name)
    db.run("INSERT INTO source (id, v) VALUES (1, 5), (2, -1)")
    first = shop.run()
    assert first.ok, first.failures
    assert db.rows() == [(1, 5)]
    assert db.rows("orders_error") == [(2, -1)]
    db.run("INSERT INTO source (id, v) VALUES (3, 20), (4, -2)")
    second = shop.run()
    assert second.ok, second.failures
    assert db.rows() == db.rows("again") == [(1, 5), (3, 20)]
    assert db.rows("orders_error") == [(2, -1), (4, -2)]
    assert second.metadata("bronze/orders")["rows_written"] == 1


def test_only_new_rows_leave_the_database(
    db: Database, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    landed: list[int] = []
    batch = read._batch

    def counting(rows: Any, *rest: Any) -> Any:
        landed.append(len(rows))
        return batch(rows, *rest)

    monkeypatch.setattr(read, "_batch", counting)
    db.run("INSERT INTO source (id, v) VALUES (1, 1), (2, 2), (3, 3)")
    orders = "bronze/orders"
    assert shop.run(orders).ok
    assert landed == [3]
    db.run("INSERT INTO source (id, v) VALUES (4, 4), (NULL, 5)")
    run = shop.run(orders)
    assert run.ok, run.failures
    assert landed == [3, 2], "the new row, and the one without a cursor, which is counted"
    assert db.rows() == [(1, 1), (2, 2), (3, 3), (4, 4)]
    before = db.run("SELECT * FROM odibi_published ORDER BY 1")
    assert shop.run(orders).ok
    assert db.run("SELECT * FROM odibi_published ORDER BY 1") == before


@pytest.mark.parametrize(
    "how",
    [
        "stateful, column: at",
        "stateful, column: at, watermark_lag: 1h",
        "stateful, column: at, fallback_column: at",
        "rolling_window, column: at, lookback: 3, unit: year",
    ],
)
def test_times_as_cursors(db: Database, shop: Shop, how: str) -> None:
    write(shop, db.connection, how=how, mode="upsert, options: {keys: [id]}")
    db.run("INSERT INTO source VALUES (1, 1, '2026-01-01 12:00:00')")
    assert shop.run("bronze/orders").ok
    db.run("INSERT INTO source VALUES (2, 2, '2026-01-01 12:00:01')")
    run = shop.run("bronze/orders")
    assert run.ok, run.failures
    assert db.rows() == [(1, 1), (2, 2)]


@pytest.mark.parametrize("mode", ["append", *KEYED, "overwrite"])
@pytest.mark.parametrize("table", ["orders_error", "orders"])
def test_a_run_that_ends_after_a_table_was_published(
    db: Database, shop: Shop, table: str, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows are there and the run never said so: the next one asks the table.

    Without the target's rows, the quarantine's are half a batch: the same window is done again.
    """
    write(shop, db.connection, mode=mode)
    db.run("INSERT INTO source (id, v) VALUES (1, 1), (2, -2)")
    done = publish.publish

    def lost(staged: Any, location: Any) -> Any:
        told = done(staged, location)
        if location.name == table:
            raise KeyboardInterrupt
        return told

    with monkeypatch.context() as patch:
        patch.setattr(publish, "publish", lost)
        assert not shop.run("bronze/orders").ok
    db.run("INSERT INTO source (id, v) VALUES (3, 3)")
    for _ in range(2):
        assert shop.run("bronze/orders").ok
    latest = mode == "overwrite"
    assert db.rows() == ([(3, 3)] if latest else [(1, 1), (3, 3)])
    assert db.rows("orders_error") == ([] if latest else [(2, -2)])


def test_no_secret_is_in_what_a_run_says(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PW", "s3cr3t")
    write(shop, 'type: postgres, url: "postgresql://me:${PW}@127.0.0.1:1/shop"')
    run = shop.run("bronze/orders")
    assert not run.ok
    said = str(shop.instance.all_logs(run.result.run_id)) + str(run.failures)
    out, err = capfd.readouterr()
    assert "does not answer" in said
    assert "s3cr3t" not in said + out + err
