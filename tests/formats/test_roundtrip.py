"""Whatever the columns hold: what was staged is what is read, staged and published."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from polars.testing.parametric import column, dataframes

from odibi_dagster.connections.base import Location
from tests.formats.support import POLARS, format_of, numbered, read

FLAT = [
    pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.Float32, pl.Float64, pl.Boolean, pl.String,
    pl.Binary, pl.Date, pl.Datetime("us"), pl.Datetime("us", "UTC"), pl.Decimal(20, 4),
]  # fmt: skip
NESTED = [pl.List(pl.Int64), pl.List(pl.String), pl.Struct({"a": pl.Int64, "b": pl.String})]
ONLY_PARQUET = [pl.UInt64, pl.Time, pl.Duration("us"), pl.Datetime("ns"), pl.Categorical]
KINDS = {
    "parquet": FLAT + NESTED + ONLY_PARQUET,
    "delta": FLAT + NESTED,
    "csv": [pl.Int64, pl.Float64, pl.Boolean],
    "json": [pl.Int64, pl.Boolean],
}
LIMITS = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def frames(kind: str) -> st.SearchStrategy[pl.DataFrame]:
    return dataframes(
        max_cols=5, max_size=20, min_cols=1, allowed_dtypes=KINDS[kind], allow_null=True,
        allow_infinity=kind != "json",
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["parquet", "delta", "csv", "json"])
def test_round_trip(kind: str) -> None:
    @LIMITS
    @given(frames(kind))
    def check(frame: pl.DataFrame) -> None:
        with TemporaryDirectory() as folder:
            _round_trip(kind, frame, Path(folder) / "out")

    check()


def _round_trip(kind: str, frame: pl.DataFrame, path: Path) -> None:
    format = format_of(kind)
    staged = format.stage(POLARS, POLARS.wrap(frame), Location(path), batch=numbered("b"))
    assert staged.rows == frame.height
    assert_frame_equal(format.scan_staged(POLARS, staged).collect().to_native(), frame)
    assert format.publish(POLARS, staged).rows == frame.height
    if kind in ("parquet", "delta"):
        assert_frame_equal(read(kind, path).collect().to_native(), frame)


TEXTS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=8)


@LIMITS
@given(
    dataframes(
        [
            column("k", strategy=st.one_of(st.none(), TEXTS.filter(bool)), dtype=pl.String),
            column("d", strategy=st.dates(date(1900, 1, 1), date(2100, 1, 1)), dtype=pl.Date),
            column("v", dtype=pl.Int64),
        ],
        min_size=1, max_size=8,
    )
)  # fmt: skip
def test_partitions_hold_any_text(frame: pl.DataFrame) -> None:
    for kind in ("parquet", "delta"):
        with TemporaryDirectory() as folder:
            path, format = Path(folder) / "out", format_of(kind)
            staged = format.stage(
                POLARS,
                POLARS.wrap(frame),
                Location(path),
                batch=numbered("b"),
                partition_by=("k", "d"),
            )
            found = format.scan_staged(POLARS, staged).collect().to_native()
            assert_frame_equal(found, frame, check_row_order=False)
            format.publish(POLARS, staged)
            found = read(kind, path).select("k", "d", "v").collect().to_native()
            assert_frame_equal(found, frame, check_row_order=False)


@LIMITS
@given(st.lists(st.one_of(st.none(), TEXTS), min_size=1, max_size=8))
def test_any_text_survives_staging_as_csv_and_json(texts: list[str | None]) -> None:
    frame = pl.DataFrame(
        {"s": texts, "t": [datetime(2024, 1, 1)] * len(texts)}, schema_overrides={"s": pl.String}
    )
    for kind in ("csv", "json"):
        with TemporaryDirectory() as folder:
            format = format_of(kind)
            location = Location(Path(folder) / "out")
            staged = format.stage(POLARS, POLARS.wrap(frame), location, batch=numbered("b"))
            assert_frame_equal(format.scan_staged(POLARS, staged).collect().to_native(), frame)
