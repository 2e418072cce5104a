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
        dg.materialize([_checked("bare", lambda: None)], instance=instance, run_config=QUIET)
        with report.timing(node):
            dg.materialize(assets, instance=instance, run_config=QUIET)


def run(node: str, work: Callable[[], object]) -> None:
    """A function as an asset of its own, whose one check passes where nothing is raised."""
    report = Report()
    materialize([_checked(node.replace("/", "_"), work)], report, node)
    report.write()


def _checked(name: str, work: Callable[[], object]) -> dg.AssetsDefinition:
    @dg.asset(name=name, check_specs=[dg.AssetCheckSpec("valid", asset=name, blocking=True)])
    def asset() -> Iterator[dg.AssetCheckResult | dg.MaterializeResult[None]]:
        work()
        yield dg.AssetCheckResult(passed=True)
        yield dg.MaterializeResult()

    return asset
