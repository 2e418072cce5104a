"""Load assets as a code location does, and say what it cost."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import dagster as dg

from benchmarks.contenders.report import Report

NODES = 1000
CHAIN = 100
"""Each node depends on the one before, except every so-manieth: Dagster follows a chain by
recursion, and Python allows a thousand calls."""
Assets = Callable[[int], Sequence[dg.AssetsDefinition]]
"""So many assets."""


def load(assets: Assets) -> None:
    """Make the assets and the repository around them; `load_cpu` in seconds of CPU.

    Two are loaded before, unmeasured: what is imported on first use is imported then.
    """
    report = Report()
    _load(assets, 2)
    started = time.process_time()
    _load(assets, NODES)
    report.figure("load_cpu", time.process_time() - started)
    report.write()


def _load(assets: Assets, number: int) -> None:
    dg.Definitions(assets=assets(number)).get_repository_def().load_all_definitions()
