"""A composite key, against the grouping that anybody would write."""

from __future__ import annotations

from benchmarks.goals.ours import node, script
from benchmarks.model import Claim, Goal

GOAL = Goal(
    name="unique",
    title="A composite key",
    method=(
        "`workloads/unique.yaml` judges `(order_id, updated_at)` of the row-wise node, against a "
        "script that writes the same file and groups it by the two columns; at fourfold rows."
    ),
    contenders=(
        node("unique.yaml", "ours", "odibi_dagster, unique", times=4),
        script("priced_grouped", "grouped", "bare sink, then group_by", times=4),
    ),
    claims=(
        Claim("peak memory, against the plain grouping", "memory", "ours", "grouped", 0.5),
        Claim("CPU of the node, against the plain grouping", "node_cpu", "ours", "grouped", 1.0),
    ),
    base="grouped",
)
