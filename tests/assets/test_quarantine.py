"""Broken rows set aside: every row is in one place, once, for as long as it is to be kept."""

from __future__ import annotations

import functools
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from odibi_dagster.assets import factory
from odibi_dagster.assets.run import NodeRun
from odibi_dagster.config.load import load_project
from odibi_dagster.core.names import NodeId
from odibi_dagster.engines.base import get_engine
from odibi_dagster.plan.planner import Planner
from tests.config.project import load, nodes, problems
from tests.formats.tables import SERVED

if TYPE_CHECKING:
    from pathlib import Path

    from tests.assets.support import Shop

TODAY = datetime(2024, 6, 1, 12, tzinfo=UTC)
NODE = """
engine: {engine}
dagster: {{sql_dialect: duckdb}}
pipelines:
  - pipeline: p
    nodes:
      - name: orders
        read:
          connection: lake
          format: csv
          path: orders_*.csv
          incremental: {{mode: stateful, column: id}}
        validation:
          tests:
            - {{type: range, column: amount, min: 0, on_fail: quarantine, name: positive}}
            - {{type: range, column: amount, max: 99, on_fail: quarantine, name: small}}
            - {{type: not_null, columns: [customer], on_fail: quarantine, name: known}}
          {quarantine}
        write: {write}
"""
PARQUET = "{connection: lake, format: parquet, path: out, mode: append}"
PLACES = {
    "parquet": "{connection: lake, path: bad}",
    "delta": "{connection: lake, table: bad}",
    "sqlite": "{connection: lite, table: bad}",
    "postgres": "{connection: served, table: bad}",
    "mysql": "{connection: served, table: bad}",
}


@pytest.fixture(
    params=[
        pytest.param(place, marks=pytest.mark.databases) if place in SERVED else place
        for place in PLACES
    ]
)
def place(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each place that a quarantine may lie in."""
    kind = str(request.param)
    if kind in SERVED:
        monkeypatch.setenv("DB", request.getfixturevalue(SERVED[kind]))
    return kind


@pytest.fixture(params=["polars", pytest.param("spark", marks=pytest.mark.spark)])
def engine_name(request: pytest.FixtureRequest) -> str:
    if request.param == "spark":
        request.getfixturevalue("_spark")
    return str(request.param)


def declare(
    shop: Shop,
    engine: str = "polars",
    quarantine: str = "",
    write: str = PARQUET,
    *,
    served: str = "",
) -> None:
    said = f"quarantine: {quarantine}" if quarantine else ""
    shop.write(NODE.format(engine=engine, quarantine=said, write=write))
    text = shop.config.read_text()
    more = "  lite: {type: sqlite, database: lake/lite.db}\n"
    if "served" in quarantine:
        more += f'  served: {{type: {served}, url: "${{DB}}"}}\n'
    shop.config.write_text(text.replace("connections:\n", f"connections:\n{more}"))


def land(shop: Shop, batch: int, *rows: str) -> None:
    shop.land(f"orders_{batch}.csv", "\n".join(["id,amount,customer", *rows]) + "\n")


def rejected(shop: Shop) -> pl.DataFrame:
    return pl.read_parquet(str(shop.root / "lake" / "bad" / "*.parquet"))


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Lets nodes run at another time."""

    def travel(moment: datetime) -> None:
        monkeypatch.setattr(factory, "NodeRun", functools.partial(NodeRun, at=moment))

    return travel


def test_what_was_rejected_too_long_ago_is_removed(
    shop: Shop, at: Any, place: str, engine_name: str
) -> None:
    quarantine = PLACES[place].replace("}", ", retention_days: 30}")
    declare(shop, engine_name, quarantine, served=place)
    for batch, days in enumerate((31, 29, 0), start=1):
        land(shop, batch, f"{batch}0,-5,a", f"{batch}1,5,b")
        at(TODAY - timedelta(days=days))
        run = shop.run()
        assert run.ok, run.failures
    kept = rejected_ids(shop, place)
    assert kept == [20, 30]
    at(TODAY + timedelta(days=200))
    land(shop, 4, "400,5,a")  # nothing of it is broken
    assert not shop.run().failures
    assert rejected_ids(shop, place) == []
    land(shop, 5, "500,-5,a")
    run = shop.run()
    assert run.ok, run.failures
    assert rejected_ids(shop, place) == [500]
    assert shop.leftovers() == [] or place == "delta"


def rejected_ids(shop: Shop, place: str) -> list[int]:
    project, engine = load_project(shop.config), get_engine("polars")
    frame = Planner(project, engine).quarantine(NodeId("p", "orders"))
    return sorted(row["id"] for row in engine.fetch(frame, 99))


def test_null_keeps_them_for_good(shop: Shop, at: Any) -> None:
    declare(shop, quarantine="{connection: lake, path: bad, retention_days: null}")
    for batch, moment in enumerate((TODAY - timedelta(days=3650), TODAY), start=1):
        land(shop, batch, f"{batch},-5,a")
        at(moment)
        assert not shop.run().failures
    assert rejected_ids(shop, "parquet") == [1, 2]


def test_ninety_days_are_the_default(tmp_path: Path) -> None:
    (node,) = load(tmp_path, node_with("{connection: lake, path: bad}")).nodes.values()
    assert node.quarantine is not None
    assert node.quarantine.retention == timedelta(days=90)


@pytest.mark.parametrize(
    ("quarantine", "expected"),
    [
        ("{path: bad, retention_days: 9, add_columns: {rejected_at: false}}", "needs _rejected_at"),
        ("{retention_days: 9}", "retention_days does not work in csv"),
        ("{path: bad, retention_days: 0}", "greater than or equal to 1"),
    ],
)
def test_a_retention_that_cannot_be_kept_is_refused(
    tmp_path: Path, quarantine: str, expected: str
) -> None:
    (problem,) = problems(tmp_path, node_with(quarantine, "format: csv, path: o.csv"))
    assert expected in problem.message


def node_with(quarantine: str, write: str = "format: parquet, path: out") -> str:
    return nodes(f"""
- name: orders
  read: {{connection: lake, format: csv, path: in.csv}}
  validation:
    tests: [{{type: not_null, columns: [id], on_fail: quarantine}}]
    quarantine: {quarantine}
  write: {{connection: lake, {write}, mode: append}}
""")


def test_a_killed_removal_is_made_good(shop: Shop, at: Any, monkeypatch: Any) -> None:
    declare(shop, quarantine="{connection: lake, path: bad, retention_days: 30}")
    land(shop, 1, "1,-5,a")
    at(TODAY - timedelta(days=40))
    assert not shop.run().failures
    land(shop, 2, "2,-5,a", "20,5,a")
    at(TODAY)
    with monkeypatch.context() as broken:
        broken.setattr("odibi_dagster.formats.parquet.expire_files", _fail)
        assert not shop.run().ok
    assert not shop.run().failures
    assert rejected_ids(shop, "parquet") == [2]
    assert pl.read_parquet(str(shop.root / "lake" / "out" / "*.parquet"))["id"].to_list() == [20]


def _fail(*_: Any) -> None:
    msg = "no space left"
    raise OSError(msg)


def test_each_row_names_the_rules_that_it_broke(shop: Shop, engine_name: str) -> None:
    """Odibi lists all rules of the node at every row."""
    declare(shop, engine_name, PLACES["parquet"])
    land(shop, 1, "1,-5,a", "2,100,", "3,5,", "4,5,b")
    assert not shop.run().failures
    rows = {row["id"]: row for row in rejected(shop).to_dicts()}
    assert {id: row["_failed_tests"] for id, row in rows.items()} == {
        1: "positive",
        2: "small,known",
        3: "known",
    }
    assert rows[2]["_rejection_reason"] == "Failed: small, known"


def test_a_retried_run_rejects_nothing_twice(shop: Shop, monkeypatch: Any) -> None:
    """Odibi adds the rejects of every try."""
    declare(shop, quarantine=PLACES["parquet"])
    shop.config.write_text(shop.config.read_text() + "retry: {enabled: true, max_attempts: 3}\n")
    land(shop, 1, "1,-5,a", "2,5,b")
    record, tries = NodeRun.record, []

    def lost(run: NodeRun, outcome: Any) -> None:
        tries.append(run)
        if len(tries) < 3:
            msg = "the database went away"
            raise OSError(msg)
        record(run, outcome)

    monkeypatch.setattr(NodeRun, "record", lost)
    for _ in range(3):
        shop.run()
    assert rejected_ids(shop, "parquet") == [1]
    assert pl.read_parquet(str(shop.root / "lake" / "out" / "*.parquet"))["id"].to_list() == [2]


def test_an_unknown_key_is_told(tmp_path: Path) -> None:
    """Odibi ignores it."""
    text = node_with("{path: bad.parquet, max_row: 5}")
    (warning,) = load(tmp_path, text).warnings
    assert "unknown key 'max_row'; did you mean 'max_rows'?" in warning.message
    (problem,) = problems(tmp_path, text, strict=True)
    assert problem.message == warning.message


@pytest.mark.parametrize("limit", ["max_rows: 2", "sample_fraction: 0.5"])
def test_both_numbers_are_told_where_fewer_are_stored(
    shop: Shop, limit: str, engine_name: str
) -> None:
    declare(shop, engine_name, f"{{connection: lake, path: bad, {limit}}}")
    land(shop, 1, "1,-1,a", "2,-2,a", "3,-3,a", "4,-4,a", "5,5,a")
    run = shop.run()
    assert run.metadata("p/orders")["quarantined_rows"] == 4
    assert run.metadata("p/orders")["quarantined_rows_stored"] == 2
    assert run.metadata("p/orders__quarantine")["broken_rows"] == 4
    assert run.metadata("p/orders")["rows_written"] == 1
    assert len(rejected(shop)) == 2


@pytest.mark.parametrize("mode", ["overwrite", "append"])
def test_when_all_rows_are_broken_none_is_published(
    shop: Shop, engine_name: str, mode: str
) -> None:
    write = PARQUET.replace("append", mode)
    declare(shop, engine_name, PLACES["parquet"], write)
    text = shop.config.read_text()
    shop.config.write_text(text.replace("incremental: {mode: stateful, column: id}", "options: {}"))
    land(shop, 1, "1,-1,a", "2,-2,a", "3,5,")
    run = shop.run()
    assert run.ok, run.failures
    assert run.metadata("p/orders")["quarantined_rows"] == 3
    assert rejected_ids(shop, "parquet") == [1, 2, 3]
    target = shop.root / "lake" / "out"
    stored = pl.read_parquet(target if target.is_file() else target / "*.parquet")
    assert stored.columns == ["id", "amount", "customer"]
    assert len(stored) == 0
