"""Forty Dagster assets that do nothing but yield the result of one check."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg

from benchmarks.contenders.report import Report
from benchmarks.contenders.small import NODES, materialize


def bare(number: int) -> dg.AssetsDefinition:
    """An asset with a check that passes."""
    name = f"n{number}"

    @dg.asset(name=name, check_specs=[dg.AssetCheckSpec("key", asset=name, blocking=True)])
    def asset() -> Iterator[dg.AssetCheckResult | dg.MaterializeResult[None]]:
        yield dg.AssetCheckResult(passed=True)
        yield dg.MaterializeResult()

    return asset


if __name__ == "__main__":
    report = Report()
    materialize([bare(number) for number in range(NODES)], report)
    report.write()
