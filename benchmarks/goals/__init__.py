"""Every goal is one file here; this is their order in the report."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.goals import (
    delta,
    gold,
    loading,
    medallion,
    odibi,
    quarantine,
    rowwise,
    rules,
    small,
    spill,
    unique,
    validators,
)
from benchmarks.model import Goal

_ORDER = (
    medallion,
    gold,
    rowwise,
    rules,
    unique,
    quarantine,
    validators,
    spill,
    odibi,
    small,
    loading,
    delta,
)
GOALS: Mapping[str, Goal] = {module.GOAL.name: module.GOAL for module in _ORDER}
