"""The data of the benchmarks: a shop's orders, customers and products.

    python -m benchmarks.generate FOLDER ROWS [parquet | csv]

Every value is a function of the number of its row and of a seed, computed in integers by the mixer
of SplitMix64. So the same rows come out on every machine and with every version, in one streaming
pass, and no random generator's state has to be carried along.

Orders are raw: about 2 % are later updates of an earlier order, 1 % have no price, 0.4 % a negative
one and 0.5 % a status that nobody knows; prices and times are text, the channel is badly typed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import polars as pl

SEED = 2013
DAY = 86_400
YEAR = 366 * DAY
START = 1_704_067_200
"""2024-01-01 in seconds since 1970."""
STATUSES = ("completed", "pending", "shipped", "cancelled", "returned", "UNKNOWN")
STATUS_SHARES = (600, 150, 150, 60, 35, 5)
"""In thousandths, in the order of the statuses."""
CHANNELS = ("web", "store", "  App ", "phone")
SEGMENTS = ("consumer", "corporate", "home office", "small business")
REGIONS = ("north", "east", "south", "west", "centre")
CATEGORIES = tuple(f"category {number:02d}" for number in range(24))


def customers_of(rows: int) -> int:
    """How many customers placed so many orders."""
    return max(rows // 20, 20)


def products_of(rows: int) -> int:
    """How many products were ordered in so many orders."""
    return max(rows // 200, 10)


def drawn(salt: int) -> pl.Expr:
    """64 mixed bits for the number in column `row`: another salt, another independent draw."""

    def u64(value: int) -> pl.Expr:
        return pl.lit(value % 2**64, dtype=pl.UInt64)

    mixed = (pl.col("row").cast(pl.UInt64) + u64(SEED * 2**40 + salt)) * u64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed // u64(2**30))) * u64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed // u64(2**27))) * u64(0x94D049BB133111EB)
    return mixed ^ (mixed // u64(2**31))


def below(salt: int, bound: int) -> pl.Expr:
    """An integer from 0 to `bound` - 1."""
    return (drawn(salt) % bound).cast(pl.Int64)


def one_of(salt: int, values: tuple[str, ...]) -> pl.Expr:
    """One of these texts, each as likely as the others."""
    return below(salt, len(values)).replace_strict(dict(enumerate(values)), return_dtype=pl.String)


def _status() -> pl.Expr:
    table = [s for s, share in zip(STATUSES, STATUS_SHARES, strict=True) for _ in range(share)]
    return below(7, len(table)).replace_strict(dict(enumerate(table)), return_dtype=pl.String)


def _price() -> pl.Expr:
    """Text such as 123.05; null in 1 %, negative in 0.4 %."""
    cents = below(4, 49_900) + 100
    text = pl.format("{}.{}", cents // 100, (cents % 100).cast(pl.String).str.zfill(2))
    lot = below(5, 1000)
    return pl.when(lot >= 14).then(text).when(lot >= 10).then(pl.format("-{}", text))


def orders(rows: int) -> pl.LazyFrame:
    """So many orders, in the order of their numbers; an update carries the number of its order."""
    update = (below(1, 100) < 2) & (pl.col("row") > 0)
    earlier = (drawn(2) % pl.col("row").cast(pl.UInt64).clip(1)).cast(pl.Int64)
    customers = customers_of(rows)
    # the product of two draws: a few customers order often
    customer = below(8, customers) * below(9, customers) // customers
    ordered = START + pl.col("order_id") * YEAR // rows + below(10, DAY)
    changed = pl.col("ordered") + below(11, 5 * DAY) + pl.col("update").cast(pl.Int64) * 6 * DAY
    # the last six digits are the row's own: two updates of an order are not simultaneous
    micros = changed * 1_000_000 + pl.col("row") % 1_000_000
    numbered = pl.LazyFrame().select(row=pl.int_range(rows, dtype=pl.Int64))
    return (
        numbered.with_columns(update=update)
        .with_columns(order_id=pl.when("update").then(earlier).otherwise("row"))
        .with_columns(ordered=ordered)
        .select(
            "order_id",
            customer_id=customer,
            product_id=below(3, products_of(rows)),
            quantity=(below(6, 19) + 1).cast(pl.Int32),
            unit_price=_price(),
            discount=pl.when(below(12, 10) >= 3).then(below(13, 31) / 100),
            status=_status(),
            ordered_at=pl.from_epoch("ordered", "s").dt.to_string("%Y-%m-%d %H:%M:%S"),
            updated_at=micros.cast(pl.Datetime("us")),
            channel=one_of(14, CHANNELS),
        )
    )


def customers(rows: int) -> pl.LazyFrame:
    """The customers of so many orders; about 1 % have an e-mail address that is none."""
    row = pl.col("row")
    return (
        pl.LazyFrame()
        .select(row=pl.int_range(customers_of(rows), dtype=pl.Int64))
        .select(
            customer_id="row",
            customer_name=pl.format("  Customer {} ", row),
            email=pl.when(row % 97 > 0)
            .then(pl.format("User{}@example.org", row))
            .otherwise(pl.lit("unknown")),
            segment=one_of(21, SEGMENTS),
            region=one_of(22, REGIONS),
            signed_up=(below(23, 3000) + 16_436).cast(pl.Int32).cast(pl.Date),
        )
    )


def products(rows: int) -> pl.LazyFrame:
    """The products of so many orders."""
    return (
        pl.LazyFrame()
        .select(row=pl.int_range(products_of(rows), dtype=pl.Int64))
        .select(
            product_id="row",
            product_name=pl.format("Product {}", pl.col("row")),
            category=one_of(31, CATEGORIES),
            cost=below(32, 10_000) / 100,
        )
    )


TABLES: Mapping[str, Callable[[int], pl.LazyFrame]] = {
    "orders": orders,
    "customers": customers,
    "products": products,
}


def generate(folder: Path, rows: int, kind: str = "parquet") -> None:
    """Write the three tables below `folder` as files of that kind."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in TABLES.items():
        write = table(rows).sink_csv if kind == "csv" else table(rows).sink_parquet
        write(folder / f"{name}.{kind}", engine="streaming")


if __name__ == "__main__":
    started = time.monotonic()
    generate(Path(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
    print(f"{int(sys.argv[2]):,} orders in {time.monotonic() - started:.1f} s")
