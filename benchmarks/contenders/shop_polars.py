"""The shop by hand in Polars: the base of the ratios.

The same sinks and the same checks as the YAML: one aggregate per node over the written file.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from benchmarks.contenders import shop_plans as shop
from benchmarks.contenders.polars_sink import sink
from benchmarks.contenders.report import Report, folders

_SILVER = ("silver/orders", "silver/customers", "bronze/products")


def place(node: str) -> Path:
    """The file of a node."""
    return folders()[1] / f"{node.replace('/', '_')}.parquet"


def stored(node: str) -> pl.LazyFrame:
    """What was written of a node."""
    return pl.scan_parquet(place(node))


def put(report: Report, node: str, frame: pl.LazyFrame) -> None:
    """Write a node, then look at what was written."""
    with report.timing(node):
        sink(frame, place(node))
        if checks := shop.CHECKS.get(node):
            seen = stored(node).select(**checks).collect(engine="streaming")
            report.saw(node, seen.row(0, named=True))


def run(report: Report) -> None:
    """One node after the other."""
    data, _ = folders()
    for name in ("orders", "customers", "products"):
        put(report, f"bronze/{name}", pl.scan_parquet(data / f"{name}.parquet"))
    put(report, "silver/orders", shop.silver_orders(stored("bronze/orders")))
    put(report, "silver/customers", shop.silver_customers(stored("bronze/customers")))
    put(report, "gold/order_facts", shop.order_facts(*map(stored, _SILVER)))
    put(report, "gold/daily_sales", shop.daily_sales(stored("gold/order_facts")))
    put(report, "gold/top_customers", shop.top_customers(stored("gold/order_facts")))
    report.write()


if __name__ == "__main__":
    run(Report())
