"""The DAG file as text: deterministic, clean, and holding nothing but literals of the project."""

from __future__ import annotations

import ast
import subprocess
import sys
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odibi_dagster.core.names import NodeId
from odibi_dagster.errors import ConfigError
from odibi_dagster.exports.airflow import airflow_dags, literal
from odibi_dagster.exports.graph import Flow, Retry, Task, TaskGraph
from tests.exports.support import WAYS, exported, graph_of
from tests.exports.test_graph import CYCLE, SHOP

HOSTILE = st.one_of(
    st.text(),
    st.sampled_from(
        [
            "x'); import os; os.system('id'); ('",
            '"""); import os; os.system("id")',
            "\\'); import os #",
            "\n    import os\n",
            "{{ config.__class__ }}",
            "{% for x in y %}",
            "$(touch /tmp/pwned) `id`",
            "\u202e\u2066 \x00 \ud800",
            "%CONFIG% @x@",
            "%ENVIRONMENT%",
            "notes.md",
        ]
    ),
)
CALLS = {
    "DAG", "TaskGroup", "OdibiNode", "Asset", "AssetAlias", "timedelta", "pendulum.datetime",
}  # fmt: skip


def _body(text: str) -> list[ast.stmt]:
    """What follows the operator: everything that was made of the project."""
    statements = ast.parse(text).body
    last = max(n for n, each in enumerate(statements) if isinstance(each, ast.ClassDef))
    return statements[last + 1 :]


def _holds_only_literals(text: str) -> None:
    for statement in _body(text):
        for node in ast.walk(statement):
            if isinstance(node, ast.Call):
                assert ast.unparse(node.func) in CALLS
            assert not isinstance(
                node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.Lambda | ast.JoinedStr
            )


@st.composite
def _graphs(draw: st.DrawFn) -> TaskGraph:
    """Graphs whose every text is hostile, the names as well: the layer below checks them."""
    names = draw(st.lists(HOSTILE, min_size=1, max_size=3, unique=True))
    nodes = [NodeId(draw(HOSTILE), name) for name in names]
    flows = []
    for pipeline in dict.fromkeys(node.pipeline for node in nodes):
        mine = [node for node in nodes if node.pipeline == pipeline]
        tasks = tuple(
            Task(
                node, tuple(mine[:number]), draw(HOSTILE), draw(HOSTILE), draw(HOSTILE),
                timedelta(seconds=9), draw(st.booleans()), draw(st.none() | HOSTILE),
                draw(st.none() | st.tuples(HOSTILE, st.integers(0, 7))),
            )
            for number, node in enumerate(mine)
        )  # fmt: skip
        tags = tuple(draw(st.lists(HOSTILE, max_size=2)))
        flows.append(
            Flow(
                pipeline, tasks, "0 6 * * *", draw(HOSTILE), tags,
                date(2024, 1, 1), catchup=False, max_active_runs=1,
            )
        )  # fmt: skip
    return TaskGraph(
        draw(HOSTILE), "0" * 12, draw(st.none() | HOSTILE), draw(HOSTILE),
        Retry(3, timedelta(seconds=30), doubles=True), tuple(flows),
    )  # fmt: skip


@given(_graphs(), HOSTILE, HOSTILE, st.sampled_from(WAYS))
def test_whatever_the_project_says_stays_text(
    graph: TaskGraph, config: str, image: str, way: dict[str, str]
) -> None:
    text = airflow_dags(graph, config=config, **{**way, "image": image})
    text.encode()  # it can be written to a file
    _holds_only_literals(text)
    tasks = [task for flow in graph.flows for task in flow.tasks]
    said = sorted(
        ast.literal_eval(word.value)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "OdibiNode"
        for word in node.keywords
        if word.arg == "owner"
    )
    assert said == sorted(task.owner for task in tasks if task.owner)


def test_a_text_that_names_the_place_of_another(tmp_path: Path) -> None:
    graph = replace(graph_of(tmp_path, SHOP), env="; import os; ")
    text = airflow_dags(graph, config="%ENVIRONMENT%")
    assert 'os.path.abspath(__file__)), "%ENVIRONMENT%")' in text


def test_long_times_are_exact(tmp_path: Path) -> None:
    text = exported(tmp_path, SHOP.replace("timeout: 2h", "timeout: 1234567s"))
    assert "execution_timeout=timedelta(seconds=1234567.0)" in text


@given(HOSTILE)
def test_a_literal_is_the_text_itself(text: str) -> None:
    assert ast.literal_eval(literal(text)) == text
    assert literal(text).isprintable()


@pytest.mark.parametrize("way", WAYS)
def test_the_same_input_gives_the_same_bytes(tmp_path: Path, way: dict[str, str]) -> None:
    first = exported(tmp_path, SHOP, **way)
    (tmp_path / "elsewhere").mkdir()
    assert exported(tmp_path / "elsewhere", SHOP, **way) == first
    assert str(tmp_path) not in first


@pytest.mark.parametrize("way", WAYS)
def test_ruff_has_nothing_to_say(tmp_path: Path, way: dict[str, str]) -> None:
    file = tmp_path / "shop.py"
    file.write_text(exported(tmp_path, SHOP, **way), encoding="utf-8")
    ruff = Path(sys.executable).parent / "ruff"
    for command in (["check"], ["format", "--diff", "--line-length=100"]):
        done = subprocess.run(
            [ruff, *command, "--isolated", file], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_only_airflow_and_its_own_are_imported(tmp_path: Path) -> None:
    tree = ast.parse(exported(tmp_path, SHOP, "one-dag"))
    modules = {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    modules |= {name.name for n in ast.walk(tree) if isinstance(n, ast.Import) for name in n.names}
    ours = {
        "__future__",
        "json",
        "os",
        "tempfile",
        "datetime",
        "pendulum",
    }  # Airflow needs pendulum
    assert {m for m in modules if m is not None and not m.startswith("airflow")} == ours


def test_a_text_that_looks_like_a_file_is_no_file(tmp_path: Path) -> None:
    """Airflow reads the file that a `doc_md` ending in .md names."""
    text = exported(tmp_path, SHOP.replace("Cleaned.", "/etc/hosts.md"))
    assert 'doc_md="/etc/hosts.md\\n"' in text


def test_pipelines_that_wait_for_each_other_need_one_dag(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--layout one-dag"):
        exported(tmp_path, CYCLE)
    assert 'tasks["a/three"] << [tasks["b/two"]]' in exported(tmp_path, CYCLE, "one-dag")


def test_one_dag_has_one_schedule(tmp_path: Path) -> None:
    graph = graph_of(tmp_path, SHOP)
    bronze, silver = graph.flows
    both = replace(graph, flows=(bronze, replace(silver, schedule="@daily")))
    with pytest.raises(ConfigError, match=r"0 6 \* \* \*, @daily.*--layout pipelines"):
        airflow_dags(both, config="odibi.yaml", layout="one-dag")
    assert 'schedule="0 6 * * *",' in airflow_dags(graph, config="odibi.yaml", layout="one-dag")


def test_secrets_never_appear(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANARY", "do-not-tell")
    text = SHOP.replace("dagster:\n", "dagster:\n  state_url: postgresql://u:${CANARY}@h/db\n", 1)
    for way in WAYS:
        assert "do-not-tell" not in exported(tmp_path, text, **way)


def test_groups_of_tags(tmp_path: Path) -> None:
    """Two tags that Airflow would write alike are one group; a node without a tag is in none."""
    text = SHOP.replace("- name: orders", "- name: orders\n        tags: [a b, c]")
    text = text.replace("- name: count", "- name: count\n        tags: [a_b]")
    tree = exported(tmp_path, text, "one-dag", group_by="tag")
    assert tree.count('group_id="tag-a_b"') == 1
    assert tree.count("with TaskGroup(") == 1
    for name in ("bronze__orders", "silver__count"):
        assert f'task_id="{name}"' in tree


def test_a_name_that_airflow_would_refuse(tmp_path: Path) -> None:
    text = SHOP.replace("bronze", "b" * 128).replace("orders", "o" * 128)
    with pytest.raises(ConfigError, match="more than 250 characters"):
        exported(tmp_path, text, "one-dag")


PARTED = """
pipelines:
  - pipeline: days
    dagster: {partitions: {weekly: {start: 2026-01-01}}}
    nodes:
      - name: orders
        read: {connection: lake, format: csv, path: "{partition}.csv"}
        write: {connection: lake, format: csv, path: "orders/{partition}.csv"}
      - name: all
        dagster: {partitions: null}
        depends_on: [orders]
        write: {connection: lake, format: csv, path: all.csv}
"""


@pytest.mark.parametrize("way", WAYS)
def test_a_task_knows_the_partitions_of_its_node(tmp_path: Path, way: dict[str, str]) -> None:
    text = exported(tmp_path, PARTED, **way)
    _holds_only_literals(text)
    assert text.count('partitions=("weekly", 4),') == 1, "that Thursday"
    assert text.count('partitions=("none", 0),') == 1
    assert "partitions=(" not in exported(tmp_path, SHOP, **way)
