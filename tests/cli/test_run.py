from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from contextlib import suppress

import dagster as dg
import pytest

from odibi_dagster.assets.instance import open_instance
from odibi_dagster.cli import run
from odibi_dagster.cli.choosing import choose_nodes
from odibi_dagster.cli.entry import parse
from odibi_dagster.config.load import load_project
from tests.cli.support import PROJECT, Cli, child_environment


def runs(cli: Cli) -> list[dg.DagsterRun]:
    with open_instance(cli.root / ".dagster_home", ours=True) as instance:
        return list(instance.get_runs())


def test_everything_runs_and_every_node_has_its_line(cli: Cli) -> None:
    answer = cli("run", "odibi.yaml")
    assert (answer.code, answer.err) == (0, "")
    lines = answer.out.splitlines()
    orders = next(line for line in lines if line.startswith("silver/orders "))
    assert orders.split()[1:4] == ["warned", "2", "rows"]
    assert "4 checks: 2 warned" in orders
    assert "1 quarantined" in orders
    assert next(line for line in lines if line.startswith("gold/large")).split()[1] == "view"
    assert "3 nodes: 3 ok; 4 rows stored in" in answer.out
    assert "checks: 2 passed, 2 warned" in answer.out
    assert "quarantined: 1 row" in answer.out
    assert f"{cli.root}/.dagster_home (DAGSTER_HOME is not set" in answer.out
    assert "Next: odibi-dagster show odibi.yaml gold/answers" in answer.out
    assert cli.stored("gold_answers")["id"].to_list() == [1, 3]


def test_the_quarantine_and_how_to_see_it_are_named(cli: Cli) -> None:
    answer = cli("run", "odibi.yaml", "silver/orders")
    assert f"quarantine at {cli.root}/lake/rejected.parquet" in answer.out
    assert "odibi-dagster show odibi.yaml silver/orders__quarantine" in answer.out


def test_the_next_command_is_for_the_same_environment(cli: Cli) -> None:
    cli.write(PROJECT + "environments:\n  small: {description: a part of it}\n")
    answer = cli("run", "odibi.yaml", "--env", "small", "silver/orders")
    assert answer.code == 0
    assert "Next: odibi-dagster show odibi.yaml --env small silver/orders\n" in answer.out


def test_a_home_of_the_user_is_used(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(cli.root / "mine"))
    answer = cli("run", "odibi.yaml")
    assert f"Dagster home: {cli.root}/mine (from DAGSTER_HOME)" in answer.out
    assert not (cli.root / ".dagster_home").exists()


def test_dagster_remembers_the_run_under_the_name_of_the_pipelines_job(cli: Cli) -> None:
    cli("run", "odibi.yaml", "--pipeline", "silver")
    cli("run", "odibi.yaml")
    found = [(run.job_name, run.status) for run in reversed(runs(cli))]
    success = dg.DagsterRunStatus.SUCCESS
    assert found == [("shop_silver", success), ("shop", success)]


@pytest.mark.parametrize(
    ("words", "nodes"),
    [
        (["silver/orders"], {"silver/orders"}),
        (["+gold/answers"], {"silver/orders", "gold/large", "gold/answers"}),
        (["gold"], {"gold/large", "gold/answers"}),
        (["--select", "gold/large", "--select", "silver/orders"], {"gold/large", "silver/orders"}),
        (["--pipeline", "silver", "gold/large"], {"gold/large", "silver/orders"}),
        (["--select", 'key:"silver/orders"+1'], {"silver/orders", "gold/large"}),
    ],
)
def test_what_is_selected(cli: Cli, words: list[str], nodes: set[str]) -> None:
    project = load_project(cli.root / "odibi.yaml")
    chosen = choose_nodes(project, run.terms(parse(["run", "odibi.yaml", *words])))
    assert {str(node) for node in chosen.nodes.values()} == nodes


def test_an_unknown_node_is_named_with_the_nearest_one(cli: Cli) -> None:
    answer = cli("run", "odibi.yaml", "silver/order")
    assert answer.code == 2
    assert answer.err == (
        "error: nothing is called 'silver/order'; did you mean 'silver/orders'?\n"
    )


def test_a_broken_contract_keeps_the_old_data_and_is_3(cli: Cli) -> None:
    cli("run", "odibi.yaml")
    before = cli.stored("silver_orders")
    cli.land("orders", id=[1, 1], customer=["a", "b"], amount=[1, 2])
    answer = cli("run", "odibi.yaml")
    assert answer.code == 3
    assert "unique_id failed: 2 of 2 rows broken" in answer.out
    assert f"silver/orders: the old data is in place: {cli.root}/lake" in answer.out
    assert "because of silver/orders" in answer.out
    assert "because of gold/large" in answer.out
    assert "3 nodes: 1 failed, 2 skipped" in answer.out
    assert "Next: odibi-dagster run odibi.yaml silver/orders gold/large gold/answers" in answer.out
    assert cli.stored("silver_orders").equals(before)
    assert "Traceback" not in answer.out + answer.err


def test_where_nothing_was_stored_before_that_is_said(cli: Cli) -> None:
    cli.land("orders", id=[1, 1], customer=["a", "b"], amount=[1, 2])
    answer = cli("run", "odibi.yaml", "silver/orders")
    assert "silver/orders: nothing is stored yet" in answer.out


def test_a_mistake_in_a_python_step_is_4_and_no_traceback(cli: Cli) -> None:
    cli.write(
        PROJECT.replace("function: above\n              params: {limit: 5}", "function: stumble")
    )
    answer = cli("run", "odibi.yaml")
    assert answer.code == 4
    assert "a mistake in transforms.py" in answer.out
    assert "Traceback" not in answer.out + answer.err
    assert "2 ok" not in answer.out


def test_debug_shows_the_traceback_and_what_dagster_logs(cli: Cli) -> None:
    cli.write(
        PROJECT.replace("function: above\n              params: {limit: 5}", "function: stumble")
    )
    answer = cli("run", "odibi.yaml", "--debug")
    assert "transforms.py" in answer.err
    assert "ZeroDivisionError" in answer.err


def test_the_gravest_failure_gives_the_exit_code(cli: Cli) -> None:
    independent = """\
  - pipeline: other
    nodes:
      - name: missing
        read: {connection: lake, format: parquet, path: nowhere.parquet}
        write: {connection: lake, format: parquet, path: other.parquet}
"""
    cli.write(PROJECT + independent)
    cli.land("orders", id=[1, 1], customer=["a", "b"], amount=[1, 2])
    answer = cli("run", "odibi.yaml")
    assert answer.code == 4
    assert "nowhere.parquet" in answer.out
    assert "unique_id failed" in answer.out


def test_a_file_with_problems_runs_nothing(cli: Cli) -> None:
    cli.replace("read: {connection: lake", "raed: {connection: lake")
    answer = cli("run", "odibi.yaml")
    assert answer.code == 2
    assert "odibi.yaml:" in answer.err
    assert "did you mean 'read'?" in answer.err
    assert not (cli.root / ".dagster_home").exists()


def test_disabled_nodes_alone_are_nothing_to_run(cli: Cli) -> None:
    cli.replace("- name: orders", "- name: orders\n        enabled: false")
    answer = cli("run", "odibi.yaml", "silver/orders")
    assert answer.code == 2
    assert "nothing to run: silver/orders has no node that is enabled" in answer.err


def test_a_python_asset_is_asked_for_in_dagster(cli: Cli) -> None:
    cli.write(PROJECT.replace("{orders: $silver.orders}", "{orders: {asset: team/raw}}"))
    answer = cli("run", "odibi.yaml", "gold/answers")
    assert (answer.code, answer.out) == (2, "")
    assert "gold/answers reads team/raw. Materialize such nodes in Dagster" in answer.err


def test_on_a_terminal_nodes_appear_one_by_one(cli: Cli) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "odibi_dagster.cli", "run", "odibi.yaml"],
        cwd=cli.root,
        env=child_environment(TERM="xterm-256color", COLUMNS="60"),
        stdout=theirs,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(theirs)
    said = ""
    with suppress(OSError):  # how Linux says that the other end is closed
        while chunk := os.read(ours, 100_000).decode():
            said += chunk
    os.close(ours)
    with process:
        assert process.stderr is not None
        assert (process.stderr.read(), process.wait(timeout=60)) == ("", 0)
    assert "[0/3] silver/orders" in said
    assert "\x1b[33msilver/orders  warned" in said
    assert "3 nodes: 3 ok" in said


def test_what_was_not_judged_is_skipped_and_not_failed(cli: Cli) -> None:
    """The tests after the first that blocks; and all of them where the input breaks."""
    few = "{type: row_count, max: 1}"
    cli.replace("tests:\n", f"fail_fast: true\n          tests:\n            - {few}\n")
    answer = cli("run", "odibi.yaml", "silver/orders")
    assert answer.code == 3
    assert "5 checks: 1 failed, 3 skipped" in answer.out
    assert "checks: 1 passed, 1 failed, 3 skipped" in answer.out
    assert "unique_id skipped: because 'row_count' failed first" in answer.out

    cli.replace("{type: row_count, min: 1}", "{type: row_count, max: 1}")
    answer = cli("run", "odibi.yaml", "silver/orders")
    assert answer.code == 3
    assert "checks: 1 failed, 3 skipped" in answer.out


def test_skipped_checks_are_not_among_the_failed_of_a_result(cli: Cli) -> None:
    cli.replace("{type: row_count, min: 1}", "{type: row_count, max: 1}")
    assert cli("run-node", "silver/orders", "--result-file", "result.json").code == 3
    said = json.loads((cli.root / "result.json").read_text())
    assert said["failed_checks"] == ["input_row_count"]
