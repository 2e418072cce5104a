"""The two gold tables by hand, with what both read written once and removed at the end.

It holds only the columns that either needs, which a run that starts with the first cannot know.
"""

from __future__ import annotations

import polars as pl

from benchmarks.contenders.gold_polars import order_facts, put_both
from benchmarks.contenders.polars_sink import sink
from benchmarks.contenders.report import Report, folders

_NEEDED = ("order_date", "region", "category", "status", "amount", "margin", "customer_id")

if __name__ == "__main__":
    shared = folders()[1] / "shared.parquet"
    sink(order_facts().select(_NEEDED), shared)
    put_both(Report(), pl.scan_parquet(shared))
    shared.unlink()
