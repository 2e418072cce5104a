"""Stage, audit and publish into Delta, against a bare Parquet sink and Polars' own `sink_delta`."""

from __future__ import annotations

from benchmarks.goals.ours import node, script
from benchmarks.model import Claim, Goal

TABLES = {"silver/priced": "priced"}

GOAL = Goal(
    name="delta",
    title="A row-wise node with eight contracts into Delta",
    method=(
        "`workloads/delta.yaml` (the row-wise node, stored as a Delta table) against the bare "
        "Parquet sink of the same plan, and against Polars' `sink_delta`, which checks nothing. "
        "*The node* is stage, audit and publish, from the call of `dg.materialize` to its return."
    ),
    contenders=(
        node("delta.yaml", "ours", "odibi_dagster, eight contracts", tables=TABLES),
        script(
            "priced_polars", "sink", "bare Parquet sink", tables={"silver/priced": "priced.parquet"}
        ),
        script("priced_sink_delta", "sink_delta", "`sink_delta`", tables=TABLES),
    ),
    claims=(
        Claim("CPU of the node, against the bare sink", "node_cpu", "ours", "sink", 1.25),
        Claim("CPU of the node, against `sink_delta`", "node_cpu", "ours", "sink_delta", 1.0),
    ),
    base="sink",
)
