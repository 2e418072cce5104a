"""The plan of `workloads/validators.yaml`, written once and not checked: what checking adds to."""

from __future__ import annotations

from benchmarks.contenders.baskets import baskets
from benchmarks.contenders.polars_sink import sink
from benchmarks.contenders.report import Report, folders

if __name__ == "__main__":
    report = Report()
    with report.timing("gold/baskets"):
        sink(baskets(), folders()[1] / "baskets.parquet")
    report.write()
