"""The plan of `workloads/sql/baskets.sql` by hand in Polars, in a Dagster asset with six checks."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
from polars import col

from benchmarks.contenders.hosted import run
from benchmarks.contenders.polars_sink import sink
from benchmarks.contenders.report import folders

CHECKS = ("customer", "segment", "segments", "quantity", "cost", "category")


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


def materialize(validated: Callable[[], pl.LazyFrame]) -> None:
    """Write the table where its rows are valid; a rule that a row breaks has to raise."""
    run("gold/baskets", lambda: sink(validated(), folders()[1] / "baskets.parquet"), CHECKS)
