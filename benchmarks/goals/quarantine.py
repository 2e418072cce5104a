"""One row in twenty set aside: the rows are written once more, apart."""

from __future__ import annotations

from benchmarks.goals.ours import node, script
from benchmarks.model import Claim, Goal

GOAL = Goal(
    name="quarantine",
    title="One row in twenty quarantined",
    method=(
        "`workloads/quarantine.yaml`: 5.3 % of the rows of the row-wise node break a rule. Valid "
        "and broken rows are parted by two scans of what was staged, against the bare sink of the "
        "plan, which writes all rows once."
    ),
    contenders=(
        node("quarantine.yaml", "ours", "odibi_dagster, 5 % quarantined"),
        script("priced_polars", "sink", "bare sink in Polars"),
    ),
    claims=(Claim("CPU of the node, against the bare sink", "node_cpu", "ours", "sink", 2.3),),
    base="sink",
)
