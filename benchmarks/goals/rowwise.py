"""One row-wise node with eight contracts against the bare sink, at two sizes."""

from __future__ import annotations

from benchmarks.goals.ours import node, script
from benchmarks.model import Claim, Goal

TABLES = {"silver/priced": "priced.parquet"}


GOAL = Goal(
    name="rowwise",
    title="A row-wise node with eight contracts",
    method=(
        "`workloads/rowwise.yaml` against the bare sink of the same plan in a script, and against "
        "the same node without contracts. The fourfold size shows whether memory grows with rows. "
        "The process adds the start of Python, Dagster and its database to the node."
    ),
    contenders=(
        node("rowwise.yaml", "ours", "odibi_dagster, eight contracts", tables=TABLES),
        node("rowwise_bare.yaml", "bare", "odibi_dagster, no contracts", tables=TABLES),
        script("priced_polars", "sink", "bare sink in Polars", tables=TABLES),
        node("rowwise.yaml", "ours_4x", "odibi_dagster, fourfold rows", times=4),
        script("priced_polars", "sink_4x", "bare sink, fourfold rows", times=4),
    ),
    claims=(
        Claim("CPU of the node, against the bare sink", "node_cpu", "ours", "sink", 1.4),
        Claim("CPU of the process, fourfold rows", "cpu", "ours_4x", "sink_4x", 1.4),
        Claim("peak memory at fourfold rows, against the single", "memory", "ours_4x", "ours", 1.3),
    ),
    base="sink",
)
