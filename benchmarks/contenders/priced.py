"""The plan of `workloads/sql/priced.sql` by hand in Polars."""

from __future__ import annotations

import polars as pl
from polars import col


def priced(orders: pl.LazyFrame) -> pl.LazyFrame:
    """Orders that have a price, with what they are worth."""
    price = col("unit_price").cast(pl.Float64)
    discount = col("discount").fill_null(0.0)
    size = (
        pl.when(col("quantity") >= 15)
        .then(pl.lit("bulk"))
        .when(col("quantity") >= 5)
        .then(pl.lit("medium"))
        .otherwise(pl.lit("small"))
    )
    return orders.filter(col("unit_price").is_not_null()).select(
        "order_id",
        "customer_id",
        "product_id",
        "quantity",
        price,
        discount,
        "status",
        "ordered_at",
        "updated_at",
        col("channel").str.strip_chars(" ").str.to_lowercase(),
        (col("quantity") * price * (1 - discount)).alias("amount"),
        size.alias("size_band"),
    )
