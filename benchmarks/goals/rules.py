"""Twelve rules on a written node, with a key and without, and at two sizes."""

from __future__ import annotations

from benchmarks.goals.ours import node, script
from benchmarks.model import Claim, Goal

TABLES = {"silver/priced": "priced.parquet"}

GOAL = Goal(
    name="rules",
    title="Twelve rules",
    method=(
        "`workloads/rules.yaml`: the row-wise node with not_null (three), range (two), "
        "accepted_values, regex_match, unique over two columns, row_count, the mean against the "
        "last run, freshness and custom_sql, against the bare sink of the same plan; "
        "`workloads/rules_rows.yaml` is the same without the key, which has to remember all rows. "
        "The memory of a node is how much the process grew meanwhile. A process of Dagster is "
        "larger than a script before a row is read: beside the script stands the same sink in a "
        "plain asset."
    ),
    contenders=(
        node("rules.yaml", "ours", "odibi_dagster, twelve rules", tables=TABLES),
        node("rules_rows.yaml", "rows", "odibi_dagster, eleven, no key", tables=TABLES),
        script("priced_polars", "sink", "bare sink in Polars", tables=TABLES),
        script("priced_asset", "asset", "the same sink in a plain asset", tables=TABLES),
        node("rules_rows.yaml", "rows_4x", "eleven, fourfold rows", times=4),
    ),
    claims=(
        Claim("CPU of the node, against the bare sink", "node_cpu", "ours", "sink", 1.4),
        Claim(
            "memory of the node without the key, against the sink",
            "node_memory",
            "rows",
            "sink",
            1.3,
        ),
        Claim("peak memory of its process, against the script's", "memory", "rows", "sink", 1.3),
        Claim(
            "peak memory of its process, against the plain asset's",
            "memory",
            "rows",
            "asset",
            1.3,
        ),
        Claim("peak memory at fourfold rows", "memory", "rows_4x", "rows", 1.3),
    ),
    base="sink",
)
