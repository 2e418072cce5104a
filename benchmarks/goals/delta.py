"""Stage, audit and publish into Delta, against a bare Parquet sink and Polars' own `sink_delta`."""

from __future__ import annotations

from benchmarks.goals.ours import ours, script
from benchmarks.model import Claim, Goal

GOAL = Goal(
    name="delta",
    title="A row-wise node with eight contracts into Delta",
    method=(
        "`workloads/delta.yaml` (the row-wise node, stored as a Delta table) against the bare "
        "Parquet sink of the same plan, and against Polars' `sink_delta`, which checks nothing."
    ),
    contenders=(
        ours(
            "delta.yaml", title="odibi_dagster, eight contracts", tables={"silver/priced": "priced"}
        ),
        script(
            "priced_polars", "sink", "bare Parquet sink", tables={"silver/priced": "priced.parquet"}
        ),
        script(
            "priced_sink_delta", "sink_delta", "`sink_delta`", tables={"silver/priced": "priced"}
        ),
    ),
    claims=(Claim("CPU, against `sink_delta`", "cpu", "ours", "sink_delta", 1.0),),
    base="sink",
)
