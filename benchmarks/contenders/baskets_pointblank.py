"""The rules of `workloads/validators.yaml` in pointblank, on the collected table or on the plan.

python -m benchmarks.contenders.baskets_pointblank eager|lazy
"""

from __future__ import annotations

import sys

import pointblank as pb
import polars as pl

from benchmarks.contenders.baskets import baskets, materialize
from benchmarks.generate import SEGMENTS


def validated(way: str) -> pl.LazyFrame:
    """The table, after its data was checked."""
    table = baskets() if way == "lazy" else baskets().collect(engine="streaming")
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
    return table.lazy()


if __name__ == "__main__":
    materialize(lambda: validated(sys.argv[1]))
