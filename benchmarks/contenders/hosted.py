"""Assets materialized in this process, measured without what a process pays once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import dagster as dg
import polars  # noqa: F401  (ours imports it when a node runs, a script before it is measured)

from benchmarks.contenders.report import Report

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def materialize(assets: Sequence[dg.AssetsDefinition], report: Report, node: str) -> None:
    """Run them in one run, with the instance of DAGSTER_HOME.

    A bare asset runs before, unmeasured: it opens Dagster's database.
    """
    with dg.DagsterInstance.get() as instance:
        dg.materialize(
            [_asset("bare", lambda: None, ["valid"])], instance=instance, run_config=QUIET
        )
        with report.timing(node):
            dg.materialize(assets, instance=instance, run_config=QUIET)


def run(node: str, work: Callable[[], object], checks: Sequence[str]) -> None:
    """A function as an asset of its own, whose checks pass where nothing is raised."""
    report = Report()
    materialize([_asset(node.replace("/", "_"), work, checks)], report, node)
    report.write()


def _asset(name: str, work: Callable[[], object], checks: Sequence[str]) -> dg.AssetsDefinition:
    @dg.asset(name=name, check_specs=[dg.AssetCheckSpec(check, asset=name) for check in checks])
    def asset() -> Iterator[dg.AssetCheckResult | dg.MaterializeResult[None]]:
        work()
        for check in checks:
            yield dg.AssetCheckResult(check_name=check, passed=True)
        yield dg.MaterializeResult()

    return asset
