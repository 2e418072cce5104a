"""The two gold tables by hand in one plan with two sinks: what both read is computed once.

No part of it could fail, be retried or be judged alone, or run in a process of its own.
"""

from __future__ import annotations

import polars as pl

from benchmarks.contenders import shop_plans as shop
from benchmarks.contenders.gold_polars import order_facts
from benchmarks.contenders.shop_polars import place

if __name__ == "__main__":
    facts = order_facts()
    tables = {
        "gold/daily_sales": shop.daily_sales(facts),
        "gold/top_customers": shop.top_customers(facts),
    }
    sinks = [
        table.sink_parquet(place(node), compression_level=1, sync_on_close="all", lazy=True)
        for node, table in tables.items()
    ]
    pl.collect_all(sinks, engine="streaming")
