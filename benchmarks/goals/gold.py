"""Only the tables that people ask for are stored; all before them are views."""

from __future__ import annotations

from benchmarks.goals.medallion import TABLES
from benchmarks.goals.ours import ours, script
from benchmarks.model import Claim, Goal

STORED = {node: TABLES[node] for node in ("gold/daily_sales", "gold/top_customers")}

GOAL = Goal(
    name="gold",
    title="Gold alone, views before it",
    method=(
        "`workloads/gold.yaml` stores two of the eight nodes; the six before them are views "
        "without contracts, whose plans become part of each of the two. Against the script of the "
        "first goal, which writes all eight, and beside three scripts that write only the two: "
        "each as a plan of its own, as we do; with the columns that both need written once for "
        "both; and as one plan with two sinks, which no step of an orchestrator could run alone. "
        "The first is the floor of views; between it and us lies the start of Dagster."
    ),
    contenders=(
        ours("gold.yaml", tables=STORED),
        script("shop_polars", "polars", "Polars by hand, all eight written", tables=STORED),
        script("gold_polars", "floor", "Polars by hand, only the two", tables=STORED),
        script("gold_shared", "shared", "the two, what both need stored", tables=STORED, once=True),
        script("gold_together", "together", "the two in one plan", tables=STORED, once=True),
    ),
    claims=(Claim("wall time of the whole process", "wall", "ours", "polars", 0.45),),
    base="polars",
)
