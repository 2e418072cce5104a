"""Who imports what: a command or a code location pays for the libraries that it uses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from tests.cli.support import child_environment

HEAVY = {
    "dagster",
    "dagster_polars",
    "deltalake",
    "narwhals",
    "pandas",
    "polars",
    "pyarrow",
    "pydantic",
    "pyspark",
    "rich",
    "sqlalchemy",
    "sqlglot",
}
CONFIG = {"narwhals", "pydantic", "sqlglot"}
PROJECT = """\
project: shop
connections:
  lake: {type: local, base_path: .}
pipelines:
  - pipeline: silver
    nodes:
      - name: orders
        read: {connection: lake, format: parquet, path: orders.parquet}
        transform: {steps: ["SELECT * FROM df WHERE id > 1"]}
        validation: {tests: [{type: not_null, columns: [id]}]}
        write: {connection: lake, format: parquet, path: stored.parquet}
      - name: named
        depends_on: [orders]
      - name: events
        depends_on: [orders]
        write: {connection: lake, format: delta, path: events}
"""
LOADED = """
import dagster as dg
from odibi_dagster import load_odibi_assets
assets = load_odibi_assets("odibi.yaml")
dg.Definitions(assets=assets).get_repository_def().load_all_definitions()
"""
COMMAND = """
import contextlib
from odibi_dagster.cli import main
with contextlib.suppress(SystemExit):
    main({words})
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "odibi.yaml").write_text(PROJECT, encoding="utf-8")
    for name in ("orders", "stored"):
        pl.DataFrame({"id": [1, 2]}).write_parquet(tmp_path / f"{name}.parquet")
    return tmp_path


def imported(code: str, root: Path) -> set[str]:
    """Which of the heavy libraries are there when the code has run in a process of its own."""
    said = f"import sys\nprint()\nprint(*({HEAVY} & set(sys.modules)))"
    run = subprocess.run(
        [sys.executable, "-c", f"{code}\n{said}"],
        cwd=root,
        env=child_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    return set(run.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["--version"], ["init", "new"]])
def test_help_imports_nothing_heavy(root: Path, words: list[str]) -> None:
    assert imported(COMMAND.format(words=words), root) == set()


@pytest.mark.parametrize("command", ["validate", "ls"])
def test_what_reads_the_file_alone_needs_no_dagster_and_no_engine(root: Path, command: str) -> None:
    assert imported(COMMAND.format(words=[command, "odibi.yaml"]), root) == CONFIG


@pytest.mark.parametrize("node", ["silver/orders", "silver/named"])
def test_showing_rows_needs_an_engine_and_no_dagster(root: Path, node: str) -> None:
    words = ["show", "odibi.yaml", node, "--format", "csv"]
    assert imported(COMMAND.format(words=words), root) == CONFIG | {"polars"}


@pytest.mark.parametrize(
    ("node", "more"), [("orders", set()), ("events", {"deltalake", "pyarrow"})]
)
def test_a_run_imports_what_its_nodes_use(root: Path, node: str, more: set[str]) -> None:
    found = imported(COMMAND.format(words=["run", "odibi.yaml", f"silver/{node}"]), root)
    # Dagster's logger imports rich where it is installed
    assert found - {"rich"} == CONFIG | {"dagster", "polars", "sqlalchemy"} | more


def test_a_code_location_imports_no_engine_until_a_node_runs(root: Path) -> None:
    assert imported(LOADED, root) == CONFIG | {"dagster"}
    ran = LOADED + "assert dg.materialize(assets, selection='silver/orders').success"
    assert imported(ran, root) - {"rich"} == CONFIG | {"dagster", "polars", "sqlalchemy"}


def test_the_package_itself_imports_nothing_heavy(root: Path) -> None:
    assert imported("import odibi_dagster", root) == set()
    assert imported("from odibi_dagster import transform", root) <= CONFIG
