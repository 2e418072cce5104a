"""Load assets as a code location does, and say what it cost."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import dagster as dg

from benchmarks.contenders.report import Report

NODES = 1000


def load(assets: Callable[[], Sequence[dg.AssetsDefinition]]) -> None:
    """Make the assets and the repository around them; `load_cpu` in seconds of CPU."""
    report = Report()
    started = time.process_time()
    defs = dg.Definitions(assets=assets())
    defs.get_repository_def().load_all_definitions()
    report.figure("load_cpu", time.process_time() - started)
    report.write()
