"""What data and state must not do: one typed error each, and what was published stays as it was."""

from __future__ import annotations

import shutil
import sqlite3
from datetime import datetime, timedelta
from typing import Any

import polars as pl
import pytest

from odibi_dagster.assets.state_url import open_store
from odibi_dagster.formats.delta import Delta
from odibi_dagster.state.identity import Identity
from odibi_dagster.state.store import Store
from tests.assets.support import Run, Shop

NODE = """
engine: polars
pipelines:
  - pipeline: bronze
    nodes:
      - name: orders
        read:
          connection: lake
          format: parquet
          path: in
          incremental: {{mode: stateful, column: at{more}}}
        write: {{connection: lake, format: {format}, path: orders, mode: {mode}}}
"""
ME = Identity("shop", "bronze", "orders")
DAY = datetime(2026, 1, 1)


def write(shop: Shop, format: str = "delta", mode: str = "append", more: str = "") -> None:
    shop.write(NODE.format(format=format, mode=mode, more=more))


def land(shop: Shop, at: Any, **columns: Any) -> None:
    folder = shop.root / "lake/in"
    folder.mkdir(parents=True, exist_ok=True)
    rows = pl.DataFrame({"id": range(len(at)), "at": at, **columns})
    rows.write_parquet(folder / f"{len(list(folder.iterdir()))}.parquet")


def mark(shop: Shop) -> Any:
    store = Store(f"sqlite:///{shop.root / '.dagster_home/storage/odibi_state.db'}")
    lease = store.acquire(ME, "test", wait=0)
    store.release(lease)
    return lease.remembered.mark


def table(shop: Shop) -> tuple[int, list[Any]]:
    from deltalake import DeltaTable

    path = str(shop.root / "lake/orders")
    return DeltaTable(path).version(), sorted(pl.read_delta(path).rows())


def refused(run: Run, kind: str, *words: str) -> None:
    """One typed error, which Dagster does not try again."""
    assert not run.ok
    (said,) = run.failures
    for word in words:
        assert word in said, said
    (failure,) = [e.step_failure_data for e in run.result.all_events if e.is_step_failure]
    assert kind in str(failure.error.to_string())
    assert not run.retried


@pytest.mark.parametrize(
    ("good", "bad", "words"),
    [
        pytest.param(
            [1.0], [2.0, float("nan")], "cursor 'at' is not finite in 1 rows", id="D04 nan"
        ),
        pytest.param([1.0], [float("inf")], "cursor 'at' is not finite in 1 rows", id="D04 inf"),
        pytest.param([DAY], [datetime(9999, 1, 1)], "is beyond now + 1 day", id="D05 poison"),
        pytest.param(
            ["2026-01-01 12:00:00"],
            ["2026-01-02 12:00:00", "2026-01-02T12:00:00Z"],
            "1 values name a zone and 2 do not",
            id="D07 mixed zones",
        ),
    ],
)
def test_a_cursor_that_is_none_moves_no_mark(
    shop: Shop, good: list[Any], bad: list[Any], words: str
) -> None:
    write(shop)
    land(shop, good)
    assert shop.run().ok
    before = mark(shop), table(shop)
    land(shop, bad)
    refused(shop.run(), "CursorError", words)
    assert (mark(shop), table(shop)) == before
    assert shop.leftovers() == []


def test_a_naive_cursor_is_read_as_utc(shop: Shop) -> None:
    """D07: a mark of one kind is compared with rows of the other."""
    write(shop, mode="overwrite")
    land(shop, [DAY])
    assert shop.run().ok
    shutil.rmtree(shop.root / "lake/in")
    zoned = pl.Series([DAY, DAY + timedelta(hours=1)]).dt.replace_time_zone("UTC")
    land(shop, zoned)
    assert shop.run().ok
    assert [row[0] for row in table(shop)[1]] == [1]


@pytest.mark.parametrize("mode", ["append_once", "upsert"])
def test_ties_at_the_mark_are_taken_once_within_the_lag(shop: Shop, mode: str) -> None:
    """D08."""
    write(shop, mode=f"{mode}, options: {{keys: [key]}}", more=", watermark_lag: 1h")
    land(shop, [DAY, DAY], key=["a", "b"])
    assert shop.run().ok
    land(shop, [DAY], key=["c"])
    for _ in range(2):
        assert shop.run().ok
    assert sorted(row[2] for row in table(shop)[1]) == ["a", "b", "c"]


def test_ties_at_the_mark_of_an_append_are_told_at_load(shop: Shop) -> None:
    """D08: a lag and no keys."""
    from odibi_dagster.config.load import load_project

    write(shop, more=", watermark_lag: 1h")
    (warning,) = load_project(shop.config).warnings
    assert "reads rows again, and mode append adds them again" in str(warning)


def test_a_staged_file_of_another_schema_is_not_published(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """D11: Delta itself would take the file, and readers find nulls."""
    write(shop)
    land(shop, [DAY], v=[1])
    assert shop.run().ok
    before = mark(shop), table(shop)
    vet = Delta.vet

    def spoil(self: Delta, engine: Any, staged: Any) -> None:
        vet(self, engine, staged)
        for file in staged.files:
            pl.DataFrame({"id": [1], "other": ["x"]}).write_parquet(file)

    monkeypatch.setattr(Delta, "vet", spoil)
    land(shop, [DAY + timedelta(days=1)], v=[2])
    refused(shop.run(), "SchemaContractError", "staged file", "differs")
    assert (mark(shop), table(shop)) == before


@pytest.mark.parametrize("mode", ["append", "overwrite", "upsert, options: {keys: [id]}"])
def test_a_row_that_breaks_a_constraint_of_the_table(shop: Shop, mode: str) -> None:
    """D13: a commit by itself would not look at it."""
    from deltalake import DeltaTable

    write(shop, mode=mode)
    land(shop, [DAY], v=[1])
    assert shop.run().ok
    DeltaTable(str(shop.root / "lake/orders")).alter.add_constraint({"pos": "v > 0"})
    land(shop, [DAY + timedelta(days=1)], v=[3])
    kept = shop.run()
    assert kept.ok, kept.failures
    before = mark(shop), table(shop)
    land(shop, [DAY + timedelta(days=2), DAY + timedelta(days=2)], v=[-4_711, 5])
    refused(shop.run(), "SchemaContractError", "constraint 'pos' (v > 0)", "1 row")
    assert "4711" not in str(shop.run().failures)
    assert (mark(shop), table(shop)) == before


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (pl.Series([1], dtype=pl.Int128), "type Int128 cannot be written to Delta"),
        (pl.Series([None], dtype=pl.Null), "type Null cannot be written to Delta"),
        (pl.Series([datetime(2026, 1, 1).time()]), "type Time cannot be written to Delta"),
    ],
)
def test_types_that_delta_does_not_have(shop: Shop, column: pl.Series, words: str) -> None:
    """D17."""
    write(shop)
    folder = shop.root / "lake/in"
    folder.mkdir(parents=True)
    frame = pl.DataFrame({"at": [DAY], "x": column})
    frame.write_parquet(folder / "0.parquet")
    refused(shop.run(), "SchemaContractError", words)
    assert not (shop.root / "lake/orders").exists()


@pytest.mark.parametrize("mode", ["append", "upsert, options: {keys: [id]}"])
@pytest.mark.parametrize("restored", ["target", "state"])
def test_target_and_state_that_contradict_each_other(shop: Shop, mode: str, restored: str) -> None:
    """T02, T03."""
    write(shop, mode=mode)
    file, target = shop.root / ".dagster_home/storage/odibi_state.db", shop.root / "lake/orders"
    for number in range(3):
        land(shop, [DAY + timedelta(days=number)])
        assert shop.run().ok
        if number == 0 and restored == "target":
            shutil.copytree(target, shop.root / "old")
        elif number == 0:
            _copy(file, shop.root / "old.db")
    if restored == "target":
        shutil.rmtree(target)
        shutil.copytree(shop.root / "old", target)
    else:
        _copy(shop.root / "old.db", file)
    before = table(shop)
    said = ("1", "3") if restored == "target" else ("3", "1")
    words = f"target is at batch {said[0]}, state at {said[1]}"
    refused(shop.run(), "StateMismatchError", words, "state repair CONFIG bronze/orders")
    assert table(shop) == before


def _copy(source: Any, copy: Any) -> None:
    with sqlite3.connect(source) as old, sqlite3.connect(copy) as new:
        old.backup(new)
    old.close()
    new.close()


@pytest.mark.parametrize("damage", ["text", "folder"])
def test_a_state_that_cannot_be_used_leaves_the_target(
    shop: Shop, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T05."""
    write(shop)
    land(shop, [DAY])
    assert shop.run().ok
    before = table(shop)
    place = shop.root / "bad.db"
    if damage == "text":
        place.write_text("these are notes, and quite a few of them\n" * 400)
    else:
        place.mkdir()
    monkeypatch.setenv("ODIBI_STATE_URL", f"sqlite:///{place}")
    run = shop.run()
    assert not run.ok
    assert "state database" in run.failures[0]
    assert table(shop) == before


def test_a_node_that_is_held_says_by_whom(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """T06."""
    write(shop)
    land(shop, [DAY])
    assert shop.run().ok
    before = table(shop)
    store = open_store(f"sqlite:///{shop.root / '.dagster_home/storage/odibi_state.db'}")
    lease = store.acquire(ME, "run-of-another-pod")
    acquire = Store.acquire
    monkeypatch.setattr(Store, "acquire", lambda *words: acquire(*words, wait=0))
    land(shop, [DAY + timedelta(days=1)])
    run = shop.run()
    assert "is being materialized by run run-of-another-pod (lease for" in run.failures[0]
    assert table(shop) == before
    store.release(lease)
    assert shop.run().ok
