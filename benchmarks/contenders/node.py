"""A workload of ours materialized in this process: what a run costs without the start of Python.

python -m benchmarks.contenders.node FILE
"""

from __future__ import annotations

import sys

import dagster as dg

from benchmarks.contenders.report import Report
from benchmarks.contenders.small import QUIET
from odibi_dagster import load_odibi_assets

if __name__ == "__main__":
    report = Report()
    assets = load_odibi_assets(sys.argv[1])
    with dg.DagsterInstance.get() as instance, report.timing("all"):
        dg.materialize(assets, instance=instance, run_config=QUIET)
    report.write()
