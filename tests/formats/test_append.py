"""Batches are added once, to every layout, on both engines; readers see whole batches."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake

from odibi_dagster.connections.base import Location
from odibi_dagster.engines.base import Engine
from odibi_dagster.errors import SchemaContractError, WriteError
from odibi_dagster.formats import files, lines
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

KINDS = ["parquet", "delta", "csv", "json"]
ONE = {"id": [1, 2], "name": ["é", 'b,\n"c"']}
TWO = {"id": [3, 1], "name": ["d", "é"]}


def rows(*parts: dict[str, list[Any]]) -> list[tuple[Any, ...]]:
    return sorted(row for part in parts for row in zip(*part.values(), strict=True))


def add(kind: str, path: Path, data: Any, batch: str, engine: Engine = POLARS, **more: Any) -> Any:
    frame = frame_of(engine, data) if isinstance(data, dict) else engine.wrap(data)
    return write(kind, path, frame, engine=engine, batch=batch, mode="append", **more)


def stored(kind: str, path: Path, engine: Engine = POLARS) -> list[tuple[Any, ...]]:
    frame = read(kind, path, engine=engine)
    return sorted(rows_of(engine, frame.select("id", "name")))


@pytest.mark.parametrize("kind", KINDS)
def test_batches_add_up_and_a_second_try_is_adopted(
    tmp_path: Path, kind: str, engine: Engine
) -> None:
    path = tmp_path / "out"
    assert not add(kind, path, ONE, "b1", engine).adopted
    second = add(kind, path, TWO, "b2", engine)
    assert (second.rows, second.adopted) == (2, False)
    assert stored(kind, path, engine) == rows(ONE, TWO)

    for batch in ("b1", "b2"):
        assert add(kind, path, TWO, batch, engine).adopted
    assert stored(kind, path, engine) == rows(ONE, TWO)
    add(kind, path, TWO, "b3", engine)
    assert stored(kind, path, engine) == rows(ONE, TWO, TWO)
    assert [name for name in hidden(tmp_path) if "batches" not in name] == []


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_batch_changes_nothing(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "out"
    empty = pl.DataFrame(schema={"id": pl.Int64, "name": pl.String})
    add(kind, path, ONE, "b1")

    def state() -> Any:
        files = [path, *path.rglob("*")] if path.is_dir() else [path]
        return {(file, file.stat().st_mtime_ns) for file in files}

    before = state()
    assert add(kind, path, empty, "b2").rows == 0
    assert state() == before


@pytest.mark.parametrize("kind", ["parquet", "delta", "csv"])
def test_the_first_batch_may_be_empty(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "out"
    add(kind, path, pl.DataFrame(schema={"id": pl.Int64, "name": pl.String}), "b1")
    assert stored(kind, path) == []
    add(kind, path, ONE, "b2")
    assert stored(kind, path) == rows(ONE)


@pytest.mark.parametrize("kind", KINDS)
def test_what_an_overwrite_stored_stays(tmp_path: Path, kind: str, engine: Engine) -> None:
    path = tmp_path / f"out.{kind}"
    write(kind, path, frame_of(engine, ONE), engine=engine)
    add(kind, path, TWO, "b2", engine)
    assert stored(kind, path, engine) == rows(ONE, TWO)
    write(kind, path, frame_of(engine, ONE), engine=engine, batch="b3")
    assert stored(kind, path, engine) == rows(ONE)


@pytest.mark.parametrize("kind", ["parquet", "delta"])
def test_partitions(tmp_path: Path, kind: str, engine: Engine) -> None:
    path = tmp_path / "out"
    for batch, data in (("b1", ONE), ("b2", TWO), ("b2", TWO)):
        add(kind, path, data, batch, engine, partition_by=("id",))
    assert stored(kind, path, engine) == rows(ONE, TWO)
    with pytest.raises(SchemaContractError, match=r"partitioned by \['id'\]"):
        add(kind, path, ONE, "b3", engine)
    with pytest.raises(SchemaContractError, match=r"partitioned by \['id'\]"):
        add(kind, path, ONE, "b3", engine, partition_by=("name",))


def test_a_batch_is_one_file(tmp_path: Path, engine: Engine) -> None:
    path = tmp_path / "out"
    frame = pl.DataFrame({"id": range(1000), "name": ["x"] * 1000})
    native: Any = frame
    if engine.name == "spark":
        native = engine.session.createDataFrame(frame.rows(), frame.columns).repartition(4)
    for batch in ("b1", "b2"):
        add("parquet", path, native, batch, engine)
    names = sorted(file.name for file in path.iterdir() if not file.name.startswith("."))
    assert names == [f"part-{numbered(f'b{n}')}-00001.parquet" for n in (1, 2)]


OTHER = [
    ({"id": [1], "nme": ["a"]}, "column 'nme' is new, column 'name' is missing"),
    ({"id": [1]}, "column 'name' is missing"),
    ({"id": [1], "name": ["a"], "x": [1]}, "column 'x' is new"),
]


@pytest.mark.parametrize(("data", "words"), OTHER)
@pytest.mark.parametrize("kind", ["parquet", "delta", "csv"])
def test_other_columns_are_refused(
    tmp_path: Path, kind: str, data: dict[str, list[Any]], words: str
) -> None:
    path = tmp_path / "out"
    add(kind, path, ONE, "b1")
    with pytest.raises(SchemaContractError, match=words):
        add(kind, path, data, "b2")
    assert stored(kind, path) == rows(ONE)
    assert [name for name in hidden(tmp_path) if "batches" not in name] == []


@pytest.mark.parametrize("kind", ["parquet", "delta", "csv"])
def test_the_order_of_columns_is_the_stored_one(tmp_path: Path, kind: str, engine: Engine) -> None:
    path = tmp_path / "out"
    add(kind, path, ONE, "b1", engine)
    add(kind, path, {"name": TWO["name"], "id": TWO["id"]}, "b2", engine)
    assert stored(kind, path, engine) == rows(ONE, TWO)


@pytest.mark.parametrize("kind", ["parquet", "delta"])
def test_types_are_widened_and_never_changed(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "out"
    add(kind, path, ONE, "b1")
    narrow = pl.DataFrame({"id": [7], "name": [None]}, schema={"id": pl.Int8, "name": pl.Null})
    add(kind, path, narrow, "b2")
    assert stored(kind, path)[-1] == (7, None)
    with pytest.raises(SchemaContractError, match="column 'id' is String and stored as Int64"):
        add(kind, path, {"id": ["x"], "name": ["y"]}, "b3")
    with pytest.raises(SchemaContractError, match="column 'id' is Float64 and stored as Int64"):
        add(kind, path, {"id": [1.5], "name": ["y"]}, "b3")


@pytest.mark.parametrize("name", ["out", "out.parquet", "out.v2", "out.pq"])
def test_a_file_of_any_name_stays_part_of_the_table(tmp_path: Path, name: str) -> None:
    """In a directory only files count that are named as Parquet files are."""
    path = tmp_path / name
    write("parquet", path, frame_of(POLARS, ONE))
    assert path.is_file()
    for batch in ("b2", "b3"):
        add("parquet", path, TWO, batch)
    assert stored("parquet", path) == rows(ONE, TWO, TWO)


def test_partitions_are_not_added_to_one_file(tmp_path: Path) -> None:
    """Nobody could read the file and the folders together."""
    path = tmp_path / "out"
    write("parquet", path, frame_of(POLARS, ONE))
    with pytest.raises(SchemaContractError, match=r"partitioned by \[\] and .* \['id'\]"):
        add("parquet", path, TWO, "b2", partition_by=("id",))
    assert stored("parquet", path) == rows(ONE)


@pytest.mark.parametrize("mode", ["overwrite", "append"])
@pytest.mark.parametrize("kind", ["parquet", "delta"])
def test_partitions_may_begin_without_rows(
    tmp_path: Path, kind: str, mode: str, engine: Engine
) -> None:
    """A table without rows has no folder yet, and takes its first batch all the same."""
    path, by = tmp_path / "out", ("id",)
    empty = frame_of(engine, ONE).head(0)
    write(kind, path, empty, engine=engine, mode=mode, partition_by=by)
    for batch, data in (("b2", ONE), ("b3", TWO), ("b3", TWO)):
        add(kind, path, data, batch, engine, partition_by=by)
    assert stored(kind, path, engine) == rows(ONE, TWO)


def test_types_of_partitions_are_said_before_a_kill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the text 007 would be read as the number 7, and no later batch would fit."""
    path = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(files, "drop", _dies)
        with pytest.raises(KeyboardInterrupt):
            add("parquet", path, {"id": [1], "name": ["007"]}, "b1", partition_by=("name",))
    add("parquet", path, {"id": [2], "name": ["008"]}, "b2", partition_by=("name",))
    assert stored("parquet", path) == [(1, "007"), (2, "008")]


def _dies(_: Path) -> None:
    raise KeyboardInterrupt


def test_lines_written_by_others_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_bytes(b"\xef\xbb\xbfid,name\r\n5,x")
    add("csv", path, ONE, "b1")
    assert path.read_bytes().startswith(b"\xef\xbb\xbfid,name\r\n5,x\n1,")
    assert stored("csv", path) == rows({"id": [5], "name": ["x"]}, ONE)

    lines = tmp_path / "out.json"
    lines.write_text('{"id": 5, "name": "x"}')
    add("json", lines, ONE, "b1")
    assert stored("json", lines) == rows({"id": [5], "name": ["x"]}, ONE)


def test_what_was_compressed_is_read_and_added_to(tmp_path: Path) -> None:
    path = tmp_path / "out.csv.gz"
    path.write_bytes(gzip.compress(b"id,name\n5,x\n"))
    add("csv", path, ONE, "b1")
    assert stored("csv", path) == rows({"id": [5], "name": ["x"]}, ONE)


def test_an_empty_file_is_no_table_yet(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.touch()
    add("csv", path, ONE, "b1")
    assert stored("csv", path) == rows(ONE)


@pytest.mark.parametrize(
    ("content", "what"), [('[{"id": 5}]', "one array"), ("id,name", "no json"), ("PAR1", "no json")]
)
def test_lines_are_added_to_lines_only(tmp_path: Path, content: str, what: str) -> None:
    path = tmp_path / "out.json"
    path.write_text(content)
    with pytest.raises(SchemaContractError, match=what):
        add("json", path, ONE, "b1")
    assert path.read_text() == content


def test_csv_without_header_and_with_another_separator(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    for batch in ("b1", "b2"):
        add("csv", path, {"id": [1], "name": ["a"]}, batch, header=False, sep=";")
    assert path.read_text() == "1;a\n1;a\n"
    with pytest.raises(SchemaContractError, match="have 1 columns, what is stored has 2"):
        add("csv", path, {"id": [1]}, "b3", header=False, sep=";")


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_a_restored_file_does_not_hold_the_batches_of_the_lost_one(
    tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "out"
    add(kind, path, ONE, "b1")
    backup = path.read_bytes()
    add(kind, path, TWO, "b2")
    path.write_bytes(backup)
    assert not add(kind, path, TWO, "b2").adopted
    assert stored(kind, path) == rows(ONE, TWO)
    path.unlink()
    assert not add(kind, path, TWO, "b2").adopted
    assert stored(kind, path) == rows(TWO)


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_a_kill_between_the_ledger_and_the_rename(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "out"
    add(kind, path, ONE, "b1")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", _dies_before(path, Path.replace))
        with pytest.raises(KeyboardInterrupt):
            add(kind, path, TWO, "b2")
    assert stored(kind, path) == rows(ONE)
    assert add(kind, path, TWO, "b1").adopted
    assert not add(kind, path, TWO, "b2").adopted
    assert stored(kind, path) == rows(ONE, TWO)


def _dies_before(target: Path, replace: Any) -> Any:
    def dying(self: Path, other: Path) -> Path:
        if Path(other) == target:
            raise KeyboardInterrupt
        return replace(self, other)

    return dying


def test_lines_that_another_writer_adds_meanwhile_are_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The target is replaced after its lines were copied, and before the rename."""
    path, csv = tmp_path / "out", format_of("csv")
    add("csv", path, ONE, "b1")
    frame = frame_of(POLARS, ONE)
    staged = csv.stage(POLARS, frame, Location(path), batch=numbered("b3"), mode="append")
    joined, others = lines._joined, iter(["b2"])

    def joining(*args: Any) -> Path:
        whole = joined(*args)
        for batch in others:
            add("csv", path, TWO, batch)
        return whole

    monkeypatch.setattr(lines, "_joined", joining)
    csv.publish(POLARS, staged)
    assert stored("csv", path) == rows(ONE, TWO, ONE)


def test_two_tries_of_one_delta_batch_at_once(tmp_path: Path) -> None:
    """Both were staged before either was published: only one becomes visible.

    Who publishes other batches there does not mind.
    """
    path, delta = tmp_path / "out", format_of("delta")
    add("delta", path, ONE, "b1")
    one, two = (
        delta.stage(
            POLARS, frame_of(POLARS, TWO), Location(path), batch=numbered("b2"), mode="append"
        )
        for _ in range(2)
    )
    other = delta.stage(
        POLARS, frame_of(POLARS, ONE), Location(path), batch=numbered(), mode="append"
    )
    assert not delta.publish(POLARS, one).adopted
    assert delta.publish(POLARS, two).adopted
    published = delta.publish(POLARS, other)
    assert (published.adopted, published.total) == (False, 6)
    assert stored("delta", path) == rows(ONE, TWO, ONE)


def test_a_batch_is_known_after_checkpoint_cleanup_and_compaction(tmp_path: Path) -> None:
    path = tmp_path / "out"
    for batch in ("b1", "b2", "b3"):
        add("delta", path, ONE, batch)
    table = DeltaTable(str(path))
    table.optimize.compact()
    table.create_checkpoint()
    for entry in (path / "_delta_log").glob("*.json"):
        if int(entry.stem) < table.version():
            entry.unlink()
    assert add("delta", path, ONE, "b1").adopted
    assert len(stored("delta", path)) == 6


@pytest.mark.parametrize(
    ("configuration", "word"),
    [
        ({"delta.constraints.sounds": "soundex(name) = 'A'"}, "delta.constraints.sounds"),
        ({"delta.columnMapping.mode": "name"}, "delta.columnMapping"),
    ],
)
def test_tables_that_demand_more_are_refused(
    tmp_path: Path, configuration: dict[str, str], word: str
) -> None:
    path = tmp_path / "out"
    write_deltalake(str(path), pl.DataFrame(ONE).to_arrow())
    log = path / "_delta_log" / "00000000000000000000.json"
    said = json.dumps(configuration, separators=(",", ":"))
    log.write_text(log.read_text().replace('"configuration":{}', f'"configuration":{said}'))
    with pytest.raises(SchemaContractError, match=word):
        add("delta", path, ONE, "b1")


def test_other_files_in_the_directory_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "out"
    add("parquet", path, ONE, "b1")
    (path / "notes.md").touch()
    with pytest.raises(WriteError, match=r"notes\.md"):
        add("parquet", path, ONE, "b2")
