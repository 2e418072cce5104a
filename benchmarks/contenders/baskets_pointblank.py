"""The rules of `workloads/validators.yaml` in pointblank, on the collected table or on the plan.

python -m benchmarks.contenders.baskets_pointblank eager|lazy
"""

from __future__ import annotations

import sys

import pointblank as pb

from benchmarks.contenders.baskets import baskets
from benchmarks.contenders.polars_sink import sink
from benchmarks.contenders.report import Report, folders
from benchmarks.generate import SEGMENTS

if __name__ == "__main__":
    report = Report()
    with report.timing("gold/baskets"):
        plan = baskets()
        table = plan if sys.argv[1] == "lazy" else plan.collect(engine="streaming")
        seen = (
            pb.Validate(table)
            .col_vals_not_null(["customer_id", "segment"])
            .col_vals_in_set("segment", list(SEGMENTS))
            .col_vals_regex("category", "^category [0-9][0-9]$")
            .col_vals_between("quantity", 1, 1_000_000)
            .col_vals_ge("cost", 0)
            .interrogate()
        )
        assert seen.all_passed()
        sink(table.lazy(), folders()[1] / "baskets.parquet")
    report.write()
