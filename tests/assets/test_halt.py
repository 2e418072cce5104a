"""`on_fail: halt`: no further node of the run starts, in whichever process."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from tests.assets.support import Shop

YAML = """
pipelines:
  - pipeline: bronze
    nodes:
      - name: a_halting
        read: {connection: lake, format: csv, path: orders.csv}
        validation:
          tests: [{type: row_count, min: 3, on_fail: ACTION}]
        write: {connection: lake, format: parquet, path: a.parquet}
      - name: b_after
        depends_on: [a_halting]
        write: {connection: lake, format: parquet, path: b.parquet}
      - name: c_independent
        read: {connection: lake, format: csv, path: orders.csv}
        validation:
          tests: [{type: row_count, min: 1}]
        write: {connection: lake, format: parquet, path: c.parquet}
"""
DEFINITIONS = """
import dagster as dg
from odibi_dagster import load_odibi_assets

one = dg.multiprocess_executor.configured({"max_concurrent": 1})
defs = dg.Definitions(
    assets=load_odibi_assets("odibi.yaml"), jobs=[dg.define_asset_job("all", executor_def=one)]
)
"""
STOPPED = (
    "node bronze/c_independent: not started, because a contract of bronze/a_halting halted the run"
)


def _project(shop: Shop, action: str) -> None:
    shop.land("orders.csv", "id\n1\n2\n")
    shop.write(YAML.replace("ACTION", action))


def test_an_independent_node_does_not_start(shop: Shop) -> None:
    _project(shop, "halt")
    run = shop.run()
    assert not run.ok
    assert run.checks == {"row_count": (False, "ERROR")}
    assert run.check_metadata("row_count")["action"] == "nothing published, run halted"
    assert STOPPED in run.failures
    assert not (shop.root / "lake/c.parquet").exists()


def test_it_starts_beside_a_contract_that_only_fails(shop: Shop) -> None:
    _project(shop, "fail")
    run = shop.run()
    assert not run.ok
    assert run.materialized == {"bronze/c_independent"}


def test_a_run_that_repeats_a_halted_one_is_not_halted(shop: Shop) -> None:
    """Dagster gives it the tags of the first."""
    _project(shop, "halt")
    first = shop.run()
    shop.land("orders.csv", "id\n1\n2\n3\n")
    halted = shop.instance.get_run_by_id(first.result.run_id)
    assert halted is not None
    again = shop.run(tags=dict(halted.tags))
    assert again.ok
    assert again.materialized == {"bronze/a_halting", "bronze/b_after", "bronze/c_independent"}


def test_nor_in_a_process_of_its_own(shop: Shop) -> None:
    _project(shop, "halt")
    (shop.root / "definitions.py").write_text(DEFINITIONS)
    home = shop.root / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    done = subprocess.run(
        [sys.executable, "-m", "dagster", "job", "execute", "-f", "definitions.py", "-j", "all"],
        cwd=shop.root, env={**os.environ, "DAGSTER_HOME": str(home)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert not (shop.root / "lake/c.parquet").exists()
    with dg.DagsterInstance.from_config(str(home)) as instance:
        (run,) = instance.get_runs()
        judged, failed = (
            instance.get_records_for_run(run.run_id, of_type=kind).records
            for kind in (
                dg.DagsterEventType.ASSET_CHECK_EVALUATION,
                dg.DagsterEventType.STEP_FAILURE,
            )
        )
    assert len(judged) == 1
    # what its process writes to the terminal can be lost when the run ends
    said = [str(record.event_log_entry.dagster_event) for record in failed]
    assert any(STOPPED in text for text in said), done.stderr[-5_000:]
