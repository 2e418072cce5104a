"""How staged Parquet files are written: what the audit and every later reader gain from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from odibi_dagster.connections.base import Location
from odibi_dagster.engines.base import Engine
from tests.formats.support import format_of, frame_of, numbered

ROWS = 300_000
GROUPS = {"polars": range(2, 10), "spark": range(1, 2)}
"""Spark counts bytes, Polars about 100,000 rows: what a reader takes on or rules out at once."""


@pytest.mark.parametrize("kind", ["parquet", "delta"])
def test_zstd_with_statistics_in_groups_of_rows(tmp_path: Path, engine: Engine, kind: str) -> None:
    data: dict[str, list[Any]] = {"id": list(range(ROWS)), "word": ["a", "b", None] * (ROWS // 3)}
    format = format_of(kind)
    staged = format.stage(
        engine, frame_of(engine, data), Location(tmp_path / "out"), batch=numbered("b")
    )
    (file,) = staged.files
    footer = pq.read_metadata(file)
    groups = [footer.row_group(place) for place in range(footer.num_row_groups)]
    chunks = [group.column(place) for group in groups for place in range(2)]
    assert len(groups) in GROUPS[engine.name]
    assert {chunk.compression for chunk in chunks} == {"ZSTD"}
    assert all(chunk.statistics.has_null_count for chunk in chunks)
    assert [chunk.statistics.has_min_max for chunk in chunks] == [True] * len(chunks)
    assert all(group.column(1).has_dictionary_page for group in groups)
