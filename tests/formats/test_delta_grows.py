"""Rows that bring new columns into a Delta table: one commit, exactly once."""

from __future__ import annotations

import os
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from odibi_dagster.connections.base import Location
from odibi_dagster.errors import SchemaContractError, WriteError
from odibi_dagster.formats import delta_commit
from tests.formats.support import POLARS, format_of, frame_of, numbered, rows_of, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from odibi_dagster.formats.base import Staged

DELTA = format_of("delta")
GROWS: dict[str, Any] = {"mergeSchema": True}


def staged(path: Path, data: dict[str, list[Any]], batch: str, mode: str = "append") -> Staged:
    keys = {"keys": ("id",)} if mode != "append" else {}
    return DELTA.stage(
        POLARS,
        frame_of(POLARS, data),
        Location(path),
        batch=numbered(batch),
        mode=mode,
        options=DELTA.write_options(**GROWS, **keys),
    )


def stored(path: Path) -> list[tuple[Any, ...]]:
    return sorted(rows_of(POLARS, DELTA.scan(POLARS, Location(path))))


@pytest.fixture
def table(tmp_path: Path) -> Path:
    write("delta", tmp_path / "t", frame_of(POLARS, {"id": [1]}), batch="b1", mode="append")
    return tmp_path / "t"


@pytest.mark.parametrize("mode", ["append", "upsert"])
def test_a_batch_that_is_in_is_adopted(table: Path, mode: str) -> None:
    first = staged(table, {"id": [2], "new": ["a"]}, "b2", mode)
    second = staged(table, {"id": [2], "new": ["a"]}, "b2", mode)

    assert not DELTA.publish(POLARS, first).adopted
    assert DELTA.published(Location(table), "tests") == 2
    assert DELTA.publish(POLARS, second).adopted

    assert stored(table) == [(1, None), (2, "a")]


def added(table: Path, work: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the work wrote and flushed, `data` or `log` or a folder, in that order."""
    before, flush, seen = set(table.rglob("*")), os.fsync, list[int]()

    def spy(handle: int) -> None:
        seen.append(os.fstat(handle).st_ino)
        flush(handle)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", spy)
        work()
    log = table / "_delta_log"
    kinds = {path.stat().st_ino: path.parent.name for path in set(table.rglob("*")) - before}
    assert set(kinds) <= set(seen), "all that is new"
    kinds |= {table.stat().st_ino: "its folder", log.stat().st_ino: "the log's folder"}
    names = {"_delta_log": "log", table.name: "data"}
    return [names.get(kinds[inode], kinds[inode]) for inode in seen if inode in kinds]


@pytest.mark.parametrize("how", ["append", "upsert", "withdraw"])
def test_data_is_flushed_before_the_log_that_names_it(
    table: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut would else leave a log that names a file which never came to the disk."""
    if how == "withdraw":
        write("delta", table, frame_of(POLARS, {"k": ["a", "b"]}), batch="b2")
        order = added(table, lambda: DELTA.withdraw(Location(table), "k", "a"), monkeypatch)
    else:
        batch = staged(table, {"id": [2], "new": ["a"]}, "b2", how)
        order = added(table, lambda: DELTA.publish(POLARS, batch), monkeypatch)
    assert order == ["data", "its folder", "log", "the log's folder"]


@pytest.mark.parametrize("mode", ["append", "upsert"])
def test_what_others_commit_meanwhile_is_not_overlooked(table: Path, mode: str) -> None:
    mine = staged(table, {"id": [2], "new": ["a"]}, "b2", mode)
    write("delta", table, frame_of(POLARS, {"id": [3]}), mode="append")

    with pytest.raises(WriteError, match="changed by another writer"):
        DELTA.publish(POLARS, mine)

    assert stored(table) == [(1,), (3,)]


def test_a_column_of_naive_times_may_be_the_first_of_its_kind(table: Path) -> None:
    moment = datetime(2024, 1, 2, 3, 4, 5, 678)
    DELTA.publish(POLARS, staged(table, {"id": [2], "at": [moment]}, "b2"))
    assert stored(table) == [(1, None), (2, moment)]


def test_another_type_is_refused_all_the_same(table: Path) -> None:
    with pytest.raises(SchemaContractError, match="column 'id' is String and stored as Int64"):
        staged(table, {"id": ["x"], "new": [1]}, "b2")


def test_without_the_option_a_table_does_not_grow(table: Path) -> None:
    with pytest.raises(SchemaContractError, match="column 'new' is new"):
        write("delta", table, frame_of(POLARS, {"id": [2], "new": [1]}), mode="append")


@pytest.mark.parametrize("mode", ["append", "upsert"])
def test_the_files_it_wrote_are_flushed(
    table: Path, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, flushed = set(table.rglob("*.parquet")), set()
    monkeypatch.setattr(delta_commit, "sync", flushed.add)

    DELTA.publish(POLARS, staged(table, {"id": [2], "new": ["a"]}, "b2", mode))

    fresh = set(table.rglob("*.parquet")) - before
    assert fresh
    assert fresh <= flushed
