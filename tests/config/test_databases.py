"""Databases in odibi.yaml: what goes together, and that no secret leaves the file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from odibi_dagster.config.load import load_project
from odibi_dagster.config.project import Stored, Upstream
from odibi_dagster.connections.database import TableLocation
from odibi_dagster.core.names import NodeId
from odibi_dagster.errors import ConfigError

HEAD = """
project: shop
connections:
  lake: {type: local, base_path: data}
  pg: {type: postgres, host: db, database: shop, user: etl, password: "${PW}"}
  pg2: {type: postgres, url: "postgresql://etl:${PW}@db/shop"}
  lite: {type: sqlite, database: shop.db}
pipelines:
  - pipeline: p
    nodes:
"""


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PW", "s3cr3t")


def load(tmp_path: Path, text: str) -> Any:
    file = tmp_path / "odibi.yaml"
    file.write_text(text, encoding="utf-8")
    return load_project(file)


def nodes(*lines: str) -> str:
    return HEAD + "".join(f"      - {line}\n" for line in lines)


READ = "read: {connection: pg, format: sql, table: orders}"
WRITE = "write: {connection: pg, format: sql, table: mart.orders"


def test_tables_and_queries(tmp_path: Path) -> None:
    project = load(
        tmp_path,
        nodes(
            f"{{name: a, {READ}, {WRITE}}}}}",
            '{name: b, read: {connection: lite, format: sql, query: "SELECT 1 AS x;"}}',
        ),
    )
    a, b = project.nodes[NodeId("p", "a")], project.nodes[NodeId("p", "b")]
    source = a.sources["df"].location
    assert (source.schema, source.name, source.query) == (None, "orders", None)
    assert a.target.location.title == "mart.orders"
    assert a.target.location.path.is_relative_to(tmp_path / ".dagster_home/storage/odibi/sql")
    assert b.sources["df"].location.query == "SELECT 1 AS x"


def test_a_table_that_another_node_writes_is_that_node(tmp_path: Path) -> None:
    project = load(
        tmp_path,
        nodes(
            f"{{name: a, {READ}, {WRITE}}}}}",
            "{name: b, read: {connection: pg, format: sql, table: mart.orders}}",
            "{name: c, read: {connection: pg2, format: sql, table: mart.orders}}",
        ),
    )
    b, c = project.nodes[NodeId("p", "b")], project.nodes[NodeId("p", "c")]
    assert b.sources["df"] == Upstream(NodeId("p", "a"))
    assert isinstance(c.sources["df"], Stored)
    assert c.after == {NodeId("p", "a")}


def test_the_quarantine_is_a_table_beside_the_node(tmp_path: Path) -> None:
    rule = "validation: {tests: [{type: not_null, columns: [x], on_fail: quarantine}]}"
    project = load(tmp_path, nodes(f"{{name: a, {READ}, {WRITE}, mode: append}}, {rule}}}"))
    target = project.nodes[NodeId("p", "a")].quarantine.target
    assert isinstance(target.location, TableLocation)
    assert (target.location.title, target.format.kind, target.mode) == (
        "mart.orders_error", "sql", "append",
    )  # fmt: skip


def test_a_quarantine_in_a_database_of_its_own(tmp_path: Path) -> None:
    rule = (
        "validation: {tests: [{type: not_null, columns: [x], on_fail: quarantine}], "
        "quarantine: {connection: lite, table: rejects}}"
    )
    write = "write: {connection: lake, format: parquet, path: a.parquet}"
    project = load(tmp_path, nodes(f"{{name: a, {READ}, {write}, {rule}}}"))
    target = project.nodes[NodeId("p", "a")].quarantine.target
    assert (target.format.kind, target.location.name) == ("sql", "rejects")


def test_a_merge_is_an_upsert_by_its_keys(tmp_path: Path) -> None:
    project = load(
        tmp_path, nodes(f"{{name: a, {READ}, {WRITE}, mode: merge, merge_keys: [x, y]}}}}")
    )
    target = project.nodes[NodeId("p", "a")].target
    assert (target.mode, target.options.keys) == ("upsert", ("x", "y"))
    assert project.warnings == ()


def test_merge_keys_without_a_merge_are_told(tmp_path: Path) -> None:
    project = load(tmp_path, nodes(f"{{name: a, {READ}, {WRITE}, merge_keys: [x]}}}}"))
    (warning,) = project.warnings
    assert "merge_keys has no effect with mode overwrite" in str(warning)


def test_rows_are_staged_where_the_project_says(tmp_path: Path) -> None:
    text = nodes(f"{{name: a, {READ}, {WRITE}}}}}") + "dagster: {staging: ./fast}\n"
    target = load(tmp_path, text).nodes[NodeId("p", "a")].target
    assert target.location.path.is_relative_to(tmp_path / "fast/sql")


PROBLEMS = [
    (
        f"{READ}, {WRITE}, mode: merge}}",
        "mode merge needs the columns that identify a row; write merge",
    ),
    (
        "read: {connection: lite, format: sql, table: x}, "
        "write: {connection: lake, format: parquet, path: a, mode: merge, merge_keys: [x]}",
        "format parquet cannot be written with mode merge; choose sql",
    ),
    ("read: {connection: pg, format: csv, table: x}", "csv cannot lie in a database; write format"),
    ("read: {connection: lake, format: sql, table: x}", "needs a connection to a database"),
    ("read: {connection: lake, format: csv, query: SELECT 1}", "type local has no queries"),
    ("read: {connection: pg, format: sql, path: x}", "has tables, not paths; write table"),
    ("read: {connection: pg, format: sql, table: x, query: y}", "write table or query, not both"),
    ("read: {connection: pg, format: sql, table: a.b.c}", "invalid table name 'a.b'"),
    (f"{READ}, {WRITE}, partition_by: [x]}}", "cannot be written with partition_by"),
    (f"{READ}, {WRITE}, mode: upsert}}", "needs the columns that identify a row"),
    (f"{READ}, write: {{connection: pg2, format: delta, table: x}}", "delta cannot lie in a data"),
    (
        "read: {connection: lake, format: csv, path: x}, "
        "write: {connection: lake, format: parquet, path: y, first_run_query: SELECT 1}",
        "first_run_query needs a read from a database",
    ),
    (f'{READ}, {WRITE}, first_run_query: " ; "}}', "query is empty"),
]


@pytest.mark.parametrize(("lines", "words"), PROBLEMS)
def test_problems(tmp_path: Path, lines: str, words: str) -> None:
    with pytest.raises(ConfigError) as error:
        load(tmp_path, nodes(f"{{name: a, {lines}}}"))
    assert words in str(error.value)


def test_a_first_load_is_a_query_of_the_database_that_is_read(tmp_path: Path) -> None:
    project = load(
        tmp_path, nodes(f"{{name: a, {READ}, {WRITE}, first_run_query: SELECT 1 AS x}}}}")
    )
    node = project.nodes[NodeId("p", "a")]
    assert node.first.location.query == "SELECT 1 AS x"
    assert node.first.location.connection == node.sources["df"].location.connection


STATES = [
    ("postgresql://bob:${PW}@h:bad/db", "odibi.yaml:12:22: invalid state url"),
    ("oracle://bob:${PW}@h/db", "oracle is not supported; use sqlite, postgresql or mysql"),
    ("postgresql://bob:${UNSET_BY_US}@h/db", "environment variable UNSET_BY_US is not set"),
]


@pytest.mark.parametrize(("url", "words"), STATES)
def test_a_state_that_is_no_url(tmp_path: Path, url: str, words: str) -> None:
    """E06: told when the file is loaded, and without its password."""
    text = nodes(f"{{name: a, {READ}}}") + f'dagster: {{state_url: "{url}"}}\n'
    with pytest.raises(ConfigError) as error:
        load(tmp_path, text)
    assert words in str(error.value)
    assert "s3cr3t" not in str(error.value)


def test_the_url_of_the_state_is_a_secret(tmp_path: Path) -> None:
    url = "postgresql://bob:${PW}@h/db?sslpassword=${PW}"
    text = nodes(f"{{name: a, {READ}}}") + f'dagster: {{state_url: "{url}"}}\n'
    project = load(tmp_path, text)
    assert "s3cr3t" not in f"{project!r} {project.config.model_dump_json()}"
    assert project.config.dagster.state_url.reveal().count("s3cr3t") == 2


def test_two_nodes_may_not_write_one_table(tmp_path: Path) -> None:
    other = "write: {connection: pg2, format: sql, table: public.orders}"
    with pytest.raises(ConfigError, match="nodes 'a' and 'b' both write"):
        load(
            tmp_path,
            nodes(
                f"{{name: a, {READ}, write: {{connection: pg, format: sql, table: orders}}}}",
                f"{{name: b, read: {{connection: lite, format: sql, table: y}}, {other}}}",
            ),
        )


def test_no_secret_is_in_the_project(tmp_path: Path) -> None:
    text = nodes(f"{{name: a, {READ}, {WRITE}}}}}").replace("${PW}", "${vars.pw}")
    project = load(tmp_path, text + "vars: {pw: '${PW}'}\n")
    assert "s3cr3t" not in f"{project!r} {project.config.model_dump_json()}"
    location = project.nodes[NodeId("p", "a")].target.location
    assert location.connection.sqlalchemy_url(tmp_path).password == "s3cr3t"


def test_a_password_in_the_file_is_not_shown(tmp_path: Path) -> None:
    text = nodes(f"{{name: a, {READ}}}").replace("${PW}", "hunter2")
    assert "hunter2" not in repr(load(tmp_path, text))


BAD_URLS = [
    "postgresql://bob:${PW}@h:bad/db",
    "postgresql+psycopg://bob:${PW}@h/db",
    "mysql://bob:${PW}@h/db",
    "${PW}",
]


@pytest.mark.parametrize("url", BAD_URLS)
def test_bad_urls_show_no_secret(tmp_path: Path, url: str) -> None:
    text = nodes(f"{{name: a, {READ}}}").replace("postgresql://etl:${PW}@db/shop", url)
    with pytest.raises(ConfigError) as error:
        load(tmp_path, text)
    assert "pg2" in str(error.value) or "url" in str(error.value)
    assert "s3cr3t" not in str(error.value)


def test_a_secret_that_is_not_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PW")
    with pytest.raises(ConfigError, match="environment variable PW is not set"):
        load(tmp_path, nodes(f"{{name: a, {READ}}}"))


FILES_ONLY = """
project: p
connections: {lake: {type: local}}
pipelines:
  - pipeline: p
    nodes: [{name: a, read: {connection: lake, format: csv, path: a.csv}}]
"""


def test_a_project_without_databases_imports_no_sqlalchemy(tmp_path: Path) -> None:
    (tmp_path / "odibi.yaml").write_text(FILES_ONLY, encoding="utf-8")
    program = (
        "import sys; from odibi_dagster.config.load import load_project; load_project('odibi.yaml')"
        "; sys.exit('sqlalchemy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=False)
    assert done.returncode == 0
