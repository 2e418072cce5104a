"""`--partition`: what runs, is judged, shown and mended of a node with partitions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import dagster as dg
import pytest

from odibi_dagster.assets.instance import open_instance

if TYPE_CHECKING:
    from tests.cli.support import Cli

PROJECT = """\
project: shop
connections: {lake: {type: local, base_path: ./lake}}
pipelines:
  - pipeline: days
    dagster: {partitions: {daily: {start: 2026-01-01, end: 2026-01-04}}}
    nodes:
      - name: orders
        read:
          connection: lake
          format: parquet
          path: "in_{partition}.parquet"
          incremental: {mode: stateful, column: id}
        validation:
          tests: [{type: range, column: amount, max: 100, on_fail: quarantine}]
          quarantine: {connection: lake, path: "bad/{partition}"}
        write: {connection: lake, format: parquet, path: "orders/{partition}.parquet", mode: append}
      - name: named
        depends_on: [orders]
        transform: {steps: ["SELECT *, '{partition}' AS day FROM df"]}
  - pipeline: lands
    nodes:
      - name: sales
        dagster: {partitions: {static: [de, at]}}
        read: {connection: lake, format: parquet, path: "in_{partition}.parquet"}
        write: {connection: lake, format: parquet, path: "sales_{partition}.parquet"}
  - pipeline: all
    nodes:
      - name: total
        inputs: {o: $days.orders}
        transform: {steps: [SELECT count(*) AS n FROM o]}
        write: {connection: lake, format: parquet, path: total.parquet}
"""
ONE, TWO = "2026-01-01", "2026-01-02"


@pytest.fixture
def days(cli: Cli) -> Cli:
    cli.write(PROJECT)
    cli.land(f"in_{ONE}", id=[1, 2], amount=[10, 500])
    cli.land(f"in_{TWO}", id=[1], amount=[7])
    return cli


@pytest.fixture
def stored(days: Cli) -> Cli:
    for day in (ONE, TWO):
        answer = days("run", "odibi.yaml", "days", "all", "--partition", day)
        assert answer.code == 0, answer.err
    return days


def test_a_run_of_one_partition(stored: Cli) -> None:
    assert stored.stored(f"orders/{ONE}")["amount"].to_list() == [10]
    assert stored.stored("total")["n"].to_list() == [2]
    answer = stored("run", "odibi.yaml", "days/orders", "--partition", ONE)
    assert f"show odibi.yaml days/orders__quarantine --partition {ONE}" not in answer.out, "empty"
    stored.land(f"in_{ONE}", id=[1, 2, 3, 4], amount=[10, 500, 900, 4])
    answer = stored("run", "odibi.yaml", "days/orders", "--partition", ONE)
    assert f"show odibi.yaml days/orders__quarantine --partition {ONE}" in answer.out
    assert f"Next: odibi-dagster show odibi.yaml days/orders --partition {ONE}" in answer.out
    answer = stored("run", "odibi.yaml", "all")
    assert "Next: odibi-dagster show odibi.yaml all/total\n" in answer.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["days"], "missing partition of days/orders, which has 2026-01-01 to 2026-01-03 (those "
                   "that have ended); write --partition 2026-01-03"),
        (["days", "--partition", "2026-02-01"], "--partition 2026-02-01: no partition of "),
        (["days", "--partition", "01.01.2026"], "--partition 01.01.2026: no partition of "),
        (["lands", "--partition", "d"], "no partition of lands/sales, which has de, at; did you"),
        (["lands"], "missing partition of lands/sales, which has de, at; write --partition de"),
        (["days", "lands", "--partition", ONE], "one run has one partition: days/orders has daily"),
        (["all", "--partition", ONE], f"--partition {ONE}: all/total has no partitions"),
    ],
)  # fmt: skip
def test_what_is_refused(days: Cli, words: list[str], said: str) -> None:
    answer = days("run", "odibi.yaml", *words)
    assert answer.code == 2
    assert said in answer.err


def test_a_task_runs_one_partition(days: Cli) -> None:
    words = ("--partition", TWO, "--result-file", "result.json")
    assert days("run-node", "days/orders", *words).code == 0
    told = json.loads((days.root / "result.json").read_text())
    assert (told["outcome"], told["rows"]) == ("succeeded", 1)
    with open_instance(days.root / ".dagster_home", ours=True) as instance:
        run = instance.get_run_by_id(told["dagster_run_id"])
        assert run is not None
        assert run.tags["dagster/partition"] == TWO
        key = dg.AssetKey(["days", "orders"])
        assert instance.get_materialized_partitions(key) == {TWO}
    answer = days("run-node", "days/orders", "--result-file", "result.json")
    assert answer.code == 2
    assert "write --partition 2026-01-03" in json.loads((days.root / "result.json").read_text())[
        "message"
    ]  # fmt: skip


def test_rows_of_one_or_of_all(stored: Cli) -> None:
    def shown(*words: str) -> list[int]:
        answer = stored("show", "odibi.yaml", *words, "--format", "json")
        assert answer.code == 0, answer.err
        return sorted(row["amount"] for row in json.loads(answer.out))

    assert shown("days/orders") == [7, 10]
    assert shown("days/orders", "--partition", TWO) == [7]
    assert shown("days/named", "--partition", ONE) == [10]
    assert shown("days/orders__quarantine") == [500]
    assert shown("days/orders__quarantine", "--partition", TWO) == []
    for words, said in (
        (["days/named"], "missing partition of days/named"),
        (["days/orders", "--plan"], "missing partition of days/orders"),
        (["all/total", "--partition", ONE], "all/total has no partitions"),
        (["days/orders", "--partition", "x"], "no partition of days/orders"),
    ):
        answer = stored("show", "odibi.yaml", *words)
        assert (answer.code, said in answer.err) == (2, True), answer.err


def test_what_is_stored_is_judged_by_partition(stored: Cli) -> None:
    assert stored("checks", "odibi.yaml", "days/orders", "--partition", ONE).code == 0
    (stored.root / f"lake/orders/{ONE}.parquet").rename(stored.root / "lake/orders/gone")
    assert stored("checks", "odibi.yaml", "days/orders", "--partition", ONE).code == 3
    assert stored("checks", "odibi.yaml", "days/orders", "--partition", TWO).code == 0
    answer = stored("checks", "odibi.yaml", "days/orders")
    assert (answer.code, "missing partition" in answer.err) == (2, True)


def test_marks_of_partitions(stored: Cli) -> None:
    answer = stored("state", "list", "odibi.yaml")
    assert f"days/orders {ONE}  2 " in answer.out
    assert f"days/orders {TWO}  1 " in answer.out
    answer = stored("state", "reset", "odibi.yaml", "days/orders", "--yes")
    assert answer.code == 2
    assert f"is remembered for partitions {ONE}, {TWO}; write --partition KEY" in answer.err
    words = ("state", "reset", "odibi.yaml", "days/orders", "--partition", ONE, "--yes")
    assert stored(*words).code == 0
    refused = stored("run", "odibi.yaml", "days/orders", "--partition", ONE)
    assert refused.code == 4
    assert f"state repair CONFIG days/orders --partition {ONE}" in refused.err + refused.out
    words = ("state", "repair", "odibi.yaml", "days/orders", "--partition", ONE, "--yes")
    assert stored(*words).code == 0
    assert stored("run", "odibi.yaml", "days/orders", "--partition", ONE).code == 0
    assert stored.stored(f"orders/{ONE}").height == 1
    assert stored("run", "odibi.yaml", "days/orders", "--partition", TWO).code == 0


def test_a_node_is_renamed_and_forgotten_with_its_partitions(stored: Cli) -> None:
    assert stored("state", "history", "odibi.yaml", "days/orders").out.count("days/orders") == 2
    answer = stored("state", "rename", "odibi.yaml", "days/orders", "days/sales", "--yes")
    assert answer.code == 0, answer.err
    listed = stored("state", "list", "odibi.yaml").out
    assert f"days/sales {ONE}" in listed
    assert f"days/sales {TWO}" in listed
    assert "days/orders" not in listed
    words = ("state", "forget", "odibi.yaml", "days/sales", "--yes")
    assert stored(*words, "--partition", ONE).code == 0
    listed = stored("state", "list", "odibi.yaml").out
    assert (f"days/sales {ONE}" in listed, f"days/sales {TWO}" in listed) == (False, True)
    assert stored(*words).code == 0
    assert "days/sales" not in stored("state", "list", "odibi.yaml").out


def test_quarantines_of_partitions(stored: Cli) -> None:
    answer = stored("quarantine", "list", "odibi.yaml", "--json")
    found = [(line["partition"], line["rows"]) for line in json.loads(answer.out)]
    assert found == [(ONE, 1), (TWO, 0)]
    answer = stored("quarantine", "list", "odibi.yaml", "--partition", TWO, "--json")
    assert [line["partition"] for line in json.loads(answer.out)] == [TWO]
    answer = stored("quarantine", "replay", "odibi.yaml", "days/orders", "--yes")
    assert (answer.code, "missing partition" in answer.err) == (2, True)
    shown = stored("quarantine", "show", "odibi.yaml", "days/orders", "--json")
    (row,) = json.loads(shown.out)
    (stored.root / "fixed.csv").write_text(
        f"id,amount,_source_batch_id,_failed_tests\n2,50,{row['_source_batch_id']},range_amount\n"
    )
    words = ("days/orders", "--partition", ONE, "--from", "fixed.csv", "--yes")
    answer = stored("quarantine", "replay", "odibi.yaml", *words)
    assert answer.code == 0, answer.err
    assert sorted(stored.stored(f"orders/{ONE}")["amount"]) == [10, 50]
    assert stored.stored(f"orders/{TWO}")["amount"].to_list() == [7]
