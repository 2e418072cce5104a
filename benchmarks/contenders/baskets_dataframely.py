"""The rules of `workloads/validators.yaml` in dataframely, on the collected table or on the plan.

python -m benchmarks.contenders.baskets_dataframely eager|lazy
"""

from __future__ import annotations

import sys

import dataframely as dy
import polars as pl

from benchmarks.contenders.baskets import baskets, materialize
from benchmarks.generate import SEGMENTS


class Baskets(dy.Schema):  # type: ignore[misc]
    """What a row promises."""

    customer_id = dy.Int64(nullable=False)
    segment = dy.String(nullable=False, check=lambda value: value.is_in(SEGMENTS))
    category = dy.String(nullable=True, regex="^category [0-9][0-9]$")
    orders = dy.UInt32(nullable=True)
    quantity = dy.Int64(nullable=True, min=1, max=1_000_000)
    cost = dy.Float64(nullable=True, min=0)


def validated(way: str) -> pl.LazyFrame:
    """The table, whose data is checked before or while it is written."""
    table: pl.LazyFrame
    if way == "lazy":
        table = Baskets.validate(baskets(), eager=False)
    else:
        table = Baskets.validate(baskets().collect(engine="streaming")).lazy()
    return table


if __name__ == "__main__":
    materialize(lambda: validated(sys.argv[1]))
