"""The bare sink, and then a plain grouping of what was written: how many rows share a key."""

from __future__ import annotations

import polars as pl

from benchmarks.contenders.polars_sink import sink
from benchmarks.contenders.priced import priced
from benchmarks.contenders.report import Report, folders

if __name__ == "__main__":
    report = Report()
    data, out = folders()
    with report.timing("silver/priced"):
        sink(priced(pl.scan_parquet(data / "orders.parquet")), out / "priced.parquet")
        groups = pl.scan_parquet(out / "priced.parquet").group_by("order_id", "updated_at")
        shared = groups.agg(pl.len().alias("rows")).filter(pl.col("rows") > 1)
        shared.select(pl.col("rows").sum()).collect(engine="streaming")
    report.write()
