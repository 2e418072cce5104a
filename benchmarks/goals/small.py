"""A small node against a bare Dagster asset with one check: what this library adds to each."""

from __future__ import annotations

from benchmarks.goals.ours import script
from benchmarks.model import Claim, Goal

GOAL = Goal(
    name="small",
    title="A small node",
    method=(
        "Forty nodes of ten rows, each with one contract, materialized in one process, against "
        "forty bare Dagster assets that do nothing but yield one check result. Measured per "
        "node, from the call of `dg.materialize` to its return."
    ),
    contenders=(
        script("small_ours", "ours", "odibi_dagster", kind=None),
        script("small_bare", "bare", "bare assets", kind=None),
    ),
    claims=(
        Claim("CPU per node", "node_cpu", "ours", "bare", 1.5),
        Claim("wall time per node", "node_wall", "ours", "bare", 1.5),
    ),
    base="bare",
)
