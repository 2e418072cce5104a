"""Loading a thousand nodes, against a thousand bare Dagster assets with check specs."""

from __future__ import annotations

from benchmarks.goals.ours import script
from benchmarks.model import Claim, Goal

GOAL = Goal(
    name="loading",
    title="Loading a thousand nodes",
    method=(
        "From the file to a loaded repository, modules imported before; and the whole process, as "
        "a code location pays it. Each of our nodes has three steps and a contract, each bare "
        "asset one check."
    ),
    contenders=(
        script("loading_ours", "ours", "odibi_dagster", kind=None),
        script("loading_bare", "bare", "bare assets", kind=None),
    ),
    claims=(Claim("CPU of loading", "load_cpu", "ours", "bare", 1.5),),
    base="bare",
)
