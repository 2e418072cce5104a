"""Baskets collected as `collect()` does by itself, then written."""

from __future__ import annotations

from benchmarks.contenders.baskets import baskets
from benchmarks.contenders.report import Report, folders

if __name__ == "__main__":
    report = Report()
    with report.timing("gold/baskets"):
        baskets().collect().write_parquet(folders()[1] / "baskets.parquet")
    report.write()
