"""What is wrong in a project: one message per mistake, at its place, with what to write."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.config.project import HEAD, READ, load, nodes, place, problem, problems, write

if TYPE_CHECKING:
    from pathlib import Path

A = f"- name: a\n  {READ}\n"
"""Lines 8 and 9."""
QUARANTINE = "validation:\n    tests:\n    - {type: not_null, columns: [a], on_fail: quarantine}\n"


def step(text: str) -> str:
    return nodes(f"{A}  transform:\n    steps:\n      - {text}")


def contract(text: str) -> str:
    return nodes(f"{A}  contracts:\n    - {text}")


CASES = [
    pytest.param(
        nodes(f"{A}  wirte: {{}}"), "unknown key 'wirte'; did you mean 'write'?", "10:9", id="S01"
    ),
    pytest.param(
        nodes(f"{A}- name: x\n  depends_on: [nope]"),
        "node 'x' depends on unknown node 'nope'",
        "11:22",
        id="S02",
    ),
    pytest.param(
        nodes(f"{A}- name: x\n  depends_on: [A]"), "did you mean 'a'?", "11:22", id="S02 case"
    ),
    pytest.param(nodes(A + A), "duplicate node name 'a'", "10:15", id="S04"),
    pytest.param(
        nodes(
            f"{A}  write: {{connection: lake, format: parquet, path: out}}\n"
            f"- name: b\n  {READ}\n  write: {{connection: lake, format: parquet, path: ./x/../out}}"
        ),
        "nodes 'a' and 'b' both write",
        "13:16",
        id="S05",
    ),
    pytest.param(
        nodes(
            f"{A}  write: {{connection: lake, format: delta, path: out}}\n"
            f"- name: b\n  {READ}\n  write: {{connection: lake, format: parquet, path: out/b}}"
        ),
        "writes inside .*, which node 'a' replaces",
        "13:16",
        id="S05 nested",
    ),
    pytest.param(
        nodes(
            f"{A}  {QUARANTINE}    quarantine: {{connection: lake, path: in.parquet}}\n"
            "  write: {connection: lake, format: parquet, path: out}"
        ),
        "node 'a' reads .*in.parquet, where its quarantine goes; write another path",
        "13:23",
        id="quarantine over the source",
    ),
    pytest.param(
        nodes(
            f"- name: a\n  {READ.replace('in.parquet', 'x/*.parquet')}\n  {QUARANTINE}"
            "    quarantine: {connection: lake, path: x/rejected.parquet}\n"
            "  write: {connection: lake, format: parquet, path: out}"
        ),
        "node 'a' reads .*rejected.parquet, where its quarantine goes",
        "13:23",
        id="quarantine among the source",
    ),
    pytest.param(
        contract("{type: range, column: a, min: 2020-01-02, max: 2020-01-01}"),
        "range: min 2020-01-02 is above max 2020-01-01: nothing could pass",
        "11:13",
        id="range of dates upside down",
    ),
    *(
        pytest.param(
            contract(f"{{type: {kind}, columns: [a, b, a]{more}}}"),
            "column 'a' is listed twice; write it once",
            f"11:{31 + len(kind)}",
            id=f"{kind} of a column twice",
        )
        for kind, more in (
            ("unique", ""),
            ("not_null", ""),
            ("foreign_key", ", references: {asset: team/raw}"),
        )
    ),
    pytest.param(
        nodes(f"- name: Orders\n  {READ}\n- name: orders\n  {READ}"),
        "node names 'Orders' and 'orders' differ only in case",
        "10:15",
        id="S07",
    ),
    pytest.param(
        nodes(f"- name: {'n' * 300}\n  {READ}"), "at most 128 characters", "8:15", id="S08"
    ),
    *(
        pytest.param(
            contract(f"{{type: distribution, column: a, metric: mean, threshold: '{written}'}}"),
            f"threshold must be a percentage or a bound such as >100; found '{written}'",
            "11:70",
            id=f"S10 {written}",
        )
        for written in ("10", "-5%", "NaN%", "1e400%")
    ),
    pytest.param(
        contract("{type: row_count, min: 1, on_fail: explode}"),
        "on_fail must be one of fail, warn, quarantine, halt",
        "11:48",
        id="S11",
    ),
    pytest.param(
        nodes(A).replace("engine: polars", "engine: duckdb"),
        r"engine must be pandas \(runs on Polars\), polars or spark",
        "2:9",
        id="S14",
    ),
    pytest.param(
        contract("{type: regex_match, column: a, pattern: (unclosed}"),
        "invalid regular expression",
        "11:53",
        id="S16",
    ),
    pytest.param(
        nodes(f"{A}  description: 1:30"),
        "expected string, found integer 90; quote it",
        "10:22",
        id="Y25",
    ),
    pytest.param(
        nodes(f"- name: off\n  {READ}"),
        "expected string, found boolean false; quote it",
        "8:15",
        id="off",
    ),
    pytest.param(
        nodes(f"- name: 2026-01-02\n  {READ}"), "found date 2026-01-02; quote it", "8:15", id="date"
    ),
    pytest.param(
        contract("""{type: not_null, columns: ['a" OR 1=1 --']}"""),
        "invalid column name",
        "11:40",
        id="Q02",
    ),
    pytest.param(
        nodes(f"""{A}  columns: {{'a" OR 1=1 --': {{}}}}"""),
        "invalid column name",
        "10:19",
        id="Q02 declared",
    ),
    pytest.param(
        nodes(f"{A}  write: {{connection: lake, format: parquet, path: o, partition_by: ['a`']}}"),
        "invalid column name",
        "10:76",
        id="Q02 partition_by",
    ),
    pytest.param(
        nodes(f"- name: \"x'); import os; os.system('id'); ('\"\n  {READ}"),
        "invalid node name",
        "8:15",
        id="C01",
    ),
    pytest.param(
        step("{function: os.system}"),
        "'os.system' is not a registered transform",
        "12:26",
        id="C04",
    ),
    pytest.param(
        nodes(f"{A}  transformer: dedup"), "did you mean 'deduplicate'", "10:22", id="transformer"
    ),
    pytest.param(
        nodes(A).replace("name: a", "nam: a"),
        "unknown key 'nam'; did you mean 'name'",
        "8:9",
        id="no name",
    ),
    pytest.param(nodes("- name: a"), "no input: write read, inputs", "8:9", id="no input"),
    pytest.param(
        nodes("- name: a\n  depends_on: [a]"), "wait for each other: a -> a", "9:22", id="self"
    ),
    pytest.param(
        nodes("- name: a\n  depends_on: [b]\n- name: b\n  inputs: {x: $p.a}"),
        "wait for each other: a -> b -> a",
        "9:22",
        id="cycle",
    ),
    pytest.param(
        nodes(f"{A}- name: b\n  inputs: {{x: $p.aa}}"),
        r"unknown node '\$p.aa'; did you mean '\$p.a'",
        "11:21",
        id="reference",
    ),
    pytest.param(
        nodes(f"{A}- name: b\n  inputs: {{x: a}}"),
        r"write \$pipeline.node",
        "11:21",
        id="no dollar",
    ),
    pytest.param(
        nodes("- name: b\n  inputs: {x: {asset: a//b}}"), "no empty part", "9:29", id="asset key"
    ),
    pytest.param(
        nodes(f"- name: b\n  {READ}\n  inputs: {{df: {{asset: a}}}}"),
        "rename it",
        "10:18",
        id="two frames called df",
    ),
    pytest.param(nodes(f"- name: df\n  {READ}"), "cannot be called df", "8:15", id="node df"),
    pytest.param(
        step("SELECT * FROM df JOIN b USING (k)"),
        "reads 'b', which is no input of this node",
        "12:15",
        id="SQL reads an unknown table",
    ),
    pytest.param(
        step("{function: join, params: {right_dataset: b, on: k}}"),
        "reads 'b', which is no input",
        "12:15",
        id="join with an unknown frame",
    ),
    pytest.param(
        step("{sql: SELECT 1, function: join}"), "found sql and function", "12:15", id="two ways"
    ),
    pytest.param(step("{params: {a: 1}}"), "found none of them", "12:15", id="no way"),
    pytest.param(step("42"), "expected mapping, found integer 42", "12:15", id="step 42"),
    pytest.param(
        step("{function: limit, params: {n: many}}"),
        "n: expected integer, found string 'many'",
        "12:45",
        id="param of a step",
    ),
    pytest.param(step("{function: limit}"), "missing key 'n'", "12:15", id="param that is missing"),
    pytest.param(
        nodes(f"{A}  params: {{keys: [a]}}"), "without a transformer", "10:9", id="params alone"
    ),
    pytest.param(step("{sql_file: no.sql}"), r"cannot read no.sql", "12:26", id="sql_file"),
    pytest.param(step("{sql_file: ../x.sql}"), "escapes", "12:26", id="sql_file outside"),
    pytest.param(contract("{columns: [a]}"), "missing key 'type'", "11:13", id="no type"),
    pytest.param(
        contract("{type: notnull, columns: [a]}"),
        "'notnull' is not a registered test; did you mean 'not_null'?",
        "11:20",
        id="test",
    ),
    pytest.param(
        contract("{type: row_count, min: 1, on_fail: quarantine}"),
        "quarantine needs a rule about rows",
        "11:13",
        id="quarantine of a whole frame",
    ),
    pytest.param(
        contract("{type: not_null, columns: [a]}\n    - {type: not_null, columns: [a]}"),
        "two checks are called 'input_not_null_a'",
        "12:13",
        id="equal check names",
    ),
    pytest.param(
        nodes(f"{A}  write: {{connection: lak, format: parquet, path: o}}"),
        "unknown connection 'lak'; did you mean 'lake'?",
        "10:29",
        id="connection",
    ),
    pytest.param(
        nodes("- name: a\n  read: {format: parquet, path: a}"),
        "missing key 'connection'",
        "9:15",
        id="no connection",
    ),
    pytest.param(
        nodes(f"{A}  write: {{connection: lake, format: parqet, path: o}}"),
        "'parqet' is not a registered format; did you mean 'parquet'?",
        "10:43",
        id="format",
    ),
    pytest.param(
        nodes(f"{A}  write: {{connection: lake, format: parquet}}"),
        "missing key 'path'",
        "10:16",
        id="no path",
    ),
    pytest.param(
        nodes(f"{A}  write: {{connection: lake, format: parquet, path: a, table: b}}"),
        "path or table, not both",
        "10:61",
        id="path and table",
    ),
    pytest.param(
        nodes(f"{A}  write: {{connection: lake, format: parquet, table: b}}"),
        "a table is written as delta",
        "10:43",
        id="a table that is no delta",
    ),
    pytest.param(
        nodes(f"{A}  write: {{connection: lake, format: parquet, path: a*.parquet}}"),
        "cannot write to the pattern",
        "10:58",
        id="glob",
    ),
    pytest.param(
        nodes(f"{A}  write: {{connection: lake, format: parquet, path: ./}}"),
        "cannot write to the connection's base path",
        "10:58",
        id="base path",
    ),
    pytest.param(
        nodes(f"{A}  write: {{connection: lake, format: parquet, path: a, options: {{x: 1}}}}"),
        "unknown key 'x'",
        "10:71",
        id="option",
    ),
    pytest.param(
        nodes(f"{A}  write: {{connection: lake, format: csv, path: a, mode: upsert}}"),
        "format csv cannot be written with mode upsert; choose delta or parquet or sql",
        "10:63",
        id="mode of a format",
    ),
    pytest.param(
        nodes(
            f"{A}  write: {{connection: lake, format: csv, path: a, mode: append_once, "
            "options: {keys: [id]}}"
        ),
        "format csv cannot be written with mode append_once; choose delta or parquet or sql",
        "10:63",
        id="mode of a format, with keys",
    ),
    pytest.param(
        nodes(f"{A}  write: {{connection: lake, format: parquet, path: a, mode: append_once}}"),
        r"mode append_once needs the columns that identify a row; write options: {keys: \[o",
        "10:67",
        id="mode without keys",
    ),
    pytest.param(
        nodes(
            f"{A}  write: {{connection: lake, format: json, path: a, mode: append, "
            "options: {lines: false}}"
        ),
        "an array cannot be appended to; write lines",
        "10:64",
        id="append to an array",
    ),
    pytest.param(
        nodes(
            f"{A}  write: {{connection: lake, format: parquet, path: a, mode: upsert, "
            "options: {keys: [id, id]}}"
        ),
        "column 'id' is named twice",
        "10:91",
        id="key twice",
    ),
    pytest.param(
        nodes(f"{A}  write: {{connection: lake, format: parquet, path: a, mode: appnd}}"),
        "mode must be one of overwrite, .*; did you mean 'append'",
        "10:67",
        id="mode",
    ),
    pytest.param(
        nodes(f"{A}  {QUARANTINE}    quarantine: {{connection: lake}}"),
        "quarantine needs path or table",
        "13:23",
        id="quarantine without a place",
    ),
    pytest.param(
        nodes(f"{A}  {QUARANTINE}    quarantine: {{path: q}}"),
        "missing key 'connection'",
        "13:23",
        id="quarantine without a connection",
    ),
    pytest.param(
        nodes(f"- name: a\n  enabled: false\n  {READ}\n- name: b\n  depends_on: [a]"),
        "disabled and stores nothing",
        "12:22",
        id="reads a disabled view",
    ),
    pytest.param(nodes(f"{A}  dagster: {{owners: [me]}}"), "e-mail", "10:28", id="owner"),
    pytest.param(
        nodes(f"{A}  dagster: {{freshness: 6x}}"), "not a duration", "10:30", id="freshness"
    ),
    pytest.param(
        nodes(f"{A}  dagster: {{automation: often}}"), "write eager", "10:31", id="automation"
    ),
    pytest.param(nodes(f"{A}  dagster: {{tags: {{a b: c}}}}"), "no tag name", "10:26", id="tag"),
    pytest.param(
        nodes(f"{A}  dagster: {{kinds: [a, b, c]}}"), "at most 2 items", "10:26", id="kinds"
    ),
    pytest.param(
        HEAD.replace("    nodes:\n", "    dagster: {schedule: daily}\n    nodes: []\n"),
        "no cron schedule",
        "7:25",
        id="schedule",
    ),
    pytest.param(
        HEAD.replace("    nodes:\n", "    dagster: {schedule: 1:30}\n    nodes: []\n"),
        "schedule: expected string, found integer 90; quote it",
        "7:25",
        id="Y25 schedule",
    ),
    pytest.param(
        nodes(A) + "dagster: {timezone: Mars/Olympus}\n", "unknown time zone", "10:21", id="zone"
    ),
    pytest.param(
        nodes(A) + "dagster: {sql_dialect: mysql}\n",
        "sql_dialect must be one of duckdb, spark",
        "10:24",
        id="dialect",
    ),
    pytest.param(
        nodes(f"{A}  columns: {{x: {{type: strng}}}}"), "did you mean 'string'", "10:29", id="type"
    ),
    pytest.param(
        nodes(f"{A}  pattern: {{type: deduplicate, keys: [a]}}"),
        "a pattern is written as",
        "10:18",
        id="pattern",
    ),
    pytest.param(
        nodes(f"{A}  pattern: {{type: limit, params: {{n: x}}}}"),
        "n: expected integer",
        "10:44",
        id="param of a pattern",
    ),
    pytest.param(
        nodes(f"{A}  transform: {{steps: {{}}}}"),
        "steps: expected list, found mapping",
        "10:28",
        id="no list",
    ),
]


@pytest.mark.parametrize(("text", "message", "where"), CASES)
def test_one_mistake_one_message(tmp_path: Path, text: str, message: str, where: str) -> None:
    import re

    found = problem(tmp_path, text)
    assert re.search(message, found.message), found
    assert place(found) == where, found
    assert found.file == str(tmp_path / "odibi.yaml")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        pytest.param("../../etc/passwd", "escapes connection base path", id="P01"),
        pytest.param("/etc/passwd", "must be relative to", id="P02"),
        pytest.param('"a\\0b"', "invalid path", id="P04"),
        pytest.param("file:///etc/passwd", "must not contain a scheme", id="P05"),
        pytest.param("s3://other-bucket/x", "must not contain a scheme", id="P05 s3"),
        pytest.param("'%2e%2e/x'", "escapes connection base path", id="P07"),
        pytest.param("'..\\x'", "escapes connection base path", id="P07 backslash"),
        pytest.param("'/**'", "must be relative to", id="P08"),
    ],
)
@pytest.mark.parametrize("key", ["read", "write", "input", "quarantine"])
def test_paths_that_leave_their_connection(
    tmp_path: Path, path: str, message: str, key: str
) -> None:
    block = f"connection: lake, format: parquet, path: {path}"
    texts = {
        "read": f"- name: a\n  read: {{{block}}}",
        "write": f"{A}  write: {{{block}}}",
        "input": f"- name: a\n  inputs:\n    x: {{{block}}}",
        "quarantine": f"{A}  {QUARANTINE}    quarantine: {{connection: lake, path: {path}}}",
    }
    found = problem(tmp_path, nodes(texts[key]))
    assert message in found.message
    line = texts[key].split("\n").index(next(x for x in texts[key].split("\n") if path in x))
    assert found.line == 8 + line
    assert found.column == nodes(texts[key]).split("\n")[7 + line].index(path) + 1


@pytest.mark.parametrize("storage", ["s3://bucket/x", '"a\\0b"', "''"])
def test_storage_is_a_folder(tmp_path: Path, storage: str) -> None:
    found = problem(tmp_path, nodes(A) + f"dagster: {{storage: {storage}}}\n")
    assert "is no local folder" in found.message
    assert place(found) == "10:20"


def test_problems_name_their_node(tmp_path: Path) -> None:
    found = problem(tmp_path, nodes(f"{A}  wirte: 1"))
    assert found.node == "p/a"
    assert str(found) == (
        f"{tmp_path}/odibi.yaml:10:9: node p/a: unknown key 'wirte'; did you mean 'write'?"
    )


def test_two_pipelines(tmp_path: Path) -> None:
    second = f"  - pipeline: P\n    nodes:\n      - name: a__b\n        {READ}\n"
    found = problem(tmp_path, nodes(A) + second)
    assert "pipeline names 'p' and 'P' differ only in case" in found.message
    clash = (
        f"  - pipeline: q\n    nodes:\n      - {{name: b__c, {READ}}}\n"
        f"  - pipeline: q__b\n    nodes:\n      - {{name: c, {READ}}}\n"
    )
    found = problem(tmp_path, nodes(A) + clash)
    assert "would both be the op 'q__b__c'" in found.message
    elsewhere = "  - pipeline: q\n    nodes:\n      - {name: b, depends_on: [a]}\n"
    found = problem(tmp_path, nodes(A) + elsewhere)
    assert "for that of pipeline p write inputs: {a: $p.a}" in found.message


def test_one_bad_word_on_top(tmp_path: Path) -> None:
    assert {each.message for each in problems(tmp_path, "pipelines: 3\nengine: x")} == {
        "missing key 'project'",
        "pipelines: expected list, found integer 3",
        "engine must be pandas (runs on Polars), polars or spark; found 'x'",
    }


TEN = """\
project: demo
engine: polrs
connections:
  lake: {type: local, base_pth: ./lake}
  web: {type: http}
pipelines:
  - pipeline: p
    ower: me
    nodes:
      - name: a
        read: {connection: lake, format: parquet, path: ../in.parquet}
        wirte: {connection: lake}
      - name: b
        depends_on: [c]
        transform: {steps: [{function: nothing}]}
        contracts: [{type: unique}]
      - name: d
        depends_on: [a, b]
        description: ${UNSET_BY_US}
        write: {connection: lake, format: parquet, path: x, mode: merge}
"""


def test_ten_mistakes_are_told_together(tmp_path: Path) -> None:
    found = problems(tmp_path, TEN)
    assert [(place(each), each.node) for each in found] == [
        ("2:9", ""),
        ("4:23", ""),
        ("5:15", ""),
        ("8:5", ""),
        ("11:57", "p/a"),
        ("12:9", "p/a"),
        ("14:22", "p/b"),
        ("15:40", "p/b"),
        ("16:21", "p/b"),
        ("19:22", "p/d"),
        ("20:67", "p/d"),
    ]


def test_open_blocks_warn_and_are_strict_on_demand(tmp_path: Path) -> None:
    text = nodes(
        f"{A}  contracts:\n    - {{type: not_null, columns: [a], on_fial: warn}}\n"
        "  transformer: limit\n  params: {n: 3, ofset: 1}"
    )
    warned = load(tmp_path, text).warnings
    assert [place(each) for each in warned] == ["13:24", "11:44"]
    assert "unknown key 'on_fial'; did you mean 'on_fail'?" in warned[1].message
    assert sorted(map(place, problems(tmp_path, text, strict=True))) == ["11:44", "13:24"]


def test_a_transforms_module_that_fails(tmp_path: Path) -> None:
    write(tmp_path, "import sys\nsys.exit(3)\n", "transforms.py")
    found = problem(tmp_path, step("{function: add_tax}"))
    assert "importing 'transforms.py' failed: SystemExit" in found.message
    assert found.file == str(tmp_path / "transforms.py")


def test_an_expression_that_is_code(tmp_path: Path) -> None:
    text = step("{function: filter_rows, params: {condition: \"pl.read_csv('/etc/passwd')\"}}")
    found = problem(tmp_path, text)
    assert place(found) == "12:59"


def test_sql_reads_no_files(tmp_path: Path) -> None:
    found = problem(tmp_path, step("\"SELECT * FROM read_parquet('/etc/x')\""))
    assert "file functions are not allowed in sql" in found.message.lower()


@pytest.mark.parametrize("query", [f"{'(' * 2000}1{')' * 2000}", " + ".join("1" * 9000)])
def test_a_bottomless_formula(tmp_path: Path, query: str) -> None:
    found = problem(tmp_path, step(f"'SELECT {query} AS x FROM df'"))
    assert "nested more than 150 levels deep" in found.message
    assert place(found) == "12:15"
