"""The shop's SQL for tools that speak DuckDB: the very files of the workload."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

SQL = Path(__file__).parent.parent / "workloads" / "sql"
LANDED = ("orders", "customers", "products")
INPUTS: Mapping[str, Mapping[str, str]] = {
    "silver/orders": {"orders": "bronze/orders"},
    "silver/customers": {"customers": "bronze/customers"},
    "gold/order_facts": {
        "orders": "silver/orders",
        "customers": "silver/customers",
        "products": "bronze/products",
    },
    "gold/daily_sales": {"order_facts": "gold/order_facts"},
    "gold/top_customers": {"order_facts": "gold/order_facts"},
}
"""What each node reads, by the name that its SQL has for it."""
_FILES = {
    "silver/customers": "silver_customers",
    "gold/order_facts": "order_facts",
    "gold/daily_sales": "daily_sales",
    "gold/top_customers": "top_customers",
}
_LATEST = "QUALIFY ROW_NUMBER() OVER (PARTITION BY order_id ORDER BY updated_at DESC) = 1"


def query(node: str) -> str:
    """The SELECT of a silver or gold node."""
    if node == "silver/orders":
        return f"WITH df AS ({_text('silver_orders')} {_LATEST}) {_text('order_amounts')}"
    return _text(_FILES[node])


def _text(name: str) -> str:
    return (SQL / f"{name}.sql").read_text(encoding="utf-8")


def table(node: str) -> str:
    """The name of a node where a slash cannot be: `silver_orders`."""
    return node.replace("/", "_")
