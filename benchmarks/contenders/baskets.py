"""The plan of `workloads/sql/baskets.sql` by hand in Polars."""

from __future__ import annotations

import polars as pl
from polars import col

from benchmarks.contenders.report import folders


def baskets() -> pl.LazyFrame:
    """What each customer bought of each category."""
    data, _ = folders()
    orders, customers, products = (
        pl.scan_parquet(data / f"{name}.parquet") for name in ("orders", "customers", "products")
    )
    joined = orders.join(customers, on="customer_id").join(products, on="product_id")
    return joined.group_by("customer_id", "segment", "category").agg(
        orders=pl.len(),
        quantity=col("quantity").cast(pl.Int64).sum(),
        cost=(col("quantity") * col("cost")).sum(),
    )
