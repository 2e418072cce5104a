from __future__ import annotations

import json

from tests.cli.support import PROJECT, Cli


def test_a_right_file_is_0_and_what_has_no_effect_is_listed(cli: Cli) -> None:
    answer = cli("validate", "odibi.yaml")
    assert (answer.code, answer.err) == (0, "")
    assert "no effect here: odibi.yaml:5:1: 'story'" in answer.out
    assert answer.out.endswith("odibi.yaml: ok (2 pipelines, 3 nodes)\n")


def test_every_problem_has_its_place(cli: Cli) -> None:
    cli.write(PROJECT.replace("raed", "read").replace("read:", "raed:").replace("unique", "uniqe"))
    answer = cli("validate", "odibi.yaml")
    assert answer.code == 2
    lines = [line for line in answer.out.splitlines() if line.startswith("error: ")]
    assert len(lines) >= 2
    assert all("odibi.yaml:" in line for line in lines)
    assert any("node silver/orders" in line and "'read'" in line for line in lines)
    assert any("'unique'" in line for line in lines)
    assert answer.out.endswith(f"odibi.yaml: {len(lines)} problems\n")


def test_json_is_one_document(cli: Cli) -> None:
    cli.replace("read: {connection: lake", "raed: {connection: lake")
    answer = cli("validate", "odibi.yaml", "--format", "json")
    assert (answer.code, answer.err) == (2, "")
    document = json.loads(answer.out)
    assert document["ok"] is False
    problem = next(entry for entry in document["problems"] if "raed" in entry["message"])
    assert set(problem) == {"message", "file", "line", "column", "node"}
    assert problem["line"] == 12
    assert problem["node"] == "silver/orders"
    cli.write()
    document = json.loads(cli("validate", "odibi.yaml", "--format", "json").out)
    assert document["ok"] is True
    assert document["problems"] == []
    assert [entry["line"] for entry in document["no_effect"]][:2] == [5, 6]


def test_json_holds_for_what_is_no_yaml_and_for_no_file(cli: Cli) -> None:
    cli.write("project: [unclosed\n")
    answer = cli("validate", "odibi.yaml", "--format", "json")
    assert (answer.code, json.loads(answer.out)["ok"]) == (2, False)
    answer = cli("validate", "nowhere.yaml", "--format", "json")
    assert (answer.code, json.loads(answer.out)["ok"]) == (2, False)


def test_strict_makes_a_warning_a_problem(cli: Cli) -> None:
    cli.replace("{type: row_count, min: 1}", "{type: row_count, min: 1, colour: red}")
    answer = cli("validate", "odibi.yaml")
    assert answer.code == 0
    assert "warning: odibi.yaml:14:" in answer.out
    assert "1 warning)" in answer.out
    answer = cli("validate", "odibi.yaml", "--strict")
    assert answer.code == 2
    assert "colour" in answer.out


def test_an_environment_is_read(cli: Cli) -> None:
    cli.write(PROJECT + "environments:\n  broken: {engine: abacus}\n")
    assert cli("validate", "odibi.yaml").code == 0
    answer = cli("validate", "odibi.yaml", "--env", "broken")
    assert answer.code == 2
    assert "abacus" in answer.out
