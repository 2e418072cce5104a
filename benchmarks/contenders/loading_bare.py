"""A thousand bare Dagster assets in chains, each with one check spec, loaded."""

from __future__ import annotations

import dagster as dg

from benchmarks.contenders.loading import CHAIN, load


def bare(number: int) -> dg.AssetsDefinition:
    """An asset that depends on the one before, if it does not begin a chain."""
    name = f"n{number}"

    @dg.asset(
        name=name,
        deps=[f"n{number - 1}"] if number % CHAIN else [],
        check_specs=[dg.AssetCheckSpec("key", asset=name, blocking=True)],
    )
    def asset(): ...  # type: ignore[no-untyped-def]

    return asset


if __name__ == "__main__":
    load(lambda nodes: [bare(number) for number in range(nodes)])
