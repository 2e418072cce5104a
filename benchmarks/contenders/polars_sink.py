"""One streaming sink, with the options that this library writes Parquet with."""

from __future__ import annotations

from pathlib import Path

import polars as pl


def sink(frame: pl.LazyFrame, file: Path) -> None:
    """Write the frame: zstd level 1, statistics, flushed to disk."""
    frame.sink_parquet(
        file,
        compression="zstd",
        compression_level=1,
        statistics=True,
        sync_on_close="all",
        engine="streaming",
    )
