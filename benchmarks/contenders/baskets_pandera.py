"""The rules of `workloads/validators.yaml` in pandera, on the collected table or on the lazy plan.

python -m benchmarks.contenders.baskets_pandera eager|lazy
"""

from __future__ import annotations

import sys

import pandera.polars as pa
import polars as pl
from pandera.config import ValidationDepth, config_context

from benchmarks.contenders.baskets import baskets, materialize
from benchmarks.generate import SEGMENTS


class Baskets(pa.DataFrameModel):
    """What a row promises."""

    customer_id: int
    segment: str = pa.Field(isin=list(SEGMENTS))
    category: str = pa.Field(str_matches="^category [0-9][0-9]$")
    orders: pl.UInt32
    quantity: int = pa.Field(in_range={"min_value": 1, "max_value": 1_000_000})
    cost: float = pa.Field(ge=0)


def validated(way: str) -> pl.LazyFrame:
    """The table, after its data was checked."""
    schema = Baskets.to_schema()
    with config_context(validation_depth=ValidationDepth.SCHEMA_AND_DATA):
        if way == "lazy":
            return schema.validate(baskets(), lazy=True)
        return schema.validate(baskets().collect(engine="streaming"), lazy=True).lazy()


if __name__ == "__main__":
    materialize(lambda: validated(sys.argv[1]))
