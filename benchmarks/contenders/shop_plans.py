"""The plans and checks of the shop by hand in Polars, as an experienced author writes them."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl
from polars import col

KNOWN = ["completed", "pending", "shipped", "cancelled", "returned"]
EMAIL = r"^[^@]+@[^@]+[.][a-z]+$"


def silver_orders(orders: pl.LazyFrame) -> pl.LazyFrame:
    """Typed and known orders, the latest state of each, with what they are worth."""
    price = col("unit_price").cast(pl.Float64)
    typed = orders.filter(col("status").is_in(KNOWN), price > 0).with_columns(
        price,
        col("discount").fill_null(0.0),
        col("ordered_at").str.to_datetime("%Y-%m-%d %H:%M:%S"),
        col("channel").str.strip_chars(" ").str.to_lowercase(),
    )
    latest = typed.filter(col("updated_at") == col("updated_at").max().over("order_id"))
    size = (
        pl.when(col("quantity") >= 15)
        .then(pl.lit("bulk"))
        .when(col("quantity") >= 5)
        .then(pl.lit("medium"))
        .otherwise(pl.lit("small"))
    )
    return latest.select(
        "order_id",
        "customer_id",
        "product_id",
        "quantity",
        "unit_price",
        "discount",
        "status",
        "ordered_at",
        col("ordered_at").dt.date().alias("order_date"),
        "updated_at",
        "channel",
        (col("quantity") * col("unit_price") * (1 - col("discount"))).alias("amount"),
        size.alias("size_band"),
    )


def silver_customers(customers: pl.LazyFrame) -> pl.LazyFrame:
    """Customers with tidy names and addresses."""
    return customers.with_columns(
        col("customer_name").str.strip_chars(" "), col("email").str.to_lowercase()
    )


def order_facts(
    orders: pl.LazyFrame, customers: pl.LazyFrame, products: pl.LazyFrame
) -> pl.LazyFrame:
    """Orders with what is known of their customer and product."""
    return (
        orders.join(customers.select("customer_id", "region", "segment"), on="customer_id")
        .join(products.select("product_id", "category", "cost"), on="product_id")
        .with_columns(margin=col("amount") - col("quantity") * col("cost"))
    )


def daily_sales(facts: pl.LazyFrame) -> pl.LazyFrame:
    """Sales by day, region and category."""
    kept = facts.filter(col("status") != "cancelled")
    return kept.group_by("order_date", "region", "category").agg(
        orders=pl.len(),
        revenue=col("amount").sum(),
        margin=col("margin").sum(),
        mean_amount=col("amount").mean(),
        customers=col("customer_id").n_unique(),
    )


def top_customers(facts: pl.LazyFrame) -> pl.LazyFrame:
    """The hundred customers of each region that brought most."""
    sums = facts.group_by("region", "customer_id").agg(revenue=col("amount").sum(), orders=pl.len())
    ordered = sums.sort("revenue", "customer_id", descending=[True, False])
    placed = ordered.with_columns(place=pl.int_range(1, pl.len() + 1).over("region"))
    return placed.filter(col("place") <= 100)


def broken(valid: pl.Expr) -> pl.Expr:
    """How many rows are not valid; null is."""
    return (~valid.fill_null(True)).sum()


CHECKS: Mapping[str, Mapping[str, pl.Expr]] = {
    "silver/orders": {
        "ids": broken(
            pl.all_horizontal(col("order_id", "customer_id", "product_id").is_not_null())
        ),
        "key": pl.len() - col("order_id").n_unique(),
        "status": (~col("status").is_in(KNOWN)).sum(),
        "price": broken(col("unit_price").is_between(0, 1000)),
        "discount": broken(col("discount").is_between(0, 1)),
        "rows": pl.len(),
        "newest": col("updated_at").max(),
    },
    "silver/customers": {
        "key": pl.len() - col("customer_id").n_unique(),
        "email": broken(col("email").str.contains(EMAIL)),
    },
    "gold/order_facts": {
        "joined": broken(pl.all_horizontal(col("region", "category").is_not_null())),
        "amount": broken(col("amount") >= 0),
    },
    "gold/daily_sales": {"rows": pl.len(), "revenue": broken(col("revenue") >= 0)},
}
