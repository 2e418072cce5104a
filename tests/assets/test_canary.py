"""Values that nobody may see are looked for in everything that a project leaves behind.

The command line runs it in processes of its own: through success, checks that break, warn and
quarantine, casts that fail, an incremental run, and what shows the state. Afterwards the values
stand in the source, and in what nodes without `privacy` have stored, and nowhere else.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from tests.cli.support import child_environment

if TYPE_CHECKING:
    from collections.abc import Iterator

MAIL, PHONE, BORN, SALT = "canary-7f3a", "canary-9b1c", "1887-06-05", "canary-grain"
CANARIES = (MAIL, PHONE, BORN, SALT)
RAW = ("raw", "open")
"""Folders whose files hold them: the source, and targets of nodes without `privacy`."""

PROJECT = """\
project: secrets
engine: {engine}
dagster: {{sql_dialect: duckdb}}
connections:
  lake: {{type: local, base_path: ./lake}}
  shop: {{type: sqlite, database: shop.db}}
pipelines:
  - pipeline: p
    nodes:
      - name: people
        read: {{connection: lake, format: csv, path: raw/people_*.csv}}
        columns: {{mail: {{pii: true}}, born: {{pii: true}}}}
        sensitive: [phone]
        contracts:
          - {{type: regex_match, column: mail, pattern: "^[^!]+$", on_fail: warn}}
        validation:
          tests:
            - {{type: regex_match, column: phone, pattern: "^[^!]+$", on_fail: quarantine}}
            - {{type: freshness, column: born, max_age: 1h, on_fail: warn}}
            - {{type: custom_sql, condition: CAST(mail AS INT) > 0, on_fail: warn, name: cast}}
          quarantine: {{connection: lake, path: open/rejected.parquet}}
        write: {{connection: lake, format: parquet, path: open/people.parquet}}
      - name: everything
        read: {{connection: lake, format: csv, path: raw/people_*.csv}}
        sensitive: true
        validation: {{tests: [{{type: range, column: id, max: 0, on_fail: warn}}]}}
        write: {{connection: lake, format: parquet, path: open/everything.parquet}}
      - name: hashed
        depends_on: [people]
        transform:
          steps: ["SELECT *, UPPER(phone) AS number FROM df"]
        columns: {{phone: {{pii: true}}}}
        contracts:
          - {{type: regex_match, column: mail, pattern: "^[^?]+$", on_fail: quarantine}}
          - {{type: freshness, column: born, max_age: 1h, on_fail: warn}}
        validation:
          tests:
            - {{type: range, column: id, max: 2, on_fail: quarantine}}
            - {{type: regex_match, column: mail, pattern: "^x", on_fail: warn}}
        privacy: {{method: hash, salt: "${{SALT}}"}}
        write: {{connection: lake, format: delta, table: closed/hashed}}
      - name: masked
        read:
          connection: lake
          format: csv
          path: raw/people_*.csv
          incremental: {{mode: stateful, column: id}}
        columns: {{mail: {{pii: true}}, phone: {{pii: true}}, born: {{pii: true}}}}
        contracts: [{{type: regex_match, column: mail, pattern: "^[^?]+$", on_fail: quarantine}}]
        privacy: {{method: mask}}
        write: {{connection: lake, format: parquet, path: closed/masked, mode: append}}
      - name: into_a_database
        depends_on: [people]
        columns: {{phone: {{pii: true}}}}
        transform: {{steps: ["SELECT id, mail AS contact, phone FROM df"]}}
        privacy: {{method: redact}}
        write: {{connection: shop, format: sql, table: people}}
      - name: view
        depends_on: [people]
        columns: {{phone: {{pii: true}}}}
        transform: {{steps: ["SELECT id, CAST(mail AS INT) AS code FROM df"]}}
        privacy: {{method: hash, salt: "${{SALT}}"}}
      - name: through_a_view
        depends_on: [view]
        write: {{connection: lake, format: parquet, path: closed/view.parquet}}
      - name: landed
        inputs: {{v: $p.redacted_view}}
        contracts: [{{type: regex_match, column: mail, pattern: "^x", on_fail: quarantine}}]
        write: {{connection: lake, format: parquet, path: closed/landed.parquet}}
      - name: redacted_view
        depends_on: [people]
        columns: {{phone: {{pii: true}}}}
        privacy: {{method: hash, salt: "${{SALT}}"}}
      - name: cast_fails
        depends_on: [people]
        transform: {{steps: [{{function: cast_columns, params: {{casts: {{mail: int}}}}}}]}}
        privacy: {{method: hash, salt: "${{SALT}}"}}
        write: {{connection: lake, format: parquet, path: closed/cast.parquet}}
      - name: csv_fails
        read: {{connection: lake, format: csv, path: raw/people_1.csv}}
        columns: {{mail: {{pii: true, type: int}}, born: {{pii: true}}, phone: {{pii: true}}}}
        write: {{connection: lake, format: parquet, path: closed/csv.parquet}}
      - name: function_fails
        depends_on: [people]
        transform: {{steps: [{{function: stumble}}]}}
        write: {{connection: lake, format: parquet, path: closed/function.parquet}}
      - name: function_fails_later
        depends_on: [people]
        transform: {{steps: [{{function: stumble_later}}]}}
        write: {{connection: lake, format: parquet, path: closed/later.parquet}}
      - name: check_fails
        depends_on: [people]
        contracts: [{{type: regex_match, column: mail, pattern: "^x"}}]
        validation: {{tests: [{{type: regex_match, column: phone, pattern: "^x"}}]}}
        sensitive: [phone]
        write: {{connection: lake, format: parquet, path: closed/check.parquet}}
"""
FUNCTIONS = """\
from odibi_dagster import transform


@transform
def stumble(context):
    row = context.df.head(1)
    value = row.collect() if hasattr(row, "collect") else row
    raise ValueError(f"a mistake: {value}")


@transform
def stumble_later(context):
    def fail(value):
        raise ValueError(f"a mistake: {value}")

    if hasattr(context.df, "map_batches"):
        return context.df.map_batches(fail, schema=context.df.collect_schema())
    from pyspark.sql.functions import udf

    return context.df.withColumn("mail", udf(fail)("mail"))
"""
PEOPLE = f"""\
id,mail,phone,born
1,{MAIL}@example.org,{PHONE}-0001,{BORN}
2,{MAIL}?example.org,{PHONE}-0002,{BORN}
3,{MAIL}!example.org,{PHONE}!0003,{BORN}
"""
COMMANDS = (
    ["validate"],
    ["run"],
    ["run", "p/masked"],
    ["checks", "p/people", "p/hashed"],
    ["quarantine", "list"],
    ["quarantine", "show", "p/people"],
    ["state", "list"],
    ["state", "show", "p/masked"],
    ["state", "history", "p/masked"],
    ["show", "p/hashed", "--plan"],
    ["show", "p/hashed__quarantine"],
    ["show", "p/people"],
    ["show", "p/people__quarantine", "--format", "json"],
    ["ls"],
)
ENGINES = {"polars": len(COMMANDS), "spark": 4}
"""How many of them: what only reads the state, or the file, starts no engine."""
SPARK = " ".join(
    f"--conf {setting}"
    for setting in (
        "spark.ui.enabled=false",
        "spark.sql.shuffle.partitions=1",
        "spark.sql.adaptive.enabled=false",
        "spark.sql.codegen.wholeStage=false",
        "spark.sql.codegen.factoryMode=NO_CODEGEN",
    )
)
"""For few rows, as the session of the other tests: by default each shuffle has 200 tasks."""
_WITH_VERBS = ("state", "quarantine")


@pytest.fixture(scope="module", params=["polars", pytest.param("spark", marks=pytest.mark.spark)])
def left(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a project after all the commands, what each wrote among the files."""
    root = tmp_path_factory.mktemp(f"canary_{request.param}")
    (root / "lake" / "raw").mkdir(parents=True)
    (root / "tmp").mkdir()
    (root / "odibi.yaml").write_text(PROJECT.format(engine=request.param))
    (root / "transforms.py").write_text(FUNCTIONS)
    (root / "lake" / "raw" / "people_1.csv").write_text(PEOPLE)
    for number, (action, *words) in enumerate(COMMANDS[: ENGINES[request.param]]):
        if words == ["p/masked"] and action == "run":
            more = PEOPLE.replace("\n1,", "\n4,").replace("\n2,", "\n5,").replace("\n3,", "\n6,")
            (root / "lake" / "raw" / "people_2.csv").write_text(more)
        _run(root, number, action, words)
    _wait_for_the_last_jvm(root)
    return root


def _wait_for_the_last_jvm(root: Path) -> None:
    """It outlives its Python process by the time it takes to remove its own files."""
    deadline = time.monotonic() + 60
    while list((root / "tmp").glob("blockmgr-*")) and time.monotonic() < deadline:
        time.sleep(0.1)


def _run(root: Path, number: int, action: str, words: list[str]) -> None:
    line = [action, *([words.pop(0)] if action in _WITH_VERBS else []), "odibi.yaml", *words]
    done = subprocess.run(
        [sys.executable, "-m", "odibi_dagster.cli", *line],
        cwd=root,
        env=child_environment(
            SALT=SALT,
            TMPDIR=str(root / "tmp"),
            SPARK_LOCAL_DIRS=str(root / "tmp"),
            PYSPARK_SUBMIT_ARGS=f"{SPARK} pyspark-shell",
        ),
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    said = f"{' '.join(line)}\nexit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    (root / f"said_{number:02}_{action}.txt").write_text(said)


def texts(root: Path) -> Iterator[tuple[Path, str]]:
    """Every file below, as text; of a Parquet file also the rows, which are compressed."""
    for path in sorted(root.rglob("*")):
        if not path.is_file():
            continue
        text = path.read_bytes().decode("utf-8", "replace")
        if path.suffix == ".parquet":
            text += str(pl.read_parquet(path, hive_partitioning=False, glob=False).to_dicts())
        yield path.relative_to(root), text


def said(root: Path, command: int) -> str:
    (path,) = root.glob(f"said_{command:02}_*.txt")
    return path.read_text()


@pytest.mark.timeout(600)
def test_no_canary_is_anywhere_else(left: Path) -> None:
    found = {
        (str(path), canary)
        for path, text in texts(left)
        if path.parts[:2] not in [("lake", folder) for folder in RAW]
        for canary in CANARIES
        if canary in text
    }
    assert found == set()


@pytest.mark.timeout(600)
def test_the_run_went_through_all_of_it(left: Path) -> None:
    """Else the other test would pass on a project that did nothing."""
    run, again = said(left, 1), said(left, 2)
    failed = (
        "through_a_view",
        "cast_fails",
        "csv_fails",
        "function_fails",
        "function_fails_later",
        "check_fails",
    )
    assert all(f"p/{name}" in run for name in failed)
    assert "withheld because the node has pii or sensitive columns" in run
    assert "exit code 4" in run
    assert "exit code 0" in again, again
    assert _ids(left, "open/people.parquet") == [1, 2]
    assert _ids(left, "open/rejected.parquet") == [3]
    masked = pl.read_parquet(left / "lake" / "closed" / "masked")
    assert sorted(masked["id"].to_list()) == [1, 3, 4, 6]
    assert set(masked["phone"].str.tail(5)) == {"*0001", "*0003"}
    rejected = pl.read_parquet(left / "lake" / "closed" / "masked_error")
    assert sorted(rejected["id"].to_list()) == [2, 5]
    assert set(rejected["mail"].str.tail(5)) == {"*.org"}
    hashed = pl.read_delta(str(left / "lake" / "closed" / "hashed"))
    assert set(hashed["mail"].str.len_chars()) == {64}
    assert hashed["number"].str.len_chars().to_list() == [64]
    broken = pl.read_delta(str(left / "lake" / "closed" / "hashed_error"))
    assert broken["_failed_tests"].to_list() == ["input_regex_match_mail"]
    assert set(broken["mail"].str.len_chars()) == {64}


def test_what_is_looked_for_can_be_found(left: Path) -> None:
    """The files in which the canaries may stand do show them to the same search."""
    found = {str(path) for path, text in texts(left / "lake") if MAIL in text}
    assert {"raw/people_1.csv", "open/people.parquet", "open/rejected.parquet"} <= found
    stores = [path for path, _ in texts(left) if path.suffix == ".db"]
    assert len(stores) >= 3, stores


def _ids(root: Path, name: str) -> list[Any]:
    return sorted(pl.read_parquet(root / "lake" / name)["id"].to_list())
