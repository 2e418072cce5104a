"""Joins and a large grouping within a memory budget, and what collecting takes."""

from __future__ import annotations

from benchmarks.goals.ours import ours, script
from benchmarks.model import Claim, Goal

TABLES = {"gold/baskets": "baskets.parquet"}
BUDGET_MB = "2000"

GOAL = Goal(
    name="spill",
    title="Joined and grouped, with a spill budget of 2 GB",
    method=(
        "Fourfold orders joined with customers and products, and grouped into about one group for "
        "every second order (`workloads/spill.yaml`), with Polars' own setting "
        "`POLARS_OOC_MEMORY_BUDGET_MB=2000`, and without it. Beside it the same by hand with "
        "`collect()` in place of a sink."
    ),
    contenders=(
        ours(
            "spill.yaml",
            title="odibi_dagster, budget of 2 GB",
            times=4,
            tables=TABLES,
            variables={"POLARS_OOC_MEMORY_BUDGET_MB": BUDGET_MB},
        ),
        ours("spill.yaml", "free", "odibi_dagster, no budget", times=4, tables=TABLES, once=True),
        script(
            "baskets_collect", "collect", "`collect()` by hand", times=4, tables=TABLES, once=True
        ),
        script(
            "baskets_in_memory",
            "in_memory",
            '`collect(engine="in-memory")` by hand',
            times=4,
            tables=TABLES,
            once=True,
        ),
    ),
    claims=(Claim("peak memory", "memory", "ours", None, 4e9),),
    base="collect",
    repeats=2,
)
