"""The two gold tables by hand in Polars, each one plan from the landed files.

Nothing in between is stored: the floor of what views can give.
"""

from __future__ import annotations

import polars as pl

from benchmarks.contenders import shop_plans as shop
from benchmarks.contenders.report import Report, folders
from benchmarks.contenders.shop_polars import put


def order_facts() -> pl.LazyFrame:
    """What both tables are made of, from the landed files."""
    data, _ = folders()
    orders, customers, products = (
        pl.scan_parquet(data / f"{name}.parquet") for name in ("orders", "customers", "products")
    )
    return shop.order_facts(shop.silver_orders(orders), shop.silver_customers(customers), products)


def put_both(report: Report, facts: pl.LazyFrame) -> None:
    """Two sinks one after the other, and the checks of what was written."""
    put(report, "gold/daily_sales", shop.daily_sales(facts))
    put(report, "gold/top_customers", shop.top_customers(facts))
    report.write()


if __name__ == "__main__":
    put_both(Report(), order_facts())
