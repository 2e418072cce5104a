"""Materialize small assets in this process and say what each cost."""

from __future__ import annotations

import time
from collections.abc import Sequence

import dagster as dg

from benchmarks.contenders.hosted import QUIET
from benchmarks.contenders.report import Report

NODES = 40


def materialize(assets: Sequence[dg.AssetsDefinition], report: Report) -> None:
    """Run them with the instance of DAGSTER_HOME; `node_cpu` and `node_wall` in seconds.

    One asset runs before, unmeasured: what a process pays once is not what a node costs.
    """
    with dg.DagsterInstance.get() as instance:
        dg.materialize(assets[:1], instance=instance, run_config=QUIET)
        wall, cpu = time.perf_counter(), time.process_time()
        dg.materialize(assets, instance=instance, run_config=QUIET)
        report.figure("node_cpu", (time.process_time() - cpu) / len(assets))
        report.figure("node_wall", (time.perf_counter() - wall) / len(assets))
