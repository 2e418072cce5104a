"""Every goal is one file here; this is their order in the report."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.goals import delta, gold, loading, medallion, odibi, rowwise, small, spill
from benchmarks.model import Goal

GOALS: Mapping[str, Goal] = {
    module.GOAL.name: module.GOAL
    for module in (medallion, gold, rowwise, spill, odibi, small, loading, delta)
}
