"""The shop by hand in pandas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.contenders.report import Report, folders

KNOWN = ["completed", "pending", "shipped", "cancelled", "returned"]
EMAIL = r"^[^@]+@[^@]+[.][a-z]+$"


def silver_orders(orders: pd.DataFrame) -> pd.DataFrame:
    """Typed and known orders, the latest state of each, with what they are worth."""
    price = pd.to_numeric(orders["unit_price"])
    kept = orders["status"].isin(KNOWN) & (price > 0)
    typed = orders[kept].assign(unit_price=price[kept])
    latest = typed.sort_values("updated_at").drop_duplicates("order_id", keep="last")
    ordered_at = pd.to_datetime(latest["ordered_at"], format="%Y-%m-%d %H:%M:%S")
    discount = latest["discount"].fillna(0.0)
    quantity = latest["quantity"]
    return latest.assign(
        discount=discount,
        ordered_at=ordered_at,
        order_date=ordered_at.dt.normalize(),
        channel=latest["channel"].str.strip(" ").str.lower(),
        amount=quantity * latest["unit_price"] * (1 - discount),
        size_band=np.select([quantity >= 15, quantity >= 5], ["bulk", "medium"], "small"),
    )


def silver_customers(customers: pd.DataFrame) -> pd.DataFrame:
    """Customers with tidy names and addresses."""
    return customers.assign(
        customer_name=customers["customer_name"].str.strip(" "),
        email=customers["email"].str.lower(),
    )


def order_facts(
    orders: pd.DataFrame, customers: pd.DataFrame, products: pd.DataFrame
) -> pd.DataFrame:
    """Orders with what is known of their customer and product."""
    named = orders.merge(customers[["customer_id", "region", "segment"]], on="customer_id")
    facts = named.merge(products[["product_id", "category", "cost"]], on="product_id")
    return facts.assign(margin=facts["amount"] - facts["quantity"] * facts["cost"])


def daily_sales(facts: pd.DataFrame) -> pd.DataFrame:
    """Sales by day, region and category."""
    kept = facts[facts["status"] != "cancelled"]
    return kept.groupby(["order_date", "region", "category"], as_index=False).agg(
        orders=("order_id", "size"),
        revenue=("amount", "sum"),
        margin=("margin", "sum"),
        mean_amount=("amount", "mean"),
        customers=("customer_id", "nunique"),
    )


def top_customers(facts: pd.DataFrame) -> pd.DataFrame:
    """The hundred customers of each region that brought most."""
    sums = facts.groupby(["region", "customer_id"], as_index=False).agg(
        revenue=("amount", "sum"), orders=("order_id", "size")
    )
    ordered = sums.sort_values(["revenue", "customer_id"], ascending=[False, True])
    placed = ordered.assign(place=ordered.groupby("region").cumcount() + 1)
    return placed[placed["place"] <= 100]


def checks(node: str, table: pd.DataFrame) -> Mapping[str, Any]:
    """The values of a node's checks; nothing where it has none."""
    if node == "silver/orders":
        ids = table[["order_id", "customer_id", "product_id"]]
        return {
            "ids": int(ids.isna().any(axis=1).sum()),
            "key": int(table["order_id"].duplicated().sum()),
            "status": int((~table["status"].isin(KNOWN)).sum()),
            "price": int((~table["unit_price"].between(0, 1000)).sum()),
            "discount": int((~table["discount"].between(0, 1)).sum()),
            "rows": len(table),
            "newest": table["updated_at"].max().to_pydatetime(warn=False),
        }
    if node == "silver/customers":
        return {
            "key": int(table["customer_id"].duplicated().sum()),
            "email": int((~table["email"].str.match(EMAIL)).sum()),
        }
    if node == "gold/order_facts":
        return {
            "joined": int(table[["region", "category"]].isna().any(axis=1).sum()),
            "amount": int((~(table["amount"] >= 0)).sum()),
        }
    if node == "gold/daily_sales":
        return {"rows": len(table), "revenue": int((~(table["revenue"] >= 0)).sum())}
    return {}


def run(report: Report) -> None:
    """Write and check one node after the other; each reads again what it needs."""
    data, out = folders()

    def stored(node: str) -> pd.DataFrame:
        return pd.read_parquet(out / f"{node.replace('/', '_')}.parquet")

    def put(node: str, table: pd.DataFrame) -> None:
        place = out / f"{node.replace('/', '_')}.parquet"
        table.to_parquet(place, compression="zstd", compression_level=1, index=False)
        if seen := checks(node, table):
            report.saw(node, seen)

    for name in ("orders", "customers", "products"):
        with report.timing(f"bronze/{name}"):
            put(f"bronze/{name}", pd.read_parquet(data / f"{name}.parquet"))
    with report.timing("silver/orders"):
        put("silver/orders", silver_orders(stored("bronze/orders")))
    with report.timing("silver/customers"):
        put("silver/customers", silver_customers(stored("bronze/customers")))
    with report.timing("gold/order_facts"):
        silver = "silver/orders", "silver/customers", "bronze/products"
        put("gold/order_facts", order_facts(*map(stored, silver)))
    with report.timing("gold/daily_sales"):
        put("gold/daily_sales", daily_sales(stored("gold/order_facts")))
    with report.timing("gold/top_customers"):
        put("gold/top_customers", top_customers(stored("gold/order_facts")))
    report.write()


if __name__ == "__main__":
    run(Report())
