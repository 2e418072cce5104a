"""append_once and upsert: rows recognised by their keys, on both engines."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable

from odibi_dagster.connections.base import Location
from odibi_dagster.engines.base import Engine
from odibi_dagster.errors import SchemaContractError, WriteError
from odibi_dagster.formats.parquet import Parquet
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

KINDS = ["parquet", "delta"]
OLD = {"id": [1, 2, 3], "k": ["a", "a", "b"], "v": [1.0, 2.0, 3.0]}
NEW = {"id": [2, 3, 4], "k": ["a", "x", "b"], "v": [20.0, 30.0, 40.0]}


def put(
    kind: str,
    path: Path,
    data: Any,
    mode: str,
    keys: list[str],
    engine: Engine = POLARS,
    **more: Any,
) -> Any:
    frame = frame_of(engine, data) if isinstance(data, dict) else engine.wrap(data)
    return write(kind, path, frame, engine=engine, mode=mode, keys=keys, **more)


def stored(kind: str, path: Path, engine: Engine = POLARS) -> list[tuple[Any, ...]]:
    return sorted(rows_of(engine, read(kind, path, engine=engine).select("id", "k", "v")))


@pytest.mark.parametrize("partition_by", [(), ("k",)], ids=["flat", "partitioned"])
@pytest.mark.parametrize("kind", KINDS)
def test_append_once_adds_what_is_new(
    tmp_path: Path, kind: str, engine: Engine, partition_by: tuple[str, ...]
) -> None:
    path = tmp_path / "out"
    put(kind, path, OLD, "append_once", ["id"], engine, partition_by=partition_by)
    second = put(
        kind, path, NEW, "append_once", ["id"], engine, batch="b2", partition_by=partition_by
    )
    assert second.rows == 1
    expected = [(1, "a", 1.0), (2, "a", 2.0), (3, "b", 3.0), (4, "b", 40.0)]
    assert stored(kind, path, engine) == expected
    third = put(
        kind, path, NEW, "append_once", ["id"], engine, batch="b3", partition_by=partition_by
    )
    assert third.rows == 0
    assert stored(kind, path, engine) == expected


@pytest.mark.parametrize("partition_by", [(), ("k",)], ids=["flat", "partitioned"])
@pytest.mark.parametrize("kind", KINDS)
def test_upsert_replaces_and_adds(
    tmp_path: Path, kind: str, engine: Engine, partition_by: tuple[str, ...]
) -> None:
    """A row may move to another partition."""
    path = tmp_path / "out"
    put(kind, path, OLD, "upsert", ["id"], engine, partition_by=partition_by)
    assert stored(kind, path, engine) == sorted(zip(*OLD.values(), strict=True))
    for batch in ("b2", "b2", "b3"):
        put(kind, path, NEW, "upsert", ["id"], engine, batch=batch, partition_by=partition_by)
        assert stored(kind, path, engine) == [
            (1, "a", 1.0), (2, "a", 20.0), (3, "x", 30.0), (4, "b", 40.0),
        ]  # fmt: skip
    assert [name for name in hidden(tmp_path) if "partition_types" not in name] == []


@pytest.mark.parametrize("mode", ["append_once", "upsert"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_key_of_several_columns(tmp_path: Path, kind: str, mode: str, engine: Engine) -> None:
    path = tmp_path / "out"
    put(kind, path, OLD, mode, ["id", "k"], engine)
    put(kind, path, NEW, mode, ["id", "k"], engine, batch="b2")
    two = 2.0 if mode == "append_once" else 20.0
    assert stored(kind, path, engine) == [
        (1, "a", 1.0), (2, "a", two), (3, "b", 3.0), (3, "x", 30.0), (4, "b", 40.0),
    ]  # fmt: skip


BAD = [
    ({"id": [5, None], "k": ["a", "b"], "v": [1.0, 2.0]}, r"key \(id\) is null in 1 of the rows"),
    (
        {"id": [5, 5, 6], "k": ["a", "b", "c"], "v": [1.0, 2.0, 3.0]},
        r"1 values of key \(id\) stand in several of the rows to write",
    ),
]


@pytest.mark.parametrize(("data", "words"), BAD, ids=["null", "repeated"])
@pytest.mark.parametrize("mode", ["append_once", "upsert"])
@pytest.mark.parametrize("kind", KINDS)
def test_keys_that_identify_nothing_are_refused(
    tmp_path: Path, kind: str, mode: str, data: dict[str, list[Any]], words: str
) -> None:
    path = tmp_path / "out"
    put(kind, path, OLD, mode, ["id"])
    with pytest.raises(SchemaContractError, match=words):
        put(kind, path, data, mode, ["id"], batch="b2")
    assert stored(kind, path) == sorted(zip(*OLD.values(), strict=True))


@pytest.mark.parametrize("mode", ["append_once", "upsert"])
@pytest.mark.parametrize("kind", KINDS)
def test_keys_that_are_no_columns_are_refused(tmp_path: Path, kind: str, mode: str) -> None:
    with pytest.raises(SchemaContractError, match=r"no column 'idd' among .* \(id, k, v\)"):
        put(kind, tmp_path / "out", OLD, mode, ["idd"])
    nested = pl.DataFrame({"id": [[1]], "k": ["a"], "v": [1.0]})
    with pytest.raises(SchemaContractError, match="a key needs plain values"):
        put(kind, tmp_path / "out", nested, mode, ["id"])
    assert hidden(tmp_path) == []


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_new_changes_nothing(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "out"
    put(kind, path, OLD, "upsert", ["id"])
    before = {(file, file.stat().st_mtime_ns) for file in [path, *path.rglob("*")]}
    for mode in ("append_once", "upsert"):
        empty = pl.DataFrame(OLD).head(0)
        assert put(kind, path, empty, mode, ["id"], batch="b2").rows == 0
    assert put(kind, path, OLD, "append_once", ["id"], batch="b2").rows == 0
    assert {(file, file.stat().st_mtime_ns) for file in [path, *path.rglob("*")]} == before


@pytest.mark.parametrize("mode", ["append_once", "upsert"])
@pytest.mark.parametrize("kind", KINDS)
def test_rows_that_another_writer_added_meanwhile(tmp_path: Path, kind: str, mode: str) -> None:
    """Both runs saw a table without id 4: it must not be there twice."""
    path, format = tmp_path / "out", format_of(kind)
    put(kind, path, OLD, mode, ["id"])
    options = format.write_options(keys=["id"])  # type: ignore[call-arg]
    one, two = (
        format.stage(
            POLARS,
            frame_of(POLARS, NEW),
            Location(path),
            batch=numbered(batch),
            mode=mode,
            options=options,
        )
        for batch in ("b2", "b3")
    )
    format.publish(POLARS, one)
    after = stored(kind, path)
    if kind == "parquet" and mode == "upsert":
        format.publish(POLARS, two)  # it reads the table when it publishes
    else:
        with pytest.raises(WriteError, match="changed by another writer"):
            format.publish(POLARS, two)
    assert stored(kind, path) == after


def test_an_upsert_loses_no_row_of_another_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole table was written anew from rows that are not all there are any more."""
    path = tmp_path / "out"
    put("parquet", path, OLD, "upsert", ["id"])
    replaces, others = Parquet._replace, iter(["b3"])

    def late(self: Parquet, *args: Any) -> None:
        for batch in others:
            put("parquet", path, {"id": [9], "k": ["z"], "v": [9.0]}, "upsert", ["id"], batch=batch)
        replaces(self, *args)

    monkeypatch.setattr(Parquet, "_replace", late)
    with pytest.raises(WriteError, match="changed by another writer"):
        put("parquet", path, NEW, "upsert", ["id"], batch="b2")
    put("parquet", path, NEW, "upsert", ["id"], batch="b2")
    assert [row[0] for row in stored("parquet", path)] == [1, 2, 3, 4, 9]


def test_an_upsert_whose_target_goes_while_it_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the engine says of a file that is gone is not what happened."""
    path, scan = tmp_path / "out", Parquet.scan
    put("parquet", path, OLD, "upsert", ["id"], partition_by=("k",))

    def late(self: Parquet, *args: Any) -> Any:
        frame = scan(self, *args)
        put("parquet", path, OLD, "overwrite", [], batch="b3", partition_by=("k",))
        return frame

    parquet = format_of("parquet")
    options = parquet.write_options(keys=["id"])  # type: ignore[call-arg]
    staged = parquet.stage(
        POLARS, frame_of(POLARS, NEW), Location(path), batch="b2", mode="upsert",
        partition_by=("k",), options=options,
    )  # fmt: skip
    with monkeypatch.context() as patch, pytest.raises(WriteError, match="changed by another"):
        patch.setattr(Parquet, "scan", late)
        parquet.publish(POLARS, staged)
    assert stored("parquet", path) == sorted(zip(*OLD.values(), strict=True))


def test_a_merge_says_what_it_did_and_names_its_batch(tmp_path: Path) -> None:
    path = tmp_path / "out"
    put("delta", path, OLD, "upsert", ["id"])
    published = put("delta", path, NEW, "upsert", ["id"], batch="b2")
    assert published.total == 4
    assert dict(published.metadata) == {"version": 1, "updated_rows": 2, "inserted_rows": 1}
    assert DeltaTable(str(path)).transaction_version("odibi:tests") == 2
    again = put("delta", path, {**NEW, "v": [0.0] * 3}, "upsert", ["id"], batch="b2")
    assert again.adopted
    assert stored("delta", path)[-1] == (4, "b", 40.0)


@pytest.mark.parametrize("kind", KINDS)
def test_every_type_is_merged(tmp_path: Path, kind: str, engine: Engine) -> None:
    path = tmp_path / "out"
    moment = datetime(2024, 1, 1, 12, 30, 0, 123456)
    for batch, value in (("b1", 1.5), ("b2", 2.5)):
        data = {
            "id": [1],
            "at": [moment],
            "zoned": [moment.replace(tzinfo=UTC)],
            "day": [date(2024, 1, 1)],
            "exact": [Decimal("1.25")],
            "list": [["x", "y"]],
            "ok": [True],
            "v": [value],
        }
        put(kind, path, data, "upsert", ["id"], engine, batch=batch)
    (row,) = rows_of(engine, read(kind, path, engine=engine).select("list", "ok", "v", "day"))
    assert row == (["x", "y"], True, 2.5, date(2024, 1, 1))


@pytest.mark.parametrize("kind", KINDS)
def test_names_that_need_quotes(tmp_path: Path, kind: str, engine: Engine) -> None:
    path = tmp_path / "out"
    for batch, value in (("b1", 1.0), ("b2", 2.0)):
        data = {"order id": [1], "select": ["é"], "v": [value]}
        put(kind, path, data, "upsert", ["order id", "select"], engine, batch=batch)
    assert rows_of(engine, read(kind, path, engine=engine)) == [(1, "é", 2.0)]


@pytest.mark.parametrize("kind", KINDS)
def test_keys_that_partition(tmp_path: Path, kind: str, engine: Engine) -> None:
    """A folder's name is not the text of the key."""
    path, odd = tmp_path / "out", "ä/=% :*"
    for batch, value in (("b1", 1.0), ("b2", 2.0), ("b3", 3.0)):
        data = {"k": ["a", odd], "id": [1, 2], "v": [1.0, value]}
        put(kind, path, data, "upsert", ["k"], engine, batch=batch, partition_by=("k",))
    assert stored(kind, path, engine) == [(1, "a", 1.0), (2, odd, 3.0)]
    data = {"k": [odd, "b"], "id": [9, 9], "v": [9.0, 9.0]}
    put(kind, path, data, "append_once", ["k"], engine, batch="b4", partition_by=("k",))
    assert stored(kind, path, engine) == [(1, "a", 1.0), (2, odd, 3.0), (9, "b", 9.0)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_million_rows(tmp_path: Path, kind: str) -> None:
    path, count = tmp_path / "out", 1_000_000
    numbers = pl.LazyFrame({"id": [0]}).select(pl.int_range(count).alias("id"))
    put(kind, path, numbers.with_columns(k=pl.lit("old"), v=pl.lit(0.0)), "upsert", ["id"])
    half = numbers.with_columns(pl.col("id") + count // 2, k=pl.lit("new"), v=pl.lit(1.0))
    put(kind, path, half, "upsert", ["id"], batch="b2")
    frame = read(kind, path).to_native()
    seen = frame.select(pl.len(), pl.col("id").n_unique().alias("ids"), pl.col("v").sum())
    assert seen.collect().row(0) == (1_500_000, 1_500_000, 1_000_000.0)
