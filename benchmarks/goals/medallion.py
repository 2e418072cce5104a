"""Eight nodes and thirteen contracts against the hand-written script, and other tools beside it."""

from __future__ import annotations

from benchmarks.goals.ours import ours, script
from benchmarks.model import Claim, Goal

NODES = (
    "bronze/orders",
    "bronze/customers",
    "bronze/products",
    "silver/orders",
    "silver/customers",
    "gold/order_facts",
    "gold/daily_sales",
    "gold/top_customers",
)
TABLES = {node: f"{node.replace('/', '_')}.parquet" for node in NODES}
_IN_FOLDERS = {node: f"{node}.parquet" for node in NODES}

GOAL = Goal(
    name="medallion",
    title="Eight nodes, thirteen contracts",
    method=(
        "The whole of `odibi-dagster run` on `workloads/medallion.yaml` against a script that an "
        "experienced author writes in Polars (`contenders/shop_polars.py`), with the same sinks "
        "and the same checks: one aggregate per node over the written file. The others do the "
        "same work; dbt runs each test as a query of its own."
    ),
    contenders=(
        ours("medallion.yaml", tables=TABLES),
        script("shop_polars", "polars", "Polars by hand", tables=TABLES),
        script(
            "shop_dagster",
            "dagster",
            "plain Dagster with dagster-polars",
            logged=True,
            once=True,
            tables=_IN_FOLDERS,
        ),
        script(
            "shop_duckdb", "duckdb", "DuckDB by hand", python="duckdb", once=True, tables=TABLES
        ),
        script("shop_dbt", "dbt", "dbt with dbt-duckdb", python="dbt", once=True, tables=TABLES),
        script(
            "shop_pandas", "pandas", "pandas by hand", python="pandas", once=True, tables=TABLES
        ),
    ),
    claims=(
        Claim("wall time of the whole process", "wall", "ours", "polars", 1.25),
        Claim("peak memory", "memory", "ours", "polars", 1.3),
    ),
    base="polars",
)
