"""What a run finds that another one left, or that somebody restored, removed or changed."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from odibi_dagster.assets.memory import Session
from odibi_dagster.assets.run import NodeRun
from odibi_dagster.assets.state_url import open_store
from odibi_dagster.errors import StateUnavailableError
from odibi_dagster.formats.base import formats
from odibi_dagster.state.store import Store
from tests.assets.support import Shop

NODE = """
pipelines:
  - pipeline: bronze
    nodes:
      - name: orders
        read:
          connection: lake
          format: parquet
          path: in
          incremental: {{mode: stateful, column: id}}
        validation:
          tests: [{{type: range, column: v, min: 0, on_fail: quarantine}}]
        write:
          connection: lake
          format: {format}
          path: orders
          mode: {mode}
          {options}
"""
READ: dict[str, Any] = {
    "parquet": pl.read_parquet,
    "delta": lambda path: pl.read_delta(str(path)),
    "csv": pl.read_csv,
}
REFRESH = {"odibi/full_refresh": "true"}


def write(shop: Shop, format: str = "delta", mode: str = "append") -> None:
    options = "options: {keys: [id]}" if mode in ("upsert", "append_once") else ""
    shop.write(NODE.format(format=format, mode=mode, options=options))


def land(shop: Shop, *ids: int | None, v: int = 1) -> None:
    folder = shop.root / "lake/in"
    folder.mkdir(parents=True, exist_ok=True)
    schema = {"id": pl.Int64, "v": pl.Int64}
    rows = pl.DataFrame({"id": ids, "v": [v] * len(ids)}, schema=schema)
    rows.write_parquet(folder / f"{len(list(folder.iterdir()))}.parquet")


def stored(shop: Shop, format: str = "delta", name: str = "orders") -> list[int | None]:
    ids: list[int | None] = READ[format](shop.root / "lake" / name)["id"].to_list()
    return sorted(ids, key=lambda value: (value is None, value))


def crash(shop: Shop, where: type, method: str, **options: Any) -> None:
    """One run that dies before it enters this method."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(where, method, lambda *_, **__: 1 / 0)
        assert not shop.run(**options).ok


def database(shop: Shop) -> Path:
    return shop.root / ".dagster_home/storage/odibi_state.db"


def copy_database(source: Path, copy: Path) -> None:
    """Whole, also while somebody has it open."""
    with sqlite3.connect(source) as old, sqlite3.connect(copy) as new:
        old.backup(new)
    old.close()
    new.close()


@pytest.mark.parametrize("format", ["delta", "parquet", "csv"])
def test_a_state_restored_to_a_pending_batch_is_not_taken_for_the_target(
    shop: Shop, format: str
) -> None:
    write(shop, format)
    land(shop, 1)
    assert shop.run().ok
    land(shop, 2)
    crash(shop, Session, "confirm")
    copy_database(database(shop), shop.root / "backup.db")
    for number in (3, 4):
        land(shop, number)
        assert shop.run().ok
    copy_database(shop.root / "backup.db", database(shop))
    run = shop.run()
    assert not run.ok
    assert "target is at batch 4, state at 1" in run.failures[0]
    assert "state repair" in run.failures[0]
    assert stored(shop, format) == [1, 2, 3, 4]


@pytest.mark.parametrize("format", ["delta", "parquet"])
def test_a_full_refresh_of_a_restored_state_is_none_that_the_target_holds(
    shop: Shop, format: str
) -> None:
    """Its number is one that a later batch has in the target by now."""
    write(shop, format)
    land(shop, 1)
    assert shop.run().ok
    crash(shop, NodeRun, "_publish", tags=REFRESH)
    copy_database(database(shop), shop.root / "backup.db")
    for number in (2, 3):
        land(shop, number)
        assert shop.run(tags=REFRESH).ok
    copy_database(shop.root / "backup.db", database(shop))
    for _ in range(2):
        assert shop.run().ok
        assert len(set(stored(shop, format))) == len(stored(shop, format))
    assert stored(shop, format) == [1, 2, 3]


def test_a_table_that_another_node_replaced_is_not_carried_on_with(shop: Shop) -> None:
    """It was renamed and refreshed, and has its old name and its old mark again."""
    write(shop)
    land(shop, 1)
    assert shop.run().ok
    text = (shop.root / "odibi.yaml").read_text()
    (shop.root / "odibi.yaml").write_text(text.replace("name: orders", "name: sales"))
    land(shop, 2)
    assert shop.run(tags=REFRESH).ok
    (shop.root / "odibi.yaml").write_text(text)
    run = shop.run()
    assert not run.ok
    assert "target is at batch 0, state at 1" in run.failures[0]
    assert stored(shop) == [1, 2]


def test_a_batch_that_was_announced_keeps_its_window_when_a_later_try_fails(shop: Shop) -> None:
    """Else a sleeping run could publish the old window under the number of a new one."""
    write(shop)
    land(shop, 1)
    assert shop.run().ok
    land(shop, 2)
    crash(shop, formats["delta"], "publish")
    land(shop, 3)
    crash(shop, NodeRun, "stage")
    run = shop.run()
    assert run.ok, run.failures
    assert run.metadata("bronze/orders")["mark_after"] == "2"
    assert stored(shop) == [1, 2]
    assert shop.run().ok
    assert stored(shop) == [1, 2, 3]


@pytest.mark.parametrize("format", ["delta", "parquet", "csv"])
def test_a_full_refresh_that_died_is_done_by_the_next_run(shop: Shop, format: str) -> None:
    write(shop, format)
    for ids in ((1,), (2,)):
        land(shop, *ids)
        assert shop.run().ok
    shutil.rmtree(shop.root / "lake/in")
    land(shop, 7)
    crash(shop, Session, "confirm", tags=REFRESH)
    assert stored(shop, format) == [7]
    land(shop, 8)
    run = shop.run()
    assert run.ok, run.failures
    assert shop.run().ok
    assert stored(shop, format) == [7, 8]


def test_a_full_refresh_replaces_what_a_dead_batch_left_in_the_quarantine(shop: Shop) -> None:
    write(shop)
    land(shop, 1, v=-1)
    land(shop, 2)
    assert shop.run().ok
    land(shop, 3, v=-1)
    crash(shop, NodeRun, "_outcome")  # the quarantine is published, and the target is
    land(shop, 4, v=-1)
    assert shop.run(tags=REFRESH).ok
    assert stored(shop) == [2]
    assert stored(shop, name="orders_error") == [1, 3, 4]


@pytest.mark.parametrize("mode", ["append", "append_once", "upsert"])
def test_a_mark_without_its_target_is_refused(shop: Shop, mode: str) -> None:
    write(shop, mode=mode)
    land(shop, 1)
    assert shop.run().ok
    shutil.rmtree(shop.root / "lake/orders")
    land(shop, 2)
    run = shop.run()
    assert not run.ok
    assert "orders is gone, and the state is at batch 1" in run.failures[0]
    assert shop.run(tags=REFRESH).ok
    assert stored(shop) == [1, 2]


@pytest.mark.parametrize("mode", ["append", "append_once", "upsert"])
def test_a_table_restored_to_an_older_version_is_refused(shop: Shop, mode: str) -> None:
    write(shop, mode=mode)
    for number in (1, 2, 3):
        land(shop, number)
        assert shop.run().ok
        if number == 1:
            shutil.copytree(shop.root / "lake/orders", shop.root / "backup")
    shutil.rmtree(shop.root / "lake/orders")
    shutil.move(shop.root / "backup", shop.root / "lake/orders")
    run = shop.run()
    assert not run.ok
    assert "target is at batch 1, state at 3" in run.failures[0]


def test_rows_without_a_cursor_are_loaded_once(shop: Shop) -> None:
    write(shop)
    land(shop, None, None)
    assert shop.run().ok
    assert stored(shop) == [None, None]
    land(shop, 1, None)
    run = shop.run()
    assert run.metadata("bronze/orders")["null_cursors"] == 3
    assert stored(shop) == [1, None, None]


def test_a_batch_waits_for_a_cursor_of_its_own_type(shop: Shop) -> None:
    write(shop)
    land(shop, 1)
    crash(shop, formats["delta"], "publish")
    text = pl.read_parquet(shop.root / "lake/in/0.parquet").with_columns(id=pl.lit("2024-01-01"))
    text.write_parquet(shop.root / "lake/in/0.parquet")
    run = shop.run()
    assert "the mark is 1 and 'id' is of another type" in run.failures[0]


def test_the_reason_of_a_failure_is_not_hidden_by_a_database_that_is_away(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(shop)
    land(shop, 1)

    def away(*_: Any, **__: Any) -> None:
        raise StateUnavailableError("away")

    monkeypatch.setattr(Store, "release", away)
    monkeypatch.setattr(NodeRun, "stage", lambda *_: 1 / 0)
    assert "division by zero" in shop.run().failures[0]


def test_a_heartbeat_goes_on_after_a_database_was_away(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lease is renewed again, and so is held when the run publishes."""
    write(shop)
    land(shop, 1)
    assert shop.run().ok
    import threading

    renewed = threading.Event()
    answers = iter([StateUnavailableError("away")])

    def renew(*_: Any) -> None:
        for answer in answers:
            raise answer
        renewed.set()

    monkeypatch.setattr(Store, "renew", renew)
    monkeypatch.setattr(
        open_store(f"sqlite:///{database(shop)}"), "lease_seconds", 0.03, raising=True
    )
    real = NodeRun.stage

    def stage(*arguments: Any) -> Any:
        assert renewed.wait(60)
        return real(*arguments)

    monkeypatch.setattr(NodeRun, "stage", stage)
    land(shop, 2)
    assert shop.run().ok
