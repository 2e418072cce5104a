"""Baskets collected on the in-memory engine, then written."""

from __future__ import annotations

from benchmarks.contenders.baskets import baskets
from benchmarks.contenders.report import Report, folders

if __name__ == "__main__":
    report = Report()
    with report.timing("gold/baskets"):
        baskets().collect(engine="in-memory").write_parquet(folders()[1] / "baskets.parquet")
    report.write()
