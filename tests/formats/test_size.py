"""What formats know of their size without reading a row."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable

from odibi_dagster.connections.base import Location
from odibi_dagster.errors import DataReadError
from odibi_dagster.formats.base import Size
from odibi_dagster.formats.delta import DeltaReadOptions
from tests.formats.support import POLARS, format_of, frame_of, write


def size_of(kind: str, path: Path, options: object = None) -> Size | None:
    return format_of(kind).size(Location(path), options)


@pytest.mark.parametrize(
    ("kind", "rows"), [("parquet", 5), ("delta", 5), ("csv", None), ("json", None)]
)
def test_a_table_that_was_published(tmp_path: Path, kind: str, rows: int | None) -> None:
    published = write(kind, tmp_path / "t", frame_of(POLARS, {"a": [1, 2, 3, 4, 5]}))
    assert size_of(kind, tmp_path / "t") == Size(rows, published.bytes)


@pytest.mark.parametrize("kind", ["parquet", "delta"])
def test_partitions_add_up(tmp_path: Path, kind: str) -> None:
    frame = frame_of(POLARS, {"a": [1, 2, 3, 4, 5], "k": ["x", "y", "x", "x", "z"]})
    published = write(kind, tmp_path / "t", frame, partition_by=("k",))
    assert size_of(kind, tmp_path / "t") == Size(5, published.bytes)


def test_of_many_files_a_sample_of_footers_is_read(tmp_path: Path) -> None:
    """1,000 files of which one in five can be opened at all: the others are not."""
    whole = tmp_path / "whole.parquet"
    pl.DataFrame({"a": range(10)}).write_parquet(whole)
    (tmp_path / "t").mkdir()
    for number in range(1000):
        content = whole.read_bytes() if number % 5 == 0 else b"x" * whole.stat().st_size
        (tmp_path / f"t/{number:04}.parquet").write_bytes(content)
    assert size_of("parquet", tmp_path / "t") == Size(10_000, 1000 * whole.stat().st_size)


def test_a_version_of_delta_has_its_own_size(tmp_path: Path) -> None:
    for rows in ([1, 2, 3], [1]):
        write("delta", tmp_path / "t", frame_of(POLARS, {"a": rows}))
    for options, rows in ((None, 1), (DeltaReadOptions(version=0), 3)):
        size = size_of("delta", tmp_path / "t", options)
        assert size is not None
        assert size.rows == rows


def test_delta_files_without_statistics_have_bytes_only(tmp_path: Path) -> None:
    write("delta", tmp_path / "t", frame_of(POLARS, {"a": [1, 2]}))
    log = tmp_path / "t/_delta_log/00000000000000000000.json"
    lines = log.read_text().splitlines()
    bare = [line.split(',"stats"')[0] + "}}" if '"stats"' in line else line for line in lines]
    log.write_text("\n".join(bare))
    assert DeltaTable(str(tmp_path / "t")).count() == 0
    size = size_of("delta", tmp_path / "t")
    assert size is not None
    assert (size.rows, size.bytes > 0) == (None, True)


def test_an_empty_table_has_no_row(tmp_path: Path) -> None:
    for kind in ("parquet", "delta"):
        write(kind, tmp_path / kind, frame_of(POLARS, {"a": [1]}))
        write(kind, tmp_path / kind, POLARS.wrap(pl.LazyFrame(schema={"a": pl.Int64})))
        size = size_of(kind, tmp_path / kind)
        assert size is not None
        assert size.rows == 0


@pytest.mark.parametrize("kind", ["parquet", "delta", "csv", "json"])
def test_where_nothing_lies_that_is_said(tmp_path: Path, kind: str) -> None:
    with pytest.raises(DataReadError):
        size_of(kind, tmp_path / "nowhere")


def test_a_damaged_footer_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "t.parquet").write_bytes(b"PAR1 and then nothing PAR1")
    with pytest.raises(DataReadError, match=r"t\.parquet is not a readable parquet file"):
        size_of("parquet", tmp_path / "t.parquet")
