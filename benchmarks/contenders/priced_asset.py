"""The bare sink in a plain Dagster asset: the least that a node of any kind takes."""

from __future__ import annotations

import polars as pl

from benchmarks.contenders.hosted import run
from benchmarks.contenders.polars_sink import sink
from benchmarks.contenders.priced import priced
from benchmarks.contenders.report import folders


def write() -> None:
    """One sink."""
    data, out = folders()
    sink(priced(pl.scan_parquet(data / "orders.parquet")), out / "priced.parquet")


if __name__ == "__main__":
    run("silver/priced", write, ())
