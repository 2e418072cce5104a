"""What a project resolves to: sources, order, targets, quarantines, steps and contracts."""

from __future__ import annotations

from pathlib import Path

import narwhals.stable.v2 as nw
import pytest

from odibi_dagster.checks.base import Column, OnFail
from odibi_dagster.config.load import load_project
from odibi_dagster.config.project import External, Node, Stored, Upstream
from odibi_dagster.core.names import NodeId
from tests.config.project import READ, load, nodes, only, place, problem, write

A = f"- name: a\n  {READ}\n"
STORED = f"{A}  write: {{connection: lake, format: parquet, path: a.parquet}}\n"
TEST = "{type: not_null, columns: [x], on_fail: quarantine}"


def named(tmp_path: Path, text: str) -> dict[str, Node]:
    return {node.name: found for node, found in load(tmp_path, nodes(text)).nodes.items()}


def test_a_view(tmp_path: Path) -> None:
    node = only(tmp_path, A)
    assert (node.id, str(node.id)) == (NodeId("p", "a"), "p/a")
    assert node.is_view
    assert (node.target, node.quarantine, node.steps, node.after) == (None, None, (), frozenset())
    assert node.main == "df"
    source = node.sources["df"]
    assert isinstance(source, Stored)
    assert (source.location.path, source.format.kind) == (tmp_path / "lake/in.parquet", "parquet")
    assert (node.place.file, node.place.line, node.place.column) == (tmp_path / "odibi.yaml", 8, 9)


def test_main_is_read_then_df_then_the_first(tmp_path: Path) -> None:
    found = named(
        tmp_path,
        f"{A}"
        f"- name: reads\n  {READ}\n  inputs: {{x: $p.a}}\n  depends_on: [a]\n"
        "- name: by_df\n  inputs: {x: $p.a, df: {asset: [team, raw]}}\n"
        "- name: by_input\n  inputs: {x: {asset: team/raw}}\n  depends_on: [a]\n"
        "- name: by_dependency\n  depends_on: [reads, a]\n",
    )
    assert {name: node.main for name, node in found.items()} == {
        "a": "df",
        "reads": "df",
        "by_df": "df",
        "by_input": "x",
        "by_dependency": "reads",
    }
    assert list(found["reads"].sources) == ["df", "x", "a"]
    assert found["by_df"].sources["df"] == External(("team", "raw"))
    assert found["by_input"].sources["x"] == External(("team", "raw"))
    assert found["by_dependency"].sources["a"] == Upstream(NodeId("p", "a"))
    assert found["by_dependency"].after == {NodeId("p", "reads"), NodeId("p", "a")}


def test_nodes_of_other_pipelines(tmp_path: Path) -> None:
    text = nodes(A) + "  - pipeline: q\n    nodes: [{name: a, inputs: {x: $p.a}}]\n"
    project = load(tmp_path, text)
    assert list(project.nodes) == [NodeId("p", "a"), NodeId("q", "a")]
    assert project.nodes[NodeId("q", "a")].after == {NodeId("p", "a")}
    assert list(project.pipelines) == ["p", "q"]


def test_reading_what_a_node_writes_is_depending_on_it(tmp_path: Path) -> None:
    found = named(
        tmp_path,
        "- name: same\n  read: {connection: lake, format: parquet, path: ./a.parquet}\n"
        "- name: pattern\n  read: {connection: lake, format: parquet, path: '*.parquet'}\n"
        "- name: other\n  read: {connection: lake, format: delta, path: a.parquet}\n"
        f"- name: apart\n  read: {{connection: lake, format: parquet, path: b.parquet}}\n{STORED}",
    )
    a = NodeId("p", "a")
    assert found["same"].sources == {"df": Upstream(a)}
    assert isinstance(found["pattern"].sources["df"], Stored)
    assert isinstance(found["other"].sources["df"], Stored)
    assert [found[name].after for name in ("same", "pattern", "other", "apart")] == [
        {a},
        {a},
        {a},
        set(),
    ]


def test_a_folder_and_what_lies_in_it(tmp_path: Path) -> None:
    found = named(
        tmp_path,
        "- name: inside\n  read: {connection: lake, format: parquet, path: 'out/d/x=1/*.parquet'}\n"
        "- name: around\n  read: {connection: lake, format: parquet, path: out}\n"
        f"- name: w\n  {READ}\n"
        "  write: {connection: lake, format: parquet, path: out/d, partition_by: x}",
    )
    w = NodeId("p", "w")
    assert (found["inside"].after, found["around"].after) == ({w}, {w})
    target = found["w"].target
    assert target is not None
    assert target.partition_by == ("x",)


def test_a_loop_through_storage_is_left_open(tmp_path: Path) -> None:
    found = named(
        tmp_path,
        "- name: a\n  read: {connection: lake, format: parquet, path: b.parquet}\n"
        "  write: {connection: lake, format: parquet, path: a.parquet}\n"
        "- name: b\n  read: {connection: lake, format: parquet, path: a.parquet}\n"
        "  write: {connection: lake, format: parquet, path: b.parquet}\n"
        "- name: own\n  read: {connection: lake, format: parquet, path: c.parquet}\n"
        "  write: {connection: lake, format: parquet, path: c.parquet}\n",
    )
    assert {name: node.after for name, node in found.items()} == {
        "a": {NodeId("p", "b")},
        "b": frozenset(),
        "own": frozenset(),
    }


def test_promises_and_cache_need_a_place(tmp_path: Path) -> None:
    found = named(
        tmp_path,
        f"{A}  cache: true\n"
        f"- name: b\n  {READ}\n  contracts: [{{type: not_null, columns: [x]}}]\n"
        f"- name: c\n  {READ}\n  validation: {{tests: [{TEST}]}}\n",
    )
    storage = tmp_path / ".dagster_home/storage/odibi/p"
    for name, node in found.items():
        assert node.target is not None
        assert node.target.format.kind == "parquet"
        assert node.target.location.path == storage / f"{name}.parquet"
    quarantine = found["c"].quarantine
    assert quarantine is not None
    assert quarantine.target.location.path == storage / "c_error.parquet"
    text = nodes(f"{A}  cache: true") + "dagster: {storage: ./mine}"
    (node,) = load(tmp_path, text).nodes.values()
    assert node.target is not None
    assert node.target.location.path == tmp_path / "mine/p/a.parquet"


@pytest.mark.parametrize(
    ("written", "block", "expected", "kind"),
    [
        ("format: parquet, path: o/a.parquet", "", "o/a_error.parquet", "parquet"),
        ("format: parquet, path: o/a", "", "o/a_error", "parquet"),
        ("format: csv, path: a.csv", "", "a_error.csv", "csv"),
        ("format: delta, table: t", "", "t_error", "delta"),
        ("format: csv, path: a.csv", "quarantine: {path: q/x}", "q/x", "parquet"),
        (
            "format: parquet, path: a",
            "quarantine: {connection: lake, table: bad}",
            "bad",
            "delta",
        ),
    ],
)
def test_the_place_of_the_quarantine(
    tmp_path: Path, written: str, block: str, expected: str, kind: str
) -> None:
    text = (
        f"{A}  write: {{connection: lake, {written}}}\n"
        f"  validation:\n    tests: [{TEST}]\n    {block}"
    )
    if "{path" in block:
        text = text.replace("{path", "{connection: lake, path")
    quarantine = only(tmp_path, text).quarantine
    assert quarantine is not None
    assert quarantine.target.location.path == tmp_path / "lake" / expected
    assert quarantine.target.format.kind == kind
    assert quarantine.add_columns == (
        "_rejection_reason",
        "_rejected_at",
        "_source_batch_id",
        "_failed_tests",
    )


def test_quarantine_settings(tmp_path: Path) -> None:
    text = (
        f"{STORED}  validation:\n    tests: [{TEST}]\n    quarantine:\n"
        "      connection: lake\n      path: q\n      max_rows: 7\n      sample_fraction: 0.5\n"
        "      add_columns: {_rejection_reason: true, failed_tests: false, original_node: true}"
    )
    quarantine = only(tmp_path, text).quarantine
    assert quarantine is not None
    assert (quarantine.max_rows, quarantine.sample_fraction) == (7, 0.5)
    assert quarantine.add_columns == (
        "_rejection_reason",
        "_rejected_at",
        "_source_batch_id",
        "_original_node",
    )


def test_a_quarantine_nobody_uses(tmp_path: Path) -> None:
    text = f"{STORED}  validation: {{quarantine: {{connection: lake, path: q}}}}"
    project = load(tmp_path, nodes(text))
    assert [node.quarantine for node in project.nodes.values()] == [None]
    (warned,) = project.warnings
    assert "never used" in warned.message


def test_a_quarantine_in_the_place_of_another_node(tmp_path: Path) -> None:
    text = (
        f"{STORED}  validation: {{tests: [{TEST}]}}\n"
        f"- name: b\n  {READ}\n  write: {{connection: lake, format: csv, path: a_error.parquet}}"
    )
    assert "nodes 'a' and 'b' both write" in problem(tmp_path, nodes(text)).message


def test_reading_a_quarantine_is_depending_on_its_node(tmp_path: Path) -> None:
    found = named(
        tmp_path,
        "- name: b\n  read: {connection: lake, format: parquet, path: a_error.parquet}\n"
        f"{STORED}  validation: {{tests: [{TEST}]}}",
    )
    assert isinstance(found["b"].sources["df"], Stored)
    assert found["b"].after == {NodeId("p", "a")}


def test_mode_warn_softens_tests_and_only_tests(tmp_path: Path) -> None:
    text = (
        f"{A}  contracts: [{{type: row_count, min: 1}}]\n"
        "  validation:\n    mode: warn\n    tests:\n"
        f"      - {{type: row_count, min: 1}}\n      - {TEST}"
    )
    node = only(tmp_path, text)
    assert [each.on_fail for each in node.contracts] == [OnFail.FAIL]
    assert [each.on_fail for each in node.tests] == [OnFail.WARN, OnFail.QUARANTINE]


def test_steps_of_every_kind_in_their_order(tmp_path: Path) -> None:
    write(tmp_path, "SELECT DISTINCT x FROM df\n", "sql/one.sql")
    text = (
        f"{A}  pattern: {{type: limit, params: {{n: 5}}}}\n  transform:\n    steps:\n"
        "      - SELECT x FROM df\n      - sql: SELECT x AS y FROM df\n"
        "      - sql_file: sql/one.sql\n"
        "      - {function: drop_columns, params: {columns: [y]}}\n"
        "      - {operation: sort, params: {by: x}}"
    )
    node = only(tmp_path, text)
    assert [step.kind for step in node.steps] == [
        "limit",
        "sql",
        "sql",
        "sql",
        "drop_columns",
        "sort",
    ]
    assert node.files == (tmp_path / "sql/one.sql",)


def test_functions_of_the_project(tmp_path: Path) -> None:
    module = (
        "from odibi_dagster.transforms.python import transform\n"
        "@transform\ndef add_tax(context, rate: float = 0.1):\n    return context.df\n"
    )
    write(tmp_path, module, "transforms.py")
    text = f"{A}  transformer: add_tax\n  params: {{rate: 0.2}}"
    assert len(only(tmp_path, text).steps) == 1
    wrong = text.replace("rate", "rat")
    assert place(problem(tmp_path, nodes(wrong))).startswith("11:")


def test_declared_columns(tmp_path: Path) -> None:
    text = f"{A}  columns:\n    x: {{type: int, nullable: false}}\n    'y z': {{description: any}}"
    assert only(tmp_path, text).declared == {
        "x": Column(nw.Int64(), nullable=False),
        "y z": Column(None, nullable=True),
    }


def test_disabled_nodes_stay(tmp_path: Path) -> None:
    found = named(
        tmp_path,
        f"{STORED}  enabled: false\n- name: b\n  depends_on: [a]\n"
        f"- name: c\n  {READ}\n  write: {{connection: lake, format: parquet, path: a.parquet}}",
    )
    assert not found["a"].config.enabled
    assert found["b"].sources == {"a": Upstream(NodeId("p", "a"))}


def test_pandas_runs_on_polars_and_says_so_once(tmp_path: Path) -> None:
    project = load(tmp_path, nodes(A + "- name: b\n  depends_on: [a]").replace("polars", "pandas"))
    assert project.engine == "polars"
    (warned,) = project.warnings
    assert "runs on Polars" in warned.message
    assert place(warned) == "2:9"
    assert load(tmp_path, nodes(A).replace("polars", "spark")).engine == "spark"
    assert load(tmp_path, nodes(A).replace("engine: polars\n", "")).engine == "polars"


def test_the_dialect_follows_the_engine(tmp_path: Path) -> None:
    text = nodes(f"{A}  transform: {{steps: [SELECT 1 AS x FROM df]}}")

    def dialect(text: str) -> str:
        (node,) = load(tmp_path, text).nodes.values()
        return str(node.steps[0].query.dialect)  # type: ignore[attr-defined]

    assert dialect(text) == "duckdb"
    assert dialect(text.replace("polars", "spark")) == "spark"
    assert dialect(text + "dagster: {sql_dialect: spark}") == "spark"


def test_a_relative_path_and_pyspark_stays_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, nodes(A))
    monkeypatch.chdir(tmp_path)
    project = load_project("odibi.yaml")
    assert (project.file, project.root) == (tmp_path / "odibi.yaml", tmp_path)
    import subprocess
    import sys

    code = (
        "import sys; from odibi_dagster.config.load import load_project; "
        "load_project('odibi.yaml'); print('pyspark' in sys.modules, 'dagster' in sys.modules)"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["False", "False"]


def test_what_is_never_shown(tmp_path: Path) -> None:
    columns = ["name", "mail", "age"]
    assert only(tmp_path, A).hidden(columns) == frozenset()
    assert only(tmp_path, f"{A}  sensitive: true").hidden(columns) == set(columns)
    text = f"{A}  sensitive: [mail, other]\n  columns: {{name: {{pii: true}}, age: {{}}}}"
    assert only(tmp_path, text).hidden(columns) == {"name", "mail"}
    found = problem(tmp_path, nodes(f"{A}  sensitive: some"))
    assert found.message == "sensitive: expected boolean or list, found string 'some'"


@pytest.mark.parametrize(("format", "said"), [("parquet", True), ("delta", False)])
def test_a_layout_that_is_not_atomic_is_said(tmp_path: Path, format: str, said: bool) -> None:
    write = f"  write: {{connection: lake, format: {format}, path: out/d, partition_by: [x]}}"
    warnings = [str(w) for w in load(tmp_path, nodes(f"{A}{write}")).warnings]
    assert any("is published file by file" in warning for warning in warnings) is said
