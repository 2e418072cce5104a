"""The same odibi.yaml run by Odibi and by us."""

from __future__ import annotations

from benchmarks.goals.ours import WORKLOADS, ours
from benchmarks.model import Claim, Contender, Goal

TABLES = {"shop/sales": "sales.parquet"}

GOAL = Goal(
    name="odibi",
    title="Against Odibi",
    method=(
        "One file, `workloads/odibi.yaml`, run by Odibi on its pandas engine and by us: CSV, "
        "filter, derive, aggregate, Parquet; half as many orders as elsewhere."
    ),
    contenders=(
        ours("odibi.yaml", times=0.5, kind="csv", tables=TABLES),
        Contender(
            "odibi",
            "Odibi",
            ("-m", "odibi", "run", str(WORKLOADS / "odibi.yaml")),
            python="odibi",
            times=0.5,
            kind="csv",
            tables=TABLES,
        ),
    ),
    claims=(
        Claim("times faster, whole process", "wall", "odibi", "ours", 3, at_least=True),
        Claim("peak memory", "memory", "ours", "odibi", 0.5),
    ),
    base="odibi",
)
