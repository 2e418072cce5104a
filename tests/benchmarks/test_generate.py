"""The data is the same everywhere, and is as dirty as it says."""

from __future__ import annotations

import polars as pl
import pytest
from polars import col

from benchmarks.generate import customers, orders, products

ROWS = 50_000


@pytest.fixture(scope="module")
def landed() -> pl.DataFrame:
    return orders(ROWS).collect()


def test_the_same_rows_on_every_machine(landed: pl.DataFrame):
    sums = landed.select(
        col("order_id").sum(),
        col("customer_id").sum(),
        col("product_id").sum(),
        col("quantity").cast(pl.Int64).sum(),
        col("unit_price").str.len_bytes().sum(),
        seconds=col("updated_at").dt.epoch("s").sum(),
    )
    assert sums.row(0) == (1237073058, 31452752, 6222424, 498976, 286597, 85999175511269)
    signed_up = customers(ROWS).select(col("signed_up").cast(pl.Int32).sum())
    cost = products(ROWS).select(col("cost").sum().round(2))
    assert (signed_up.collect().item(), cost.collect().item()) == (44868071, 11922.71)


def test_larger_data_begins_with_other_times_but_the_same_draws(landed: pl.DataFrame):
    larger = orders(2 * ROWS).head(ROWS).collect()
    assert larger["quantity"].equals(landed["quantity"])


def test_it_is_as_dirty_as_it_says(landed: pl.DataFrame):
    shares = landed.select(
        updates=1 - col("order_id").n_unique() / pl.len(),
        no_price=col("unit_price").is_null().mean(),
        negative=col("unit_price").str.starts_with("-").mean(),
        unknown=(col("status") == "UNKNOWN").mean(),
    ).row(0)
    assert shares == pytest.approx((0.02, 0.01, 0.004, 0.005), rel=0.2)


def test_no_two_states_of_an_order_are_simultaneous(landed: pl.DataFrame):
    assert landed.select("order_id", "updated_at").is_unique().all()


def test_every_order_has_its_customer_and_product(landed: pl.DataFrame):
    left = landed.lazy()
    for table, key in ((customers(ROWS), "customer_id"), (products(ROWS), "product_id")):
        left = left.join(table, on=key)
    assert left.select(pl.len()).collect().item() == ROWS
