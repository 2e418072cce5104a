"""The plan of the row-wise node through Polars' own `sink_delta`."""

from __future__ import annotations

import polars as pl

from benchmarks.contenders.priced import priced
from benchmarks.contenders.report import Report, folders


def run(report: Report) -> None:
    """One sink; the options of its Parquet files are those of delta-rs."""
    data, out = folders()
    with report.timing("silver/priced"):
        priced(pl.scan_parquet(data / "orders.parquet")).sink_delta(
            str(out / "priced"), mode="overwrite"
        )
    report.write()


if __name__ == "__main__":
    run(Report())
