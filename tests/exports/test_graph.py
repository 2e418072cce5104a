"""Projects as tasks and flows."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from odibi_dagster.core.names import NodeId
from odibi_dagster.errors import ConfigError
from odibi_dagster.exports.graph import Retry, refuse_cycles
from tests.exports.support import graph_of

SHOP = """
retry: {max_attempts: 5, backoff: linear}
dagster:
  timezone: Europe/Berlin
  owners: [team:data]
  tags: {domain: sales}
  pool: warehouse
  airflow: {start_date: 2025-03-01, timeout: 1h}
pipelines:
  - pipeline: bronze
    description: As it came.
    tags: [landing zone]
    dagster: {schedule: "0 6 * * *", airflow: {catchup: true, max_active_runs: 2}}
    nodes:
      - name: orders
        depends_on: [closed]
        read: {connection: lake, format: csv, path: orders.csv}
      - name: closed
        enabled: false
        read: {connection: lake, format: csv, path: closed.csv}
        write: {connection: lake, format: parquet, path: closed.parquet}
  - pipeline: silver
    nodes:
      - name: orders
        description: Cleaned.
        inputs: {o: $bronze.orders}
        dagster: {owners: [me@example.com], pool: big, airflow: {timeout: 2h}}
        transform: {steps: [SELECT * FROM o]}
        validation:
          tests: [{type: not_null, columns: [id], on_fail: quarantine}]
          quarantine: {connection: lake, path: bad}
        write: {connection: lake, format: parquet, path: silver.parquet}
      - name: count
        inputs: {o: $silver.orders}
        transform: {steps: [SELECT count(*) AS n FROM o]}
"""
CYCLE = """
pipelines:
  - pipeline: a
    nodes:
      - {name: one, read: {connection: lake, format: csv, path: a.csv}}
      - {name: three, inputs: {x: $b.two}, transform: {steps: [SELECT * FROM x]}}
  - pipeline: b
    nodes:
      - {name: two, inputs: {x: $a.one}, transform: {steps: [SELECT * FROM x]}}
"""


def test_what_the_file_says_of_each_task(tmp_path: Path) -> None:
    graph = graph_of(tmp_path, SHOP)
    bronze, silver = graph.flows
    assert (graph.project, graph.timezone) == ("shop", "Europe/Berlin")
    assert graph.retry == Retry(5, timedelta(seconds=30), doubles=False)
    assert (bronze.schedule, bronze.start, bronze.catchup) == ("0 6 * * *", date(2025, 3, 1), True)
    assert (bronze.doc, bronze.max_active_runs, bronze.feeds) == ("As it came.", 2, ())
    assert bronze.tags == ("bronze", "domain:sales", "landing zone", "odibi", "shop")
    assert (silver.schedule, silver.catchup, silver.max_active_runs) == (None, False, 1)
    (landed,), (orders, count) = bronze.tasks, silver.tasks
    assert (landed.owner, landed.pool, landed.timeout) == (
        "team:data", "warehouse", timedelta(hours=1),
    )  # fmt: skip
    assert (orders.owner, orders.pool, orders.timeout) == (
        "me@example.com", "big", timedelta(hours=2),
    )  # fmt: skip
    assert (orders.doc, orders.quarantines, count.quarantines) == ("Cleaned.", True, False)


def test_edges_leave_out_what_is_not_enabled(tmp_path: Path) -> None:
    bronze, silver = graph_of(tmp_path, SHOP).flows
    (landed,), (orders, count) = bronze.tasks, silver.tasks
    assert landed.after == ()
    assert orders.after == (NodeId("bronze", "orders"),)
    assert count.after == (NodeId("silver", "orders"),)
    assert silver.feeds == (NodeId("bronze", "orders"),)


def test_without_retries(tmp_path: Path) -> None:
    assert graph_of(tmp_path, SHOP.replace("max_attempts: 5", "enabled: false")).retry.times == 0


def test_pipelines_that_wait_for_each_other(tmp_path: Path) -> None:
    graph = graph_of(tmp_path, CYCLE)
    with pytest.raises(ConfigError, match=r"pipelines \w -> \w -> \w wait for each other.*advice"):
        refuse_cycles(graph, "advice")


def test_nothing_to_export(tmp_path: Path) -> None:
    text = "pipelines: [{pipeline: p, nodes: [{name: n, enabled: false, read: "
    text += "{connection: lake, format: csv, path: a.csv}}]}]\n"
    with pytest.raises(ConfigError, match="nothing to export"):
        graph_of(tmp_path, text)
