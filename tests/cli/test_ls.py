from __future__ import annotations

import json

from tests.cli.support import Cli


def test_a_tree_of_pipelines_and_nodes(cli: Cli) -> None:
    answer = cli("ls", "odibi.yaml")
    assert (answer.code, answer.err) == (0, "")
    lines = [line.split() for line in answer.out.splitlines() if line]
    assert lines[0] == ["shop", "(polars)"]
    assert ["silver", "Checked."] in lines
    stored = ["->", "lake/silver_orders.parquet"]
    orders = ["orders", "parquet", "4", "checks", "<-", "lake/orders.parquet", *stored]
    assert orders in lines
    assert ["large", "view", "<-", "silver/orders"] in lines
    assert ["answers", "parquet", "<-", "large", "->", "lake/gold_answers.parquet"] in lines


def test_json_says_the_same_and_more(cli: Cli) -> None:
    document = json.loads(cli("ls", "odibi.yaml", "--format", "json").out)
    assert [pipeline["name"] for pipeline in document["pipelines"]] == ["silver", "gold"]
    orders = document["pipelines"][0]["nodes"][0]
    assert orders["kind"] == "parquet"
    assert orders["checks"] == 4
    assert orders["stored_at"] == str(cli.root / "lake" / "silver_orders.parquet")
    assert orders["quarantine_at"] == str(cli.root / "lake" / "rejected.parquet")
    assert orders["line"] == 11
    large = document["pipelines"][1]["nodes"][0]
    assert (large["kind"], large["stored_at"]) == ("view", None)
    assert large["inputs"] == {"orders": "silver/orders"}
    assert large["after"] == ["silver/orders"]


def test_a_disabled_node_is_marked(cli: Cli) -> None:
    cli.replace("- name: answers", "- name: answers\n        enabled: false")
    assert "disabled" in cli("ls", "odibi.yaml").out
