"""The plan of `workloads/validators.yaml`, written once and not checked: what checking adds to."""

from __future__ import annotations

from benchmarks.contenders.baskets import baskets
from benchmarks.contenders.hosted import run
from benchmarks.contenders.polars_sink import sink
from benchmarks.contenders.report import folders

if __name__ == "__main__":
    run("gold/baskets", lambda: sink(baskets(), folders()[1] / "baskets.parquet"))
