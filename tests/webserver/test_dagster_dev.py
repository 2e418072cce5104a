"""A real `dagster dev`: a run launched over GraphQL, its checks and metadata read back."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import dagster as dg
import pytest
import sqlalchemy as sa

from odibi_dagster import load_odibi_assets
from odibi_dagster.state import tables
from odibi_dagster.state.marks import decode

T = TypeVar("T")
pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
REPOSITORY = Path(__file__).parents[2]

ODIBI = """\
project: shop
connections:
  lake: {type: local, base_path: ./lake}
pipelines:
  - pipeline: bronze
    nodes:
      - name: orders
        read: {connection: lake, format: csv, path: orders.csv}
        validation:
          tests:
            - {type: range, column: amount, min: 0, on_fail: quarantine}
            - {type: row_count, min: 1}
        write: {connection: lake, format: parquet, path: out/orders.parquet}
"""
INCREMENTAL = """\
project: shop
connections:
  lake: {type: local, base_path: ./lake}
pipelines:
  - pipeline: bronze
    nodes:
      - name: orders
        read:
          connection: lake
          format: csv
          path: in/*.csv
          incremental: {mode: stateful, column: id}
        write: {connection: lake, format: csv, path: out.csv, mode: append}
"""
PARTITIONED = """\
project: shop
connections:
  lake: {type: local, base_path: ./lake}
pipelines:
  - pipeline: bronze
    dagster: {partitions: {daily: {start: 2026-01-01}}}
    nodes:
      - name: orders
        read: {connection: lake, format: csv, path: orders.csv}
        transform: {steps: ["SELECT *, '{partition}' AS day FROM df"]}
        validation: {tests: [{type: row_count, min: 1}]}
        write: {connection: lake, format: csv, path: "orders/{partition}.csv"}
"""
DEFINITIONS = """\
import dagster as dg
from odibi_dagster import load_odibi_assets

defs = dg.Definitions(
    assets=load_odibi_assets("odibi.yaml"), executor=dg.in_process_executor
)
"""
LAUNCH = """
mutation Launch($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
  }
}
"""
BACKFILL = """
mutation Launch($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on PythonError { message }
  }
}
"""
RUNS = "{ runsOrError { ... on Runs { results { status tags { key value } } } } }"
PARTITIONS = """
query Q($key: AssetKeyInput!) {
  assetNodeOrError(assetKey: $key) {
    ... on AssetNode { assetMaterializations { partition } }
  }
}
"""
STATUS = "query Q($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
RESULT = """
query Q($key: AssetKeyInput!) {
  assetNodeOrError(assetKey: $key) {
    ... on AssetNode {
      assetMaterializations(limit: 1) {
        metadataEntries { label ... on IntMetadataEntry { intValue } }
      }
      assetChecksOrError {
        ... on AssetChecks {
          checks {
            name
            blocking
            executionForLatestMaterialization { evaluation { success severity } }
          }
        }
      }
    }
  }
}
"""
NODES = "{ assetNodes { assetKey { path } } }"


class Webserver:
    """The GraphQL side of one running `dagster dev`."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/graphql"

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(self._url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as response:
            answer: dict[str, Any] = json.load(response)
        assert "errors" not in answer, answer
        return answer["data"]


def _until(probe: Callable[[], T | None], *, seconds: float, what: str) -> T:
    """Asks again and again, because a server says in no other way that it is ready."""
    pause = threading.Event()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if (found := probe()) is not None:
            return found
        pause.wait(0.2)
    pytest.fail(f"{what} did not happen within {seconds} s")


@contextmanager
def dagster_dev(folder: Path, log: Path, home: Path | None = None) -> Iterator[Webserver]:
    """`dagster dev` as a user types it in `folder`; its whole process group ends with the test."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {k: v for k, v in os.environ.items() if k != "DAGSTER_HOME"}
    if home is not None:
        home.mkdir(exist_ok=True)
        (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
        environment["DAGSTER_HOME"] = str(home)
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "dagster", "dev", "-h", "127.0.0.1", "-p", str(port)],
            cwd=folder,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        server = Webserver(port)

        def ready() -> bool | None:
            assert process.poll() is None, log.read_text()
            try:
                return bool(server.ask(NODES)["assetNodes"]) or None
            except OSError:
                return None

        try:
            _until(ready, seconds=90, what="serving")
            yield server
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(20)


def _launch(server: Webserver, location: str, *keys: list[str]) -> str:
    params = {
        "selector": {
            "repositoryLocationName": location,
            "repositoryName": "__repository__",
            "pipelineName": "__ASSET_JOB",
            "assetSelection": [{"path": key} for key in keys],
        },
        "mode": "default",
    }
    launched = server.ask(LAUNCH, params=params)["launchRun"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    run_id = launched["run"]["runId"]

    def finished() -> str | None:
        status: str = server.ask(STATUS, id=run_id)["runOrError"]["status"]
        return status if status in {"SUCCESS", "FAILURE", "CANCELED"} else None

    return _until(finished, seconds=90, what="the run's end")


def _project(root: Path, odibi: str, orders: str) -> None:
    (root / "lake").mkdir()
    (root / "lake/orders.csv").write_text(orders)
    (root / "odibi.yaml").write_text(odibi)
    (root / "definitions.py").write_text(DEFINITIONS)
    (root / "workspace.yaml").write_text(
        "load_from:\n  - python_file: {relative_path: definitions.py, location_name: shop}\n"
    )


def test_a_materialization_from_the_ui(tmp_path: Path) -> None:
    _project(tmp_path, ODIBI, "id,amount\n1,10.0\n2,-1.0\n")
    with dagster_dev(tmp_path, tmp_path / "dev.log", tmp_path / "home") as server:
        orders = ["bronze", "orders"]
        status = _launch(server, "shop", orders, ["bronze", "orders__quarantine"])
        assert status == "SUCCESS"
        node = server.ask(RESULT, key={"path": orders})["assetNodeOrError"]
        metadata = {
            entry["label"]: entry.get("intValue")
            for entry in node["assetMaterializations"][0]["metadataEntries"]
        }
        assert metadata["dagster/row_count"] == 1
        assert metadata["quarantined_rows"] == 1
        checks = {
            check["name"]: check["executionForLatestMaterialization"]["evaluation"]
            for check in node["assetChecksOrError"]["checks"]
        }
        assert checks == {
            "range_amount": {"success": False, "severity": "WARN"},
            "row_count": {"success": True, "severity": "ERROR"},
        }
    assert (tmp_path / "lake/out/orders.parquet").exists()


def test_a_backfill_from_the_ui_is_one_run_for_each_partition(tmp_path: Path) -> None:
    _project(tmp_path, PARTITIONED, "id\n1\n")
    days, key = ["2026-01-01", "2026-01-02"], {"path": ["bronze", "orders"]}
    with dagster_dev(tmp_path, tmp_path / "dev.log", tmp_path / "home") as server:
        asked = {"assetSelection": [key], "partitionNames": days}
        launched = server.ask(BACKFILL, params=asked)["launchPartitionBackfill"]
        assert launched["__typename"] == "LaunchBackfillSuccess", launched

        def finished() -> list[str] | None:
            runs = server.ask(RUNS)["runsOrError"]["results"]
            over = [run for run in runs if run["status"] in {"SUCCESS", "FAILURE", "CANCELED"}]
            if len(over) < len(days):
                return None
            assert {run["status"] for run in over} == {"SUCCESS"}
            tags = [tag for run in over for tag in run["tags"]]
            return sorted(tag["value"] for tag in tags if tag["key"] == "dagster/partition")

        assert _until(finished, seconds=150, what="the backfill's end") == days
        node = server.ask(PARTITIONS, key=key)["assetNodeOrError"]
        assert sorted(m["partition"] for m in node["assetMaterializations"]) == days
    stored = {day: (tmp_path / f"lake/orders/{day}.csv").read_text() for day in days}
    assert stored == {day: f"id,day\n1,{day}\n" for day in days}


def test_command_python_and_ui_share_the_marks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None of them has a DAGSTER_HOME: the mark still lies in one place."""
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    config, source = tmp_path / "odibi.yaml", tmp_path / "lake/in"
    source.mkdir(parents=True)
    config.write_text(INCREMENTAL)
    (tmp_path / "definitions.py").write_text(DEFINITIONS)
    (tmp_path / "workspace.yaml").write_text(
        "load_from:\n  - python_file: {relative_path: definitions.py, location_name: shop}\n"
    )

    def by_command() -> None:
        command = [sys.executable, "-m", "odibi_dagster.cli", "run", str(config)]
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)

    def in_python() -> None:
        assert dg.materialize(load_odibi_assets(config)).success

    def in_the_ui() -> None:
        with dagster_dev(tmp_path, tmp_path / "dev.log") as server:
            assert _launch(server, "shop", ["bronze", "orders"]) == "SUCCESS"

    for number, run in enumerate([by_command, in_python, in_the_ui, by_command], 1):
        (source / f"{number}.csv").write_text(f"id\n{number}\n")
        run()
        stored = (tmp_path / "lake/out.csv").read_text().split()
        assert stored == ["id", *map(str, range(1, number + 1))]
    url = f"sqlite:///{tmp_path}/.dagster_home/storage/odibi_state.db"
    with sa.create_engine(url).connect() as connection:
        windows = connection.execute(sa.select(tables.batches.c.lower, tables.batches.c.upper))
        marks = [tuple(text and decode(text) for text in window) for window in windows]
    assert marks == [(None, 1), (1, 2), (2, 3), (3, 4)]


@pytest.mark.parametrize("folder", [REPOSITORY / "example_project", REPOSITORY])
def test_both_workspaces_serve_the_example(folder: Path, tmp_path: Path) -> None:
    with dagster_dev(folder, tmp_path / "dev.log") as server:
        paths = {tuple(n["assetKey"]["path"]) for n in server.ask(NODES)["assetNodes"]}
        assert {path[0] for path in paths} == {"bronze", "silver", "gold"}
