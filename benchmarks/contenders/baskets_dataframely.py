"""The rules of `workloads/validators.yaml` in dataframely, on the collected table or on the plan.

python -m benchmarks.contenders.baskets_dataframely eager|lazy
"""

from __future__ import annotations

import sys

import dataframely as dy

from benchmarks.contenders.baskets import baskets
from benchmarks.contenders.polars_sink import sink
from benchmarks.contenders.report import Report, folders
from benchmarks.generate import SEGMENTS


class Baskets(dy.Schema):  # type: ignore[misc]
    """What a row promises."""

    customer_id = dy.Int64(nullable=False)
    segment = dy.String(nullable=False, check=lambda value: value.is_in(SEGMENTS))
    category = dy.String(nullable=True, regex="^category [0-9][0-9]$")
    orders = dy.UInt32(nullable=True)
    quantity = dy.Int64(nullable=True, min=1, max=1_000_000)
    cost = dy.Float64(nullable=True, min=0)


if __name__ == "__main__":
    report = Report()
    with report.timing("gold/baskets"):
        if sys.argv[1] == "lazy":
            valid = Baskets.validate(baskets(), eager=False)
        else:
            valid = Baskets.validate(baskets().collect(engine="streaming")).lazy()
        sink(valid, folders()[1] / "baskets.parquet")
    report.write()
