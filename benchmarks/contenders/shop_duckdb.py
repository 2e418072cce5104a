"""The shop by hand in DuckDB: the SQL of the workload, a COPY for each node."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from benchmarks.contenders.report import Report, folders
from benchmarks.contenders.shop_sql import INPUTS, LANDED, query, table

KNOWN = "('completed', 'pending', 'shipped', 'cancelled', 'returned')"
CHECKS: Mapping[str, Mapping[str, str]] = {
    "silver/orders": {
        "ids": "COUNT(*) FILTER (order_id IS NULL OR customer_id IS NULL OR product_id IS NULL)",
        "key": "COUNT(*) - COUNT(DISTINCT order_id)",
        "status": f"COUNT(*) FILTER (status NOT IN {KNOWN})",
        "price": "COUNT(*) FILTER (NOT unit_price BETWEEN 0 AND 1000)",
        "discount": "COUNT(*) FILTER (NOT discount BETWEEN 0 AND 1)",
        "rows": "COUNT(*)",
        "newest": "MAX(updated_at)",
    },
    "silver/customers": {
        "key": "COUNT(*) - COUNT(DISTINCT customer_id)",
        "email": "COUNT(*) FILTER (NOT regexp_matches(email, '^[^@]+@[^@]+[.][a-z]+$'))",
    },
    "gold/order_facts": {
        "joined": "COUNT(*) FILTER (region IS NULL OR category IS NULL)",
        "amount": "COUNT(*) FILTER (NOT amount >= 0)",
    },
    "gold/daily_sales": {"rows": "COUNT(*)", "revenue": "COUNT(*) FILTER (NOT revenue >= 0)"},
}


def run(report: Report) -> None:
    """Write and check one node after the other."""
    data, out = folders()
    connection = duckdb.connect()
    connection.execute(f"SET temp_directory = '{out}/.spill'; SET preserve_insertion_order = false")

    def stored(node: str) -> str:
        return f"read_parquet('{out}/{table(node)}.parquet')"

    def put(node: str, select: str) -> None:
        with report.timing(node):
            place = f"{out}/{table(node)}.parquet"
            options = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1"
            connection.execute(f"COPY ({select}) TO '{place}' ({options})")
            if checks := CHECKS.get(node):
                measures = ", ".join(checks.values())
                seen = connection.execute(f"SELECT {measures} FROM {stored(node)}").fetchone()
                report.saw(node, dict(zip(checks, seen or (), strict=True)))

    for name in LANDED:
        put(f"bronze/{name}", f"SELECT * FROM read_parquet('{data}/{name}.parquet')")
    for node, inputs in INPUTS.items():
        for name, upstream in inputs.items():
            connection.execute(
                f"CREATE OR REPLACE TEMP VIEW {name} AS SELECT * FROM {stored(upstream)}"
            )
        put(node, query(node))
    report.write()


if __name__ == "__main__":
    run(Report())
