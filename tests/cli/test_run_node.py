"""`run-node`: exactly the named nodes, and a result that another program reads."""

from __future__ import annotations

import json
import os
import re
import signal
from typing import TYPE_CHECKING, Any

import dagster as dg
import polars as pl
import pytest

from odibi_dagster.assets.instance import open_instance
from tests.cli.support import PROJECT
from tests.cli.test_stopping import statuses, wait_for_run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.support import Cli

TASK = {
    "AIRFLOW_CTX_DAG_ID": "shop__silver",
    "AIRFLOW_CTX_DAG_RUN_ID": "scheduled__2026-01-01T06:00:00+00:00",
    "AIRFLOW_CTX_TASK_ID": "orders",
    "AIRFLOW_CTX_TRY_NUMBER": "2",
}
SUCCESS, FAILURE = dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE
APPENDING = PROJECT.replace(
    "format: parquet, path: silver_orders.parquet", "format: delta, path: silver, mode: append"
).replace("{type: unique, columns: [id]}", "{type: unique, columns: [id], scope: batch}")


def result(root: Path) -> dict[str, Any]:
    said: dict[str, Any] = json.loads((root / "result.json").read_text(encoding="utf-8"))
    return said


def runs(root: Path) -> list[dg.DagsterRun]:
    with open_instance(root / ".dagster_home", ours=True) as instance:
        return list(instance.get_runs())


def test_the_node_alone_and_what_became_of_it(cli: Cli) -> None:
    answer = cli("run-node", "silver/orders", "--result-file", "result.json")
    assert answer.code == 0, answer.err
    said = result(cli.root)
    (run,) = runs(cli.root)
    assert said.pop("seconds") > 0
    assert said == {
        "outcome": "succeeded",
        "retryable": False,
        "message": "",
        "rows": 2,
        "quarantined_rows": 1,
        "warnings": ["not_null_customer", "range_amount"],
        "failed_checks": [],
        "dagster_run_id": run.run_id,
        "partition": "",
    }
    assert not (cli.root / "lake/gold_answers.parquet").exists()


def test_never_what_lies_upstream(cli: Cli) -> None:
    answer = cli("run-node", "gold/answers", "--result-file", "result.json")
    assert answer.code == 4
    assert not (cli.root / "lake/silver_orders.parquet").exists()
    said = result(cli.root)
    assert (said["outcome"], said["retryable"], said["rows"]) == ("failed", False, None)
    assert "silver/orders" in said["message"]


def test_several_nodes_name_their_checks(cli: Cli) -> None:
    nodes = ("silver/orders", "gold/large", "gold/answers")
    assert cli("run-node", *nodes, "--result-file", "result.json").code == 0
    assert result(cli.root)["warnings"][0] == "silver/orders: not_null_customer"


def test_a_contract_that_blocks(cli: Cli) -> None:
    cli.replace("on_fail: warn", "on_fail: fail")
    assert cli("run-node", "silver/orders", "--result-file", "result.json").code == 3
    said = result(cli.root)
    assert (said["outcome"], said["retryable"]) == ("failed", False)
    assert said["failed_checks"] == ["range_amount"]
    assert "nothing was published" in said["message"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["silver"], "no node is called 'silver'"),
        (["+silver/orders"], "no node is called"),
        (["silver/order"], "did you mean 'silver/orders'?"),
        (["silver/orders", "--partition", "2026-01-01"], "has no partitions"),
        (["silver/orders", "--config", "other.yaml"], "other.yaml"),
    ],
)
def test_a_wrong_command_line(cli: Cli, words: list[str], message: str) -> None:
    answer = cli("run-node", *words, "--result-file", "result.json")
    assert answer.code == 2
    assert message in answer.err
    said = result(cli.root)
    assert (said["outcome"], said["retryable"]) == ("failed", False)
    assert message in said["message"]


def test_a_node_that_is_not_enabled(cli: Cli) -> None:
    cli.write(PROJECT.replace("depends_on: [large]", "depends_on: [large]\n        enabled: false"))
    answer = cli("run-node", "gold/answers")
    assert (answer.code, "not enabled" in answer.err) == (2, True)


def test_a_database_that_is_away_may_be_tried_again(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("odibi_dagster.state.database.PATIENCE", 0.1)
    cli.write(APPENDING)
    url = "postgresql://u:secret@127.0.0.1:1/db"
    monkeypatch.setenv("ODIBI_STATE_URL", url)
    assert cli("run-node", "silver/orders", "--result-file", "result.json").code == 1
    said = result(cli.root)
    assert (said["outcome"], said["retryable"]) == ("failed", True)
    assert "secret" not in said["message"]


def test_the_run_is_tagged_with_the_task(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in TASK.items():
        monkeypatch.setenv(name, value)
    assert cli("run-node", "silver/orders").code == 0
    (run,) = runs(cli.root)
    assert {tag: value for tag, value in run.tags.items() if tag.startswith("airflow/")} == {
        "airflow/dag_id": "shop__silver",
        "airflow/dag_run_id": "scheduled__2026-01-01T06:00:00+00:00",
        "airflow/task_id": "orders",
        "airflow/try_number": "2",
    }


def test_a_task_that_is_tried_again_adds_its_rows_once(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker may die after its rows were published and before Airflow heard of it."""
    cli.write(APPENDING)
    for name, value in TASK.items():
        monkeypatch.setenv(name, value)
    assert cli("run-node", "silver/orders").code == 0
    monkeypatch.setenv("AIRFLOW_CTX_TRY_NUMBER", "3")
    assert cli("run-node", "silver/orders").code == 0
    assert pl.read_delta(str(cli.root / "lake/silver")).height == 2
    monkeypatch.setenv("AIRFLOW_CTX_DAG_RUN_ID", "scheduled__2026-01-02T06:00:00+00:00")
    assert cli("run-node", "silver/orders").code == 0
    assert pl.read_delta(str(cli.root / "lake/silver")).height == 4


def test_sigterm_is_a_failed_run_that_leaves_nothing_behind(cli: Cli) -> None:
    """A quarantining node that holds its lease: no row is visible, and the next may begin."""
    cli.write(APPENDING)
    assert cli("run-node", "silver/orders").code == 0
    os.mkfifo(cli.root / "gate")
    steps = f"transform: {{steps: [{{function: wait, params: {{at: '{cli.root / 'gate'}'}}}}]}}"
    cli.write(APPENDING.replace("contracts:", f"{steps}\n        contracts:", 1))
    process = cli.start("run-node", "silver/orders", "--result-file", "result.json")
    wait_for_run(cli.root, 1)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 143, out + err
    said = result(cli.root)
    assert (said["outcome"], said["retryable"]) == ("stopped", True)
    assert events(cli.root, said["dagster_run_id"]) == {
        "PIPELINE_FAILURE": "Ended by SIGTERM; what was published before stays."
    }
    assert stored(cli.root) == (2, 1)
    shown = cli("state", "show", "odibi.yaml", "silver/orders").out
    assert re.search(r"held by +nobody\n", shown), shown
    assert [path.name for path in (cli.root / "lake").iterdir() if path.name.startswith(".")] == []

    cli.write(APPENDING)
    assert cli("run-node", "silver/orders").code == 0
    assert stored(cli.root) == (4, 2)
    assert statuses(cli.root) == [SUCCESS, FAILURE, SUCCESS]


def stored(root: Path) -> tuple[int, int]:
    """The rows of the table and of its quarantine."""
    rejects = sorted((root / "lake/rejected.parquet").glob("*.parquet"))
    return pl.read_delta(str(root / "lake/silver")).height, pl.read_parquet(rejects).height


def events(root: Path, run_id: str) -> dict[str, str]:
    """How Dagster was told that the run ended."""
    ends = {"PIPELINE_FAILURE", "PIPELINE_CANCELED", "PIPELINE_CANCELING", "PIPELINE_SUCCESS"}
    with open_instance(root / ".dagster_home", ours=True) as instance:
        found = [entry.dagster_event for entry in instance.all_logs(run_id)]
    return {
        event.event_type_value: event.message or ""
        for event in found
        if event is not None and event.event_type_value in ends
    }


def _six_at_once(cli: Cli, **environment: str) -> None:
    nodes = "\n".join(
        f"      - {{name: copy{number}, read: {{connection: lake, format: parquet, "
        f"path: orders.parquet}}, write: {{connection: lake, format: delta, path: copy{number}, "
        "mode: append}}"
        for number in range(6)
    )
    head = PROJECT[: PROJECT.index("pipelines:")]
    cli.write(f"{head}pipelines:\n  - pipeline: p\n    nodes:\n{nodes}\n")
    started = [cli.start("run-node", f"p/copy{number}", **environment) for number in range(6)]
    for process in started:
        out, err = process.communicate(timeout=240)
        assert process.returncode == 0, out + err
    for number in range(6):
        assert pl.read_delta(str(cli.root / f"lake/copy{number}")).height == 3


def test_six_at_once_on_a_fresh_home(cli: Cli) -> None:
    _six_at_once(cli)
    assert statuses(cli.root) == [SUCCESS] * 6


@pytest.mark.databases
def test_six_at_once_on_a_fresh_postgres(cli: Cli, postgres_url: str) -> None:
    home = cli.root / "home"
    home.mkdir()
    storage = f"storage:\n  postgres:\n    postgres_url: '{postgres_url}'\n"
    (home / "dagster.yaml").write_text(f"telemetry: {{enabled: false}}\n{storage}")
    _six_at_once(cli, DAGSTER_HOME=str(home))


def test_a_result_that_could_not_be_written_is_told_before_the_run(cli: Cli) -> None:
    answer = cli("run-node", "silver/orders", "--result-file", "nowhere/result.json")
    assert answer.code == 2
    assert "--result-file nowhere/result.json: there is no folder nowhere" in answer.err
    assert not (cli.root / "lake/silver_orders.parquet").exists()
