"""What a node writes into Dagster's log is what Dagster writes for any asset with its checks."""

from __future__ import annotations

from collections import Counter

import dagster as dg

from tests.assets.support import Shop

NODES = """
pipelines:
  - pipeline: p
    nodes:
      - name: a
        read: {connection: lake, format: csv, path: a.csv}
        validation: {tests: [{type: not_null, columns: [id], name: key}]}
        write: {connection: lake, format: parquet, path: a.parquet}
      - name: b
        depends_on: [a]
        validation: {tests: [{type: not_null, columns: [id], name: key}]}
        write: {connection: lake, format: delta, path: b}
"""


@dg.multi_asset(
    specs=[dg.AssetSpec("x", skippable=True)],
    check_specs=[dg.AssetCheckSpec("key", asset="x", blocking=True)],
)
def x():
    yield dg.AssetCheckResult(passed=True)
    yield dg.MaterializeResult()


@dg.multi_asset(
    specs=[dg.AssetSpec("y", deps=["x"], skippable=True)],
    check_specs=[dg.AssetCheckSpec("key", asset="y", blocking=True)],
)
def y():
    yield dg.AssetCheckResult(passed=True)
    yield dg.MaterializeResult()


def logged(instance: dg.DagsterInstance, run_id: str) -> Counter[str]:
    """The entries of a run, by their kind; what is no event of Dagster's is a line of ours."""
    return Counter(
        str(entry.dagster_event_type.value) if entry.dagster_event_type else "line"
        for entry in instance.all_logs(run_id)
    )


def test_a_small_node_logs_no_more_than_a_bare_asset(shop: Shop) -> None:
    shop.write(NODES)
    shop.land("a.csv", "id\n1\n")
    ours = shop.run()
    bare = dg.materialize([x, y], instance=shop.instance)
    assert ours.ok and bare.success
    assert logged(shop.instance, ours.result.run_id) == logged(shop.instance, bare.run_id)
