"""`odibi-dagster checks`: what is stored is judged again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import dagster as dg
import polars as pl

from odibi_dagster.assets.instance import find_home, open_instance
from tests.cli.support import PROJECT

if TYPE_CHECKING:
    from tests.cli.support import Cli


def spoil(cli: Cli) -> None:
    """Somebody writes into the table of silver/orders."""
    file = cli.root / "lake/silver_orders.parquet"
    rows = pl.read_parquet(file)
    pl.concat([rows, rows]).write_parquet(file)


def test_what_is_kept_is_said_check_by_check(cli: Cli) -> None:
    assert cli("run", "odibi.yaml").code == 0

    told = cli("checks", "odibi.yaml", "silver/orders")

    assert told.code == 0, told.err
    lines = told.out.splitlines()
    assert lines[0] == "silver/orders"
    assert [line.split()[:2] for line in lines[1:5]] == [
        ["passed", "input_row_count"],
        ["passed", "unique_id"],
        ["passed", "not_null_customer"],
        ["warned", "range_amount"],
    ]
    assert "1 node: 1 ok; judged in" in told.out
    assert "stored in" not in told.out


def test_a_broken_table_is_exit_code_3_and_stays(cli: Cli) -> None:
    assert cli("run", "odibi.yaml").code == 0
    spoil(cli)
    before = (cli.root / "lake/silver_orders.parquet").read_bytes()

    told = cli("checks", "odibi.yaml", "silver/orders")

    assert told.code == 3
    assert "failed  unique_id" in told.out
    assert (cli.root / "lake/silver_orders.parquet").read_bytes() == before


def test_the_evaluations_are_in_dagsters_history(cli: Cli) -> None:
    assert cli("run", "odibi.yaml").code == 0
    spoil(cli)
    cli("checks", "odibi.yaml", "silver/orders")

    home, ours = find_home(cli.root / "odibi.yaml")
    key = dg.AssetCheckKey(dg.AssetKey(["silver", "orders"]), "unique_id")
    with open_instance(home, ours=ours) as instance:
        records = instance.event_log_storage.get_asset_check_execution_history(key, limit=5)
    evaluations = [record.event.dagster_event.event_specific_data for record in records]
    assert [one.passed for one in evaluations] == [False, True]
    assert evaluations[0].metadata["scope"].value == "table"


def test_json_is_all_that_stdout_holds(cli: Cli) -> None:
    assert cli("run", "odibi.yaml").code == 0
    spoil(cli)

    told = cli("checks", "odibi.yaml", "silver/orders", "--format", "json")

    assert told.code == 3
    node = json.loads(told.out)["nodes"]["silver/orders"]
    assert node["state"] == "failed"
    (unique,) = [check for check in node["checks"] if check["name"] == "unique_id"]
    assert (unique["state"], unique["scope"]) == ("failed", "table")
    assert isinstance(unique["failed_rows"], int)


def test_a_node_that_is_not_stored_fails(cli: Cli) -> None:
    told = cli("checks", "odibi.yaml", "silver/orders")

    assert told.code == 3
    assert "is not stored yet" in told.out
    assert not (cli.root / "lake/silver_orders.parquet").exists()


def test_every_node_is_judged_whatever_the_others_say(cli: Cli) -> None:
    last = "        write: {connection: lake, format: parquet, path: gold_answers.parquet}\n"
    tests = "        validation: {tests: [{type: row_count, min: 1}]}\n"
    cli.write(PROJECT.replace(last, tests + last))
    assert cli("run", "odibi.yaml").code == 0
    spoil(cli)

    told = cli("checks", "odibi.yaml", "silver", "gold")

    assert told.code == 3
    assert "failed  unique_id" in told.out
    assert "passed  row_count" in told.out


def test_a_node_without_checks_is_an_error(cli: Cli) -> None:
    told = cli("checks", "odibi.yaml", "gold/answers")

    assert told.code == 2
    assert "nothing to judge: gold/answers has no check" in told.err


def test_a_node_without_checks_among_others_is_named(cli: Cli) -> None:
    told = cli("checks", "odibi.yaml", "silver/orders", "gold/answers")

    assert told.code == 3
    assert told.err == "gold/answers has no check\n"


def of_python(cli: Cli, *replaced: tuple[str, str]) -> str:
    """The project in which silver/orders reads a Python asset; what it stored before stays."""
    assert cli("run", "odibi.yaml").code == 0
    read = "        read: {connection: lake, format: parquet, path: orders.parquet}\n"
    contracts = "        contracts:\n          - {type: row_count, min: 1}\n"
    text = PROJECT.replace(read + contracts, "        inputs: {raw: {asset: team/raw}}\n")
    for old, new in replaced:
        text = text.replace(old, new)
    cli.write(text)
    return text


def test_a_node_that_reads_a_python_asset_is_judged_by_what_it_stored(cli: Cli) -> None:
    of_python(cli)
    assert cli("run", "odibi.yaml", "silver/orders").code == 2

    told = cli("checks", "odibi.yaml", "silver/orders")

    assert told.code == 0, told.err
    assert "passed  unique_id" in told.out
    spoil(cli)
    assert cli("checks", "odibi.yaml", "silver/orders").code == 3


def test_a_promise_about_a_python_asset_needs_it(cli: Cli) -> None:
    said = "a Python asset is not made by odibi.yaml: silver/orders reads team/raw"
    raw = "        inputs: {raw: {asset: team/raw}}\n"
    contracts = f"{raw}        contracts: [{{type: row_count, min: 1}}]\n"
    key = "{type: foreign_key, columns: [id], references: {asset: team/raw}}"
    for place in ((raw, contracts), ("{type: unique, columns: [id]}", key)):
        of_python(cli, place)
        told = cli("checks", "odibi.yaml", "silver/orders")
        assert told.code == 2
        assert said in told.err
        cli.write()
