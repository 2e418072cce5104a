"""`export-airflow`: where it writes, and how it tells that a file is out of date."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.cli.support import PROJECT

if TYPE_CHECKING:
    from tests.cli.support import Cli


def test_without_a_file_it_is_printed(cli: Cli) -> None:
    answer = cli("export-airflow", "odibi.yaml")
    assert answer.code == 0
    assert 'dag_id="shop__gold"' in answer.out
    assert cli("export-airflow", "odibi.yaml", "--stdout").out == answer.out


def test_a_folder_gets_a_file_of_the_project(cli: Cli) -> None:
    answer = cli("export-airflow", "odibi.yaml", "--out", "dags")
    assert answer.out == "wrote: dags/shop.py\n"
    text = (cli.root / "dags/shop.py").read_text(encoding="utf-8")
    assert '"../odibi.yaml"' in text, "as seen from the file"
    assert str(cli.root) not in text
    assert cli("export-airflow", "odibi.yaml", "--out", "dags").out == "unchanged: dags/shop.py\n"
    assert [file.name for file in (cli.root / "dags").iterdir()] == ["shop.py"]


def test_check_and_diff(cli: Cli) -> None:
    words = ("export-airflow", "odibi.yaml", "--out", "shop.py")
    missing = cli(*words, "--check")
    assert (missing.code, "is not there" in missing.err) == (1, True)
    assert cli(*words).code == 0
    assert cli(*words, "--check").code == 0
    assert cli(*words, "--diff").out == ""
    cli.write(PROJECT.replace("description: Checked.", "dagster: {schedule: '@daily'}"))
    stale = cli(*words, "--check")
    assert (stale.code, "is out of date" in stale.err) == (1, True)
    shown = cli(*words, "--diff")
    assert (shown.code, '+    schedule="@daily",' in shown.out) == (0, True)
    assert cli(*words, "--check").code == 1, "--diff wrote nothing"


def test_a_part_of_the_project(cli: Cli) -> None:
    gold = cli("export-airflow", "odibi.yaml", "--pipeline", "gold").out
    assert "shop__silver" not in gold
    assert 'schedule=[ASSETS["silver/orders"]],' in gold, "another file may hold it"
    one = cli("export-airflow", "odibi.yaml", "--select", "gold/answers").out
    assert 'node="gold/answers"' in one
    assert 'node="gold/large"' not in one


def test_a_name_that_is_code_is_refused(cli: Cli) -> None:
    """C01: what is not a name never reaches the file."""
    hostile = "x'); import os; os.system('id'); ('"
    cli.write(PROJECT.replace("name: answers", f'name: "{hostile}"'))
    answer = cli("export-airflow", "odibi.yaml", "--out", "shop.py")
    assert (answer.code, "invalid node name" in answer.err) == (2, True)
    assert not (cli.root / "shop.py").exists()


def test_a_name_that_is_a_keyword_is_fine(cli: Cli) -> None:
    cli.write(PROJECT.replace("name: answers", "name: import"))
    assert 'task_id="import",' in cli("export-airflow", "odibi.yaml").out


def test_comparing_needs_a_file(cli: Cli) -> None:
    answer = cli("export-airflow", "odibi.yaml", "--check")
    assert (answer.code, "name it by --out" in answer.err) == (2, True)


def test_the_environment_of_the_export_is_that_of_the_tasks(cli: Cli) -> None:
    cli.write(PROJECT + "environments: {prod: {connections: {}}}\n")
    text = cli("export-airflow", "odibi.yaml", "--env", "prod").out
    assert 'ENVIRONMENT = os.environ.get("ODIBI_ENV") or "prod"' in text


def test_a_node_that_no_task_could_run_is_refused(cli: Cli) -> None:
    cli.write(PROJECT.replace("{orders: $silver.orders}", "{orders: {asset: team/raw}}"))
    answer = cli("export-airflow", "odibi.yaml")
    assert (answer.code, answer.out) == (2, "")
    assert "gold/answers reads team/raw" in answer.err
    assert cli("export-airflow", "odibi.yaml", "--pipeline", "silver").code == 0


def test_a_pod_needs_an_image(cli: Cli) -> None:
    answer = cli("export-airflow", "odibi.yaml", "--runner", "kubernetes")
    assert (answer.code, "--image belong together" in answer.err) == (2, True)


def test_a_wait_that_airflow_does_not_know_is_told(cli: Cli) -> None:
    for backoff, told in (("linear", True), ("constant", False), ("exponential", False)):
        cli.write(PROJECT.replace("story:", f"retry: {{backoff: {backoff}}}\nstory:"))
        answer = cli("export-airflow", "odibi.yaml")
        assert answer.code == 0
        assert ("warning: retry.backoff: Airflow cannot wait" in answer.err) == told
        assert "Airflow cannot wait" not in answer.out
