"""Parquet, csv and json files: what is published, and what a target never shows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import narwhals.stable.v2 as nw
import polars as pl
import pytest

from odibi_dagster.connections.base import Location
from odibi_dagster.core.names import slug
from odibi_dagster.engines.base import Engine
from odibi_dagster.errors import (
    ConfigError,
    DataReadError,
    OdibiError,
    SchemaContractError,
    WriteError,
)
from odibi_dagster.formats import files
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
FAILING = pl.LazyFrame({"a": ["1", "x"]}).select(pl.col("a").cast(pl.Int64))


@pytest.mark.parametrize("kind", ["parquet", "csv", "json"])
def test_what_is_published_is_read_again(engine: Engine, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "é [1] x" / f"out.{kind}"
    for batch in ("b1", "b2"):
        published = write(kind, path, frame_of(engine, ROWS), engine=engine, batch=batch)
        assert published.rows == 3
        frame = read(kind, path, engine=engine).select("id", "k", "ok")
        assert sorted(rows_of(engine, frame)) == EXPECTED
        assert path.is_file()
        assert hidden(path.parent) == []


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_no_rows_keep_the_schema(engine: Engine, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "out"
    published = write(kind, path, frame_of(engine, ROWS).head(0), engine=engine)
    frame = read(kind, path, engine=engine)
    assert published.rows == 0
    assert frame.collect_schema().names() == list(ROWS)
    assert rows_of(engine, frame) == []


@pytest.mark.parametrize("kind", ["parquet", "csv", "json"])
def test_publishing_twice_changes_nothing(tmp_path: Path, kind: str) -> None:
    format, location = format_of(kind), Location(tmp_path / "out")
    staged = format.stage(POLARS, frame_of(POLARS, ROWS), location, batch=numbered("b"))
    assert not format.exists(location)
    assert format.publish(POLARS, staged) == format.publish(POLARS, staged)
    assert read(kind, location.path).collect().shape == (3, 3)


@pytest.mark.parametrize("kind", ["parquet", "csv", "json", "delta"])
def test_a_failing_plan_leaves_the_old_data(engine: Engine, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "out"
    write(kind, path, frame_of(engine, {"a": [1]}), engine=engine)
    failing = frame_of(engine, {"a": ["1", "x"]}).select(nw.col("a").cast(nw.Int64()))
    with pytest.raises(DataReadError, match=r"out: .*x"):
        write(kind, path, failing, engine=engine, batch="b2")
    assert rows_of(engine, read(kind, path, engine=engine)) == [(1,)]
    assert hidden(tmp_path) == []


@pytest.mark.parametrize("kind", ["parquet", "csv", "json", "delta"])
def test_discarding_leaves_no_trace(tmp_path: Path, kind: str) -> None:
    format, location = format_of(kind), Location(tmp_path / "out")
    staged = format.stage(POLARS, frame_of(POLARS, ROWS), location, batch=numbered("b"))
    format.discard(staged)
    format.discard(staged)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["parquet", "csv", "json", "delta"])
def test_exists_and_newest(tmp_path: Path, kind: str) -> None:
    format, location = format_of(kind), Location(tmp_path / "out")
    assert not format.exists(location)
    assert format.newest(location) is None
    write(kind, location.path, frame_of(POLARS, ROWS))
    newest = format.newest(location)
    assert format.exists(location)
    assert newest is not None
    assert abs(datetime.now(UTC) - newest) < timedelta(minutes=5)


def test_partitions_lie_in_hive_folders(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "a=b" / "out"
    for batch in ("b1", "b2"):
        write(
            "parquet", path, frame_of(engine, ROWS), engine=engine, batch=batch,
            partition_by=("k", "ok"),
        )  # fmt: skip
        frame = read("parquet", path, engine=engine).select("id", "k", "ok")
        assert sorted(rows_of(engine, frame)) == EXPECTED
        assert len(list(path.rglob("*.parquet"))) == 3
    write("parquet", path, frame_of(engine, ROWS).head(0), engine=engine, partition_by=("k",))
    assert rows_of(engine, read("parquet", path, engine=engine)) == []
    assert [p.name for p in path.iterdir() if p.is_dir()] == []


@pytest.mark.parametrize("kind", ["parquet", "delta"])
def test_folders_that_another_engine_named(engine: Engine, tmp_path: Path, kind: str) -> None:
    """One escapes the bytes of a letter, another writes the letter."""
    rows, path = {"id": [1, 2, 3], "ä k": ["é/%41", "日本", "y"]}, tmp_path / "out"
    write(kind, path, frame_of(POLARS, rows), partition_by=("ä k",))
    write(
        kind, path, frame_of(engine, rows), engine=engine, batch="b2", mode="append",
        partition_by=("ä k",),
    )  # fmt: skip
    for reader in (engine, POLARS):
        frame = read(kind, path, engine=reader).select("id", "ä k")
        assert sorted(rows_of(reader, frame)) == sorted(2 * [*zip(*rows.values(), strict=True)])


def test_text_in_a_partition_stays_text(engine: Engine, tmp_path: Path) -> None:
    rows = {"v": [1, 2], "k": ["007", "12"], "n": [5, 6]}
    path = tmp_path / "out"
    write("parquet", path, frame_of(engine, rows), engine=engine, partition_by=("k", "n"))
    frame = read("parquet", path, engine=engine).select("v", "k", "n")
    assert sorted(rows_of(engine, frame)) == [(1, "007", 5), (2, "12", 6)]


def test_declared_types_of_hive_columns(engine: Engine, tmp_path: Path) -> None:
    landed = tmp_path / "out" / "m=01"
    landed.mkdir(parents=True)
    pl.DataFrame({"v": [1.5]}).write_parquet(landed / "a.parquet")
    declared = {"m": nw.String(), "v": nw.Int64()}
    frame = read("parquet", tmp_path / "out", engine=engine, declared=declared)
    assert rows_of(engine, frame.select("v", "m")) == [(1.5, "01")]


@pytest.mark.parametrize("kind", ["parquet", "delta"])
@pytest.mark.parametrize("value", [b"x", [1]])
def test_what_no_folder_can_be_called_after(tmp_path: Path, kind: str, value: object) -> None:
    with pytest.raises(SchemaContractError, match=r"partition_by: column 'k' is .* needs text"):
        write(kind, tmp_path / "o", frame_of(POLARS, {"v": [1], "k": [value]}), partition_by=("k",))


def test_partitions_are_read_by_polars_itself(tmp_path: Path) -> None:
    path = tmp_path / "out"
    write("parquet", path, frame_of(POLARS, ROWS), partition_by=("k",))
    assert pl.read_parquet(path).height == 3


def test_a_file_becomes_a_directory_and_stays_one(tmp_path: Path) -> None:
    path = tmp_path / "out.parquet"
    write("parquet", path, frame_of(POLARS, ROWS))
    write("parquet", path, frame_of(POLARS, ROWS), batch="b2", partition_by=("k",))
    assert path.is_dir()
    write("parquet", path, frame_of(POLARS, ROWS), batch="b3")
    assert len(list(path.rglob("*.parquet"))) == 1
    assert read("parquet", path).collect().shape == (3, 3)


def test_a_file_that_lost_its_place_comes_back(tmp_path: Path) -> None:
    """A run killed between the two renames that put a directory in a file's place."""
    path = tmp_path / "out.parquet"
    write("parquet", path, frame_of(POLARS, ROWS))
    dead = tmp_path / f".out.parquet.staged-{slug(str(numbered('b1')))}-00000000"
    dead.mkdir()
    path.rename(dead / ".before")
    with pytest.raises(OdibiError):
        write("parquet", path, POLARS.wrap(FAILING), batch="b1")
    assert read("parquet", path).collect().shape == (3, 3)
    assert hidden(tmp_path) == []


def test_leftovers_of_the_same_batch_or_of_yesterday_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "out"
    for name in (f"{slug(str(numbered('b1')))}-11111111", "other-22222222"):
        (tmp_path / f".out.staged-{name}").mkdir()
    write("parquet", path, frame_of(POLARS, ROWS), batch="b1")
    assert hidden(tmp_path) == [".out.staged-other-22222222"]
    monkeypatch.setattr(files, "LEFTOVER_SECONDS", -1)
    write("parquet", path, frame_of(POLARS, ROWS), batch="b1")
    assert hidden(tmp_path) == []


def test_rows_staged_by_this_run_may_be_staged_again(tmp_path: Path) -> None:
    """Splitting off broken rows reads what the same batch staged."""
    format, location = format_of("parquet"), Location(tmp_path / "out")
    first = format.stage(POLARS, frame_of(POLARS, ROWS), location, batch=numbered("b"))
    valid = format.scan_staged(POLARS, first).filter(nw.col("id") > 1)
    second = format.stage(POLARS, valid, location, batch=numbered("b"))
    format.discard(first)
    assert format.publish(POLARS, second).rows == 2


@pytest.mark.parametrize("stranger", ["notes.txt", "sub/x.parquet", "_delta_log/0.json"])
def test_a_directory_with_anything_else_is_not_overwritten(tmp_path: Path, stranger: str) -> None:
    path = tmp_path / "out"
    (path / stranger).parent.mkdir(parents=True)
    (path / stranger).write_text("x")
    with pytest.raises(WriteError, match="choose another path"):
        write("parquet", path, frame_of(POLARS, ROWS))
    assert (path / stranger).read_text() == "x"


def test_columns_that_have_no_place(tmp_path: Path) -> None:
    nested = POLARS.wrap(pl.DataFrame({"x": [[1]]}))
    with pytest.raises(SchemaContractError, match="out: column 'x': type List cannot be written"):
        write("csv", tmp_path / "out", nested)
    with pytest.raises(ConfigError, match="csv cannot be partitioned"):
        write("csv", tmp_path / "out", frame_of(POLARS, ROWS), partition_by=("k",))
    with pytest.raises(SchemaContractError, match="no column 'kk'; did you mean 'k'"):
        write("parquet", tmp_path / "out", frame_of(POLARS, ROWS), partition_by=("kk",))
    with pytest.raises(SchemaContractError, match="names every column"):
        write(
            "parquet", tmp_path / "out", POLARS.wrap(pl.DataFrame({"a": [1]})), partition_by=("a",)
        )


@pytest.mark.parametrize("damage", ["empty", "cut", "other", "short"])
def test_damaged_parquet_is_named(engine: Engine, tmp_path: Path, damage: str) -> None:
    good = tmp_path / "good.parquet"
    write("parquet", good, frame_of(POLARS, ROWS))
    content = good.read_bytes()
    bad = {"empty": b"", "cut": content[:100], "other": b"id,k\n1,x\n2,y\n", "short": b"PAR1"}
    path = tmp_path / "bad.parquet"
    path.write_bytes(bad[damage])
    with pytest.raises(DataReadError, match=r"bad.parquet is not a readable parquet file: "):
        read("parquet", path, engine=engine)


def test_a_damaged_footer_is_named(tmp_path: Path) -> None:
    path = tmp_path / "bad.parquet"
    path.write_bytes(b"PAR1" + b"\0" * 40 + b"PAR1")
    with pytest.raises(DataReadError, match=r"bad.parquet is not a readable parquet file: "):
        read("parquet", path)


def test_staged_csv_tells_null_from_empty(tmp_path: Path) -> None:
    frame = pl.DataFrame({"s": ["", None, "NA", "007", " x"], "n": [1, None, 3, 4, 5]})
    csv = format_of("csv")
    staged = csv.stage(
        POLARS, POLARS.wrap(frame), Location(tmp_path / "out.csv"), batch=numbered("b")
    )
    assert csv.scan_staged(POLARS, staged).collect().to_native().equals(frame)
    csv.publish(POLARS, staged)
    read_again = rows_of(POLARS, read("csv", tmp_path / "out.csv"))
    assert read_again == [(None, 1), (None, None), (None, 3), ("007", 4), (" x", 5)]


def test_one_column_of_nulls_keeps_its_rows(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    write("csv", path, frame_of(engine, {"a": ["x", None, "y"]}), engine=engine)
    assert rows_of(engine, read("csv", path, engine=engine)) == [("x",), (None,), ("y",)]


def test_write_options_of_csv(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    write("csv", path, frame_of(POLARS, {"a": [1], "b": ["x;y"]}), sep=";", header=False)
    assert path.read_text() == '1;"x;y"\n'


def test_a_glob_of_partitions(engine: Engine, tmp_path: Path) -> None:
    for day in (1, 2):
        write("parquet", tmp_path / f"day={day}" / "x.parquet", frame_of(POLARS, {"v": [day * 10]}))
    frame = read("parquet", tmp_path / "day=*" / "*.parquet", engine=engine).select("v", "day")
    assert sorted(rows_of(engine, frame)) == [(10, 1), (20, 2)]
