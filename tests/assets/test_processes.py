"""Each step in a process of its own, on SQLite and on Postgres: the same result."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import dagster as dg
import pytest

from tests.assets.support import HEAD

YAML = """
pipelines:
  - pipeline: bronze
    nodes:
      - name: orders
        read: {connection: lake, format: csv, path: orders.csv}
        validation:
          tests: [{type: range, column: amount, min: 0, on_fail: quarantine}]
        write: {connection: lake, format: delta, path: out/orders}
      - name: view
        depends_on: [orders]
        transform: {steps: ["SELECT *, amount * 2 AS twice FROM df"]}
      - name: total
        depends_on: [view]
        transform: {steps: ["SELECT SUM(twice) AS total FROM df"]}
        validation:
          tests: [{type: range, column: total, max: 100}]
        write: {connection: lake, format: parquet, path: out/total.parquet}
      - name: last
        depends_on: [total]
        write: {connection: lake, format: csv, path: out/last.csv}
"""
DEFINITIONS = """
import dagster as dg
from odibi_dagster import load_odibi_assets

defs = dg.Definitions(
    assets=load_odibi_assets("odibi.yaml"),
    jobs=[dg.define_asset_job("all", executor_def=dg.multiprocess_executor)],
)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "lake").mkdir()
    (tmp_path / "home").mkdir()
    (tmp_path / "odibi.yaml").write_text(HEAD + YAML)
    (tmp_path / "definitions.py").write_text(DEFINITIONS)
    (tmp_path / "lake/orders.csv").write_text("id,amount\n1,10.0\n2,20.0\n3,-1.0\n")
    return tmp_path


def _home(project: Path, settings: str = "") -> dg.DagsterInstance:
    (project / "home/dagster.yaml").write_text("telemetry: {enabled: false}\n" + settings)
    return dg.DagsterInstance.from_config(str(project / "home"))


def _execute(project: Path) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "dagster",
        "job",
        "execute",
        "-f",
        "definitions.py",
        "-j",
        "all",
    ]
    environment = {**os.environ, "DAGSTER_HOME": str(project / "home")}
    return subprocess.run(
        command, cwd=project, env=environment, capture_output=True, text=True, check=False
    )


def _check_outcomes(project: Path, instance: dg.DagsterInstance) -> None:
    assert _execute(project).returncode == 0
    assert (project / "lake/out/last.csv").read_text() == "total\n60.0\n"
    event = instance.get_latest_materialization_event(dg.AssetKey(["bronze", "orders__quarantine"]))
    assert event is not None
    assert event.asset_materialization is not None
    assert event.asset_materialization.metadata["dagster/row_count"].value == 1

    (project / "lake/orders.csv").write_text("id,amount\n1,1000.0\n")
    failed = _execute(project)
    assert failed.returncode != 0
    assert (project / "lake/out/last.csv").read_text() == "total\n60.0\n"
    checks = instance.event_log_storage.get_asset_check_execution_history(
        check_key=dg.AssetCheckKey(dg.AssetKey(["bronze", "total"]), "range_total"), limit=1
    )
    assert checks[0].status.value == "FAILED"
    run = instance.get_runs(limit=1)[0]
    steps = {s.step_key: s.status.value for s in instance.get_run_step_stats(run.run_id)}
    assert steps["shop__bronze__total"] == "FAILURE"
    assert "shop__bronze__last" not in steps


def test_multiprocess_on_sqlite(project: Path) -> None:
    with _home(project) as instance:
        _check_outcomes(project, instance)


@pytest.mark.databases
def test_multiprocess_on_postgres(project: Path, postgres_url: str) -> None:
    settings = textwrap.dedent(
        f"""
        storage:
          postgres:
            postgres_url: {postgres_url}
        """
    )
    with _home(project, settings) as instance:
        _check_outcomes(project, instance)
