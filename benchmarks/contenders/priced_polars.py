"""The bare sink: the plan of the row-wise node, written once, flushed to disk, and nothing else."""

from __future__ import annotations

import polars as pl

from benchmarks.contenders.polars_sink import sink
from benchmarks.contenders.priced import priced
from benchmarks.contenders.report import Report, folders


def run(report: Report) -> None:
    """One sink."""
    data, out = folders()
    with report.timing("silver/priced"):
        sink(priced(pl.scan_parquet(data / "orders.parquet")), out / "priced.parquet")
    report.write()


if __name__ == "__main__":
    run(Report())
