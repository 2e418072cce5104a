"""A workload of ours materialized in this process: what a run costs without the start of Python.

python -m benchmarks.contenders.node FILE
"""

from __future__ import annotations

import sys

from benchmarks.contenders.hosted import materialize
from benchmarks.contenders.report import Report
from odibi_dagster import load_odibi_assets

if __name__ == "__main__":
    report = Report()
    materialize(load_odibi_assets(sys.argv[1]), report, "all")
    report.write()
