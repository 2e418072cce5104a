"""The shop in plain Dagster with dagster-polars: an asset per node, one step for its checks.

dagster-polars' Parquet IO manager hands Polars an argument that Polars 2 no longer knows; the one
method that does is replaced here. Lazy frames go in and out, and are sunk by the IO manager.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import dagster as dg
import polars as pl
from dagster_polars import PolarsParquetIOManager

from benchmarks.contenders import shop_plans as shop
from benchmarks.contenders.report import folders

if TYPE_CHECKING:
    from upath import UPath

Frames = Callable[..., pl.LazyFrame]
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
_SINK = {"compression": "zstd", "compression_level": 1, "statistics": True}
_SILVER = ("silver/orders", "silver/customers", "bronze/products")
NODES: Mapping[str, tuple[Frames, tuple[str, ...]]] = {
    "silver/orders": (shop.silver_orders, ("bronze/orders",)),
    "silver/customers": (shop.silver_customers, ("bronze/customers",)),
    "gold/order_facts": (shop.order_facts, _SILVER),
    "gold/daily_sales": (shop.daily_sales, ("gold/order_facts",)),
    "gold/top_customers": (shop.top_customers, ("gold/order_facts",)),
}
"""What computes each node, and what it reads, in the order of the arguments."""


class ParquetIOManager(PolarsParquetIOManager):
    """dagster-polars', with a scan that Polars 2 accepts."""

    def scan_df_from_path(
        self,
        path: UPath,
        context: dg.InputContext,  # noqa: ARG002
        partition_key: str | None = None,  # noqa: ARG002
    ) -> pl.LazyFrame:
        """A plain scan."""
        return pl.scan_parquet(str(path))


def _key(node: str) -> dg.AssetKey:
    return dg.AssetKey(node.split("/"))


def landed(name: str) -> dg.AssetsDefinition:
    """A bronze asset: the rows of a landed file."""
    data, _ = folders()

    @dg.asset(key=["bronze", name], metadata=_SINK)
    def asset() -> pl.LazyFrame:
        return pl.scan_parquet(data / f"{name}.parquet")

    return asset


def node(name: str, compute: Frames, inputs: tuple[str, ...]) -> dg.AssetsDefinition:
    """A silver or gold asset."""
    ins = {
        f"i{place}": dg.AssetIn(key=_key(upstream), dagster_type=pl.LazyFrame)
        for place, upstream in enumerate(inputs)
    }

    @dg.asset(key=_key(name), ins=ins, metadata=_SINK)
    def asset(**frames: pl.LazyFrame) -> pl.LazyFrame:
        return compute(*frames.values())

    return asset


def checked(name: str, checks: Mapping[str, pl.Expr]) -> dg.AssetsDefinition:
    """The checks of an asset, as one aggregate over what was written."""
    specs = [dg.AssetCheckSpec(check, asset=_key(name)) for check in checks]

    @dg.multi_asset_check(
        name=f"checks__{name.replace('/', '__')}",
        specs=specs,
        ins={"stored": dg.AssetIn(key=_key(name))},
    )
    def check(stored: pl.LazyFrame) -> Iterator[dg.AssetCheckResult]:
        seen = stored.select(**checks).collect(engine="streaming").row(0, named=True)
        for spec in specs:
            value = seen[spec.name]
            text = value if isinstance(value, int) else value.isoformat(timespec="seconds")
            yield dg.AssetCheckResult(
                passed=True,
                check_name=spec.name,
                asset_key=spec.asset_key,
                metadata={"observed": text},
            )

    return check


if __name__ == "__main__":
    assets = [landed(name) for name in ("orders", "customers", "products")]
    assets += [node(name, *how) for name, how in NODES.items()]
    assets += [checked(name, checks) for name, checks in shop.CHECKS.items()]
    manager = ParquetIOManager(base_dir=str(folders()[1]))
    with dg.DagsterInstance.get() as instance:
        dg.materialize(
            assets, instance=instance, resources={"io_manager": manager}, run_config=_QUIET
        )
