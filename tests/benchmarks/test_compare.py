"""What two contenders left behind is told apart when it is not the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest

from benchmarks.compare import Facts, differences
from benchmarks.digest import digest

if TYPE_CHECKING:
    from pathlib import Path

ROWS = pl.DataFrame(
    {
        "id": [1, 2, 3],
        "name": ["a", "b", None],
        "amount": [0.1, 0.2, 0.3],
        "day": pl.Series([1, 2, 3]).cast(pl.Date),
    }
)


def found(folder: Path, table: pl.DataFrame) -> list[str]:
    table.write_parquet(folder / "seen.parquet")
    ROWS.write_parquet(folder / "expected.parquet")
    seen, expected = (
        Facts({"t": digest(folder / f"{name}.parquet")}, {}) for name in ("seen", "expected")
    )
    return differences("ours", seen, "theirs", expected)


@pytest.mark.parametrize(
    "table",
    [
        ROWS,
        ROWS.reverse(),
        ROWS.select(reversed(ROWS.columns)),
        ROWS.with_columns(pl.col("id").cast(pl.Int8), pl.col("day").cast(pl.Datetime("ns"))),
        ROWS.with_columns(pl.col("amount") + 1e-14),
    ],
    ids=["same", "other order", "other columns first", "other types", "rounding"],
)
def test_the_same_rows_are_the_same(table: pl.DataFrame, tmp_path: Path):
    assert found(tmp_path, table) == []


@pytest.mark.parametrize(
    ("table", "what"),
    [
        (ROWS.head(2), "rows"),
        (ROWS.with_columns(pl.col("id").reverse()), "exact"),
        (ROWS.with_columns(pl.col("name").fill_null("a")), "column name"),
        (ROWS.with_columns(pl.col("amount") + 1e-6), "column amount"),
        (ROWS.with_columns(pl.col("day").dt.offset_by("1d")), "column day"),
        (ROWS.drop("day"), "column day"),
    ],
    ids=["a row less", "swapped", "a null filled", "another amount", "another day", "no day"],
)
def test_other_rows_are_named(table: pl.DataFrame, what: str, tmp_path: Path):
    assert any(f"t, {what}: " in line for line in found(tmp_path, table))


def test_other_check_values_are_named():
    seen = Facts({}, {"n": {"key": 1, "rows": 5}})
    expected = Facts({}, {"n": {"key": 0, "rows": 5}})

    assert differences("ours", seen, "theirs", expected) == ["n, check key: ours 1, theirs 0"]
