"""Delta: one commit, true statistics, and readers that stay on their version."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import polars as pl
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from odibi_dagster.connections.base import Location
from odibi_dagster.engines.base import Engine
from odibi_dagster.errors import ConfigError, DataReadError, SchemaContractError, WriteError
from tests.formats.support import (
    POLARS,
    format_of,
    frame_of,
    hidden,
    numbered,
    read,
    rows_of,
    write,
)

ROWS = {"id": [1, 2, 3], "k": ["x", None, "é/ä=% :"], "ok": [True, None, False]}
EXPECTED = sorted(zip(*ROWS.values(), strict=True))
WIDE = pl.DataFrame(
    {
        "v": [1, 2],
        "i8": pl.Series([1, None], dtype=pl.Int8),
        "f": [1.5, float("nan")],
        "f32": pl.Series([1.5, None], dtype=pl.Float32),
        "s": ["x" * 100, None],
        "b": [True, None],
        "bin": [b"\x00\xff", None],
        "d": [date(2024, 1, 31), None],
        "t": [datetime(2024, 1, 1, 1, 2, 3, 456789), None],
        "z": [datetime(2024, 1, 1, 1, 2, 3, 456789, tzinfo=UTC), None],
        "de": pl.Series([Decimal("1.50"), None], dtype=pl.Decimal(12, 2)),
        "l": [[1, None], []],
        "st": [{"a": 1, "b": [{"c": "x"}]}, None],
    }
)


def log_of(path: Path, version: int) -> list[dict[str, Any]]:
    lines = (path / "_delta_log" / f"{version:020}.json").read_text().splitlines()
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize("partition_by", [(), ("k",), ("k", "ok")])
def test_what_is_published_is_read_again(
    engine: Engine, tmp_path: Path, partition_by: tuple[str, ...]
) -> None:
    path = tmp_path / "a=b" / "é [1] x"
    for version in range(3):
        published = write(
            "delta", path, frame_of(engine, ROWS), engine=engine, partition_by=partition_by
        )
        assert (published.rows, published.metadata) == (3, {"version": version})
        frame = read("delta", path, engine=engine).select("id", "k", "ok")
        assert sorted(rows_of(engine, frame)) == EXPECTED
        assert hidden(path.parent) == []
    assert DeltaTable(str(path)).count() == 3
    write("delta", path, frame_of(engine, ROWS).head(0), engine=engine, partition_by=partition_by)
    assert rows_of(engine, read("delta", path, engine=engine)) == []
    assert read("delta", path, engine=engine).collect_schema().names() == ["id", "k", "ok"]


def test_all_that_a_commit_writes_is_brought_to_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, synced = tmp_path / "t", set[int]()
    flush = os.fsync

    def spy(handle: int) -> None:
        synced.add(os.fstat(handle).st_ino)
        flush(handle)

    monkeypatch.setattr(os, "fsync", spy)
    log = table / "_delta_log"
    for version in range(11):
        before = {path: path.stat().st_mtime_ns for path in log.glob("*")}
        published = write("delta", table, frame_of(POLARS, ROWS), batch=f"b{version + 1}")
        assert published.metadata["version"] == version
        new = {path for path in log.iterdir() if before.get(path) != path.stat().st_mtime_ns}
        assert {path.stat().st_ino for path in [*new, log]} <= synced
        synced.clear()
    # a checkpoint, so that a reader need not read every commit
    assert (log / "_last_checkpoint").exists()


def test_all_types_come_back(tmp_path: Path) -> None:
    delta = format_of("delta")
    staged = delta.stage(POLARS, POLARS.wrap(WIDE), Location(tmp_path / "t"), batch=numbered("b"))
    assert delta.scan_staged(POLARS, staged).collect().to_native().equals(WIDE)
    delta.publish(POLARS, staged)
    assert pl.read_delta(str(tmp_path / "t")).equals(WIDE)
    assert read("delta", tmp_path / "t").collect().to_native().equals(WIDE)


@pytest.mark.parametrize("column", ["i8", "s", "b", "d", "t", "z", "de", "f32"])
def test_any_flat_column_partitions(tmp_path: Path, column: str) -> None:
    frame = WIDE.select("v", column)
    write("delta", tmp_path / "t", POLARS.wrap(frame), partition_by=(column,))
    for found in (pl.read_delta(str(tmp_path / "t")), read("delta", tmp_path / "t").collect()):
        assert (
            pl.DataFrame(found.to_dict(as_series=False), schema=frame.schema)
            .sort("v")
            .equals(frame)
        )


def test_statistics_are_those_of_another_writer(tmp_path: Path) -> None:
    frame = WIDE.drop("f", "l", "st", "b", "bin", "de", "f32")
    write("delta", tmp_path / "ours", POLARS.wrap(frame))
    write_deltalake(tmp_path / "theirs", frame.to_arrow())
    ours, theirs = (
        json.loads(next(e["add"]["stats"] for e in log_of(tmp_path / p, 0) if "add" in e))
        for p in ("ours", "theirs")
    )
    assert ours["numRecords"] == theirs["numRecords"] == 2
    assert ours["nullCount"] == theirs["nullCount"]
    assert ours["minValues"].keys() == theirs["minValues"].keys()
    for name in ("v", "i8", "d"):
        assert ours["minValues"][name] == theirs["minValues"][name]
        assert ours["maxValues"][name] == theirs["maxValues"][name]
    assert ours["minValues"]["t"] == "2024-01-01T01:02:03.456"
    assert ours["maxValues"]["t"] == "2024-01-01T01:02:03.457"
    assert ours["maxValues"]["z"] == "2024-01-01T01:02:03.457Z"
    actions = pl.DataFrame(DeltaTable(str(tmp_path / "ours")).get_add_actions(flatten=True))
    assert actions["num_records"].to_list() == [2]
    assert actions["max.v"].to_list() == [2]


def test_no_bounds_where_footers_hide_values(tmp_path: Path) -> None:
    write("delta", tmp_path / "t", POLARS.wrap(WIDE))
    stats = json.loads(next(e["add"]["stats"] for e in log_of(tmp_path / "t", 0) if "add" in e))
    for bound in ("minValues", "maxValues"):
        assert set(stats[bound]) == {"v", "i8", "s", "d", "t", "z"}


@pytest.mark.parametrize(
    ("condition", "rows"),
    [
        (pl.col("f") > 100, 1),
        (pl.col("s") == "x" * 100, 1),
        (pl.col("s") > "x" * 80, 1),
        (pl.col("t") == datetime(2024, 1, 1, 1, 2, 3, 456789), 1),
        (pl.col("t") > datetime(2024, 1, 1, 1, 2, 3, 456500), 1),
        (pl.col("d") == date(2024, 1, 31), 1),
        (pl.col("v").is_in([2, 9]), 1),
        (pl.col("i8").is_null(), 1),
        (pl.col("v") > 2, 0),
    ],
)
def test_skipping_files_loses_no_row(tmp_path: Path, condition: pl.Expr, rows: int) -> None:
    write("delta", tmp_path / "t", POLARS.wrap(WIDE))
    assert pl.scan_delta(str(tmp_path / "t")).filter(condition).collect().height == rows


def test_an_overwrite_replaces_rows_and_schema_in_one_commit(tmp_path: Path) -> None:
    path = tmp_path / "t"
    write("delta", path, frame_of(POLARS, {"a": [1], "b": ["x"]}))
    before = read("delta", path)
    write("delta", path, POLARS.wrap(pl.DataFrame({"a": ["y"], "t": [datetime(2024, 1, 1)]})))
    assert rows_of(POLARS, read("delta", path)) == [("y", datetime(2024, 1, 1))]
    last = log_of(path, DeltaTable(str(path)).version())
    assert sum("add" in entry for entry in last) == sum("remove" in entry for entry in last) == 1
    assert rows_of(POLARS, before) == [(1, "x")]
    assert rows_of(POLARS, read("delta", path, versionAsOf=0)) == [(1, "x")]


def test_publishing_twice_is_one_commit(tmp_path: Path) -> None:
    delta, location = format_of("delta"), Location(tmp_path / "t")
    for batch, partition_by, rows in (("b1", (), 3), ("b2", (), 0)):
        staged = delta.stage(
            POLARS,
            frame_of(POLARS, ROWS).head(rows),
            location,
            batch=numbered(batch),
            partition_by=partition_by,
        )
        first, again = delta.publish(POLARS, staged), delta.publish(POLARS, staged)
        assert again == replace(first, adopted=True)
    assert DeltaTable(str(location.path)).version() == 1


def test_a_commit_in_between_is_not_overwritten(tmp_path: Path) -> None:
    delta, location = format_of("delta"), Location(tmp_path / "t")
    write("delta", location.path, frame_of(POLARS, {"a": [1]}))
    stale = delta.stage(POLARS, frame_of(POLARS, {"a": [2]}), location, batch=numbered("b2"))
    write("delta", location.path, frame_of(POLARS, {"a": [3]}))
    with pytest.raises(WriteError, match="changed by another writer"):
        delta.publish(POLARS, stale)
    assert rows_of(POLARS, read("delta", location.path)) == [(3,)]


def test_a_table_made_in_between_is_not_overwritten(tmp_path: Path) -> None:
    delta, location = format_of("delta"), Location(tmp_path / "t")
    stale = delta.stage(POLARS, frame_of(POLARS, {"a": [2]}), location, batch=numbered("b2"))
    write("delta", location.path, frame_of(POLARS, {"a": [3]}))
    with pytest.raises(WriteError, match="another writer made a table there"):
        delta.publish(POLARS, stale)
    assert rows_of(POLARS, read("delta", location.path)) == [(3,)]


@pytest.mark.parametrize(
    ("values", "stored"),
    [
        (pl.Series([1], dtype=pl.UInt8), pl.Int16),
        (pl.Series([1], dtype=pl.UInt16), pl.Int32),
        (pl.Series([1], dtype=pl.UInt32), pl.Int64),
        (pl.Series(["a"], dtype=pl.Categorical), pl.String),
        (pl.Series(["a"], dtype=pl.Enum(["a"])), pl.String),
        (pl.Series([[1, 2]], dtype=pl.Array(pl.UInt8, 2)), pl.List(pl.Int16)),
        (pl.Series([datetime(2024, 1, 1)], dtype=pl.Datetime("ns")), pl.Datetime("us")),
        (
            pl.Series([datetime(2024, 1, 1)], dtype=pl.Datetime("ms", "Europe/Berlin")),
            pl.Datetime("us", "UTC"),
        ),
        (
            pl.Series([{"x": "a"}], dtype=pl.Struct({"x": pl.Categorical})),
            pl.Struct({"x": pl.String}),
        ),
    ],
)
def test_types_are_conformed(tmp_path: Path, values: pl.Series, stored: Any) -> None:
    write("delta", tmp_path / "t", POLARS.wrap(values.alias("x").to_frame()))
    assert pl.scan_delta(str(tmp_path / "t")).collect_schema() == {"x": stored}


@pytest.mark.parametrize(
    ("values", "name"),
    [
        (pl.Series([time(1, 2)]), "Time"),
        (pl.Series([1], dtype=pl.UInt64), "UInt64"),
        (pl.Series([1], dtype=pl.Int128), "Int128"),
        (pl.Series([None], dtype=pl.Null), "Null"),
        (pl.Series([1], dtype=pl.Duration("us")), "Duration"),
        (pl.Series([[time(1, 2)]]), "Time"),
    ],
)
def test_types_without_a_place_are_refused(tmp_path: Path, values: pl.Series, name: str) -> None:
    message = f"t: column 'x': type {name} cannot be written to Delta"
    with pytest.raises(SchemaContractError, match=message):
        write("delta", tmp_path / "t", POLARS.wrap(values.alias("x").to_frame()))
    assert list(tmp_path.iterdir()) == []


def test_other_partitions_are_refused(tmp_path: Path) -> None:
    write("delta", tmp_path / "t", frame_of(POLARS, ROWS), partition_by=("k",))
    with pytest.raises(SchemaContractError, match=r"partitioned by \['k'\].*says \['ok'\]"):
        write("delta", tmp_path / "t", frame_of(POLARS, ROWS), partition_by=("ok",))


def test_empty_text_cannot_partition(tmp_path: Path) -> None:
    with pytest.raises(SchemaContractError, match="'k' holds empty strings"):
        write("delta", tmp_path / "t", frame_of(POLARS, {"v": [1], "k": [""]}), partition_by=("k",))
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_table(tmp_path: Path) -> None:
    with pytest.raises(DataReadError, match="t does not exist"):
        read("delta", tmp_path / "t")
    (tmp_path / "t").mkdir()
    with pytest.raises(DataReadError, match="t is no Delta table"):
        read("delta", tmp_path / "t")
    write("delta", tmp_path / "t", frame_of(POLARS, ROWS))
    with pytest.raises(DataReadError, match="version 7"):
        read("delta", tmp_path / "t", version=7)
    (tmp_path / "f").write_text("x")
    with pytest.raises(WriteError, match="choose another path"):
        write("delta", tmp_path / "f", frame_of(POLARS, ROWS))


@pytest.mark.parametrize("mode", ["overwrite", "append"])
def test_rows_of_another_format_are_not_hidden_by_a_table(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "t"
    write("parquet", path, frame_of(POLARS, ROWS), mode="append")
    with pytest.raises(WriteError, match=r"no Delta table and holds 'part-.*-00001.parquet'"):
        write("delta", path, frame_of(POLARS, ROWS), mode=mode, batch="b2")
    assert read("parquet", path).collect().shape == (3, 3)


def test_a_table_is_made_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill just before leaves nothing in its place; the next try makes it."""
    path = tmp_path / "t"

    def killed(*_: Any) -> Path:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Path, "rename", killed)
        write("delta", path, frame_of(POLARS, ROWS))
    assert not path.exists()
    assert write("delta", path, frame_of(POLARS, ROWS), batch="b2").total == 3


@pytest.mark.parametrize("mode", ["append", "append_once", "upsert"])
def test_a_column_that_allows_no_null_gets_none(tmp_path: Path, mode: str) -> None:
    """A commit would accept it, and the table would break its own promise."""
    path, keys = tmp_path / "t", {} if mode == "append" else {"keys": ["id"]}
    schema = pa.schema([pa.field("id", pa.int64()), pa.field("k", pa.string(), nullable=False)])
    write_deltalake(path, pa.table({"id": [1], "k": ["a"]}, schema=schema))
    with pytest.raises(SchemaContractError, match=r"allows no null in 'k' \(2\)"):
        bad = frame_of(POLARS, {"id": [2, 3, 4], "k": [None, "b", None]})
        write("delta", path, bad, mode=mode, **keys)
    write("delta", path, frame_of(POLARS, {"id": [2], "k": ["b"]}), mode=mode, **keys)
    assert sorted(rows_of(POLARS, read("delta", path))) == [(1, "a"), (2, "b")]


def test_a_constraint_is_judged_as_delta_does(tmp_path: Path, engine: Engine) -> None:
    """D13: null is not true; what breaks it is counted, and nothing is published."""
    path = tmp_path / "out"
    write("delta", path, frame_of(engine, {"n": [1, 2]}), engine=engine)
    DeltaTable(str(path)).alter.add_constraint({"pos": "n > 0 AND n < 100"})
    version = DeltaTable(str(path)).version()
    for mode in ("append", "overwrite"):
        bad = frame_of(engine, {"n": [-1, None, 100, 5]})
        with pytest.raises(SchemaContractError, match=r"constraint 'pos' .* violated by 3 rows"):
            write("delta", path, bad, engine=engine, mode=mode)
        with pytest.raises(SchemaContractError, match="needs the column 'n'"):
            other = frame_of(engine, {"m": [1]})
            write("delta", path, other, engine=engine)
    assert DeltaTable(str(path)).version() == version
    write("delta", path, frame_of(engine, {"n": [3]}), engine=engine, mode="append")
    assert DeltaTable(str(path)).version() == version + 1


def test_a_table_that_only_allows_appends(tmp_path: Path) -> None:
    path = tmp_path / "t"
    write_deltalake(path, pa.table({"id": [1]}), configuration={"delta.appendOnly": "true"})
    for mode, keys in (("overwrite", {}), ("upsert", {"keys": ["id"]})):
        with pytest.raises(SchemaContractError, match=r"delta\.appendOnly"):
            write("delta", path, frame_of(POLARS, {"id": [2]}), mode=mode, **keys)
    write("delta", path, frame_of(POLARS, {"id": [2]}), mode="append")
    assert sorted(rows_of(POLARS, read("delta", path))) == [(1,), (2,)]


def test_names_that_a_table_cannot_have(tmp_path: Path) -> None:
    path = tmp_path / "t"
    with pytest.raises(SchemaContractError, match="columns 'id' and 'ID' are one column to Delta"):
        write("delta", path, frame_of(POLARS, {"id": [1], "ID": [2]}))
    ticked = frame_of(POLARS, {"id": [1], "a`b": [2]})
    with pytest.raises(SchemaContractError, match="back-tick cannot be upserted"):
        write("delta", path, ticked, mode="upsert", keys=["id"])
    assert write("delta", path, ticked).rows == 1


def test_a_table_keeps_its_types_whatever_is_declared(tmp_path: Path) -> None:
    write("delta", tmp_path / "t", frame_of(POLARS, {"a": [1.5]}))
    frame = read("delta", tmp_path / "t", declared={"a": nw.Int64()})
    assert rows_of(POLARS, frame) == [(1.5,)]


def test_a_path_with_a_percent_sign(tmp_path: Path) -> None:
    write("delta", tmp_path / "50% off", frame_of(POLARS, {"a": [1]}))
    assert rows_of(POLARS, read("delta", tmp_path / "50% off")) == [(1,)]
    for action in (
        lambda path: write("delta", path, frame_of(POLARS, {"a": [1]})),
        lambda path: read("delta", path),
    ):
        with pytest.raises(ConfigError, match="under a path with '%20'; rename it"):
            action(tmp_path / "my%20table")
    assert [p.name for p in tmp_path.iterdir()] == ["50% off"]
