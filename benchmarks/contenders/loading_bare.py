"""A thousand bare Dagster assets in a chain, each with one check spec, loaded."""

from __future__ import annotations

import dagster as dg

from benchmarks.contenders.loading import NODES, load


def bare(number: int) -> dg.AssetsDefinition:
    """An asset that depends on the one before."""
    name = f"n{number}"

    @dg.asset(
        name=name,
        deps=[f"n{number - 1}"] if number else [],
        check_specs=[dg.AssetCheckSpec("key", asset=name, blocking=True)],
    )
    def asset(): ...  # type: ignore[no-untyped-def]

    return asset


if __name__ == "__main__":
    load(lambda: [bare(number) for number in range(NODES)])
