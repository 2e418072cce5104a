"""`freshness` of nodes that add to their table: judged by what is stored, run after run."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import dagster as dg
import polars as pl
import pytest
import sqlalchemy as sa

from odibi_dagster.state import tables

if TYPE_CHECKING:
    from odibi_dagster.engines.base import Engine
    from tests.assets.support import Run, Shop

NODE = """
engine: {engine}
pipelines:
  - pipeline: bronze
    nodes:
      - name: orders
        read: {{connection: lake, format: parquet, path: in, incremental: {{{how}}}}}
        sensitive: [{sensitive}]
        {where}: {fresh}
        write: {{connection: lake, format: delta, path: out, mode: {mode}}}
"""
FRESH = "{type: freshness, column: at, max_age: 2h, name: fresh}"
TESTS = {"where": "validation", "fresh": f"{{tests: [{FRESH}]}}"}
CONTRACTS = {"where": "contracts", "fresh": f"[{FRESH}]"}
FULL = {"odibi/full_refresh": "true"}


class Orders:
    """Batches of one node, and the time of day at which each is run."""

    def __init__(self, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shop, self._patch, self._ids = shop, monkeypatch, 0
        self.write()

    def write(self, **more: str) -> None:
        said = {"engine": "polars", "mode": "append", "sensitive": "", **TESTS}
        how = "mode: stateful, column: id"
        self.shop.write(NODE.format(**{**said, "how": how, **more}))

    def __call__(self, now: str, *times: str | None, **options: Any) -> Run:
        """A run at `now`; each of `times` is a row that is new."""
        ids = range(self._ids, self._ids + len(times))
        self._ids += len(times)
        moments = [None if time is None else moment(time) for time in times]
        folder = self.shop.root / "lake/in"
        folder.mkdir(parents=True, exist_ok=True)
        schema = {"id": pl.Int64, "at": pl.Datetime("us")}
        rows = pl.DataFrame({"id": ids, "at": moments}, schema=schema)
        rows.write_parquet(folder / f"{len(list(folder.iterdir()))}.parquet")
        self._patch.setenv("ODIBI_NOW", moment(now).isoformat())
        return self.shop.run(**options)


@pytest.fixture
def orders(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Orders:
    return Orders(shop, monkeypatch)


def moment(time: str) -> datetime:
    return datetime.fromisoformat(f"2024-05-01T{time}")


def said(run: Run, name: str = "fresh") -> str:
    for event in run.result.get_asset_check_evaluations():
        if event.check_name == name:
            return event.description or ""
    raise KeyError(name)


def test_an_increment_without_rows_is_as_fresh_as_what_is_stored(
    engine: Engine, orders: Orders
) -> None:
    orders.write(engine=engine.name)
    assert orders("11:00", "09:30", "10:00").checks == {"fresh": (True, "ERROR")}
    empty = orders("11:30")
    assert empty.checks == {"fresh": (True, "ERROR")}
    assert said(empty) == (
        "newest stored is 2024-05-01T10:00:00Z, 1:30:00 ago; expected at most 2h old"
    )
    assert orders("12:00", "11:50").ok
    assert orders("13:30").ok
    late = orders("14:00")
    assert late.checks == {"fresh": (False, "ERROR")}
    assert "newest stored is 2024-05-01T11:50:00Z, 2:10:00 ago" in said(late)
    assert orders("14:05", "14:01").ok, "what is new and fresh mends it"


def test_rows_that_are_late_do_not_make_the_table_older(orders: Orders) -> None:
    assert orders("10:30", "10:00").ok
    assert orders("11:00", "03:00").ok
    assert orders("11:30", None).ok
    assert orders("12:00").ok
    assert not orders("12:01").ok


def test_a_first_run_is_judged_by_its_batch(orders: Orders) -> None:
    empty = orders("10:00")
    assert empty.checks == {"fresh": (False, "ERROR")}
    assert said(empty) == "no rows; expected data at most 2h old"
    assert said(orders("10:00", None)) == "no value in 'at'; expected data at most 2h old"
    assert not orders("10:00", "07:00").ok
    assert orders("10:00", "09:00").ok


def test_a_refused_batch_is_not_stored(orders: Orders) -> None:
    two = f"{{tests: [{FRESH}, {{type: row_count, max: 1, name: few}}]}}"
    orders.write(fresh=two)
    assert orders("10:00", "09:00").ok
    assert orders("11:30", "11:20", "11:21").checks["few"] == (False, "ERROR")
    (orders.shop.root / "lake/in/1.parquet").unlink()
    assert "newest stored is 2024-05-01T09:00:00Z" in said(orders("11:40"))


def test_a_table_that_is_replaced_is_judged_by_what_replaces_it(orders: Orders) -> None:
    assert orders("10:00", "09:00").ok
    (orders.shop.root / "lake/in/0.parquet").unlink()
    full = orders("10:30", "06:00", tags=FULL)
    assert full.checks == {"fresh": (False, "ERROR")}
    assert "newest is 2024-05-01T06:00:00Z" in said(full)


def test_a_window_that_replaces_the_table_is_judged_by_itself(orders: Orders) -> None:
    orders.write(mode="overwrite", how="mode: rolling_window, column: at, lookback: 1, unit: hour")
    assert orders("10:00", "09:30").ok
    assert orders("10:15").ok
    gone = orders("11:00")
    assert said(gone) == "no rows; expected data at most 2h old"


def test_the_input_of_an_increment_is_judged_alike(orders: Orders) -> None:
    orders.write(**CONTRACTS)
    assert orders("11:00", "10:00").ok
    assert orders("11:30").checks == {"input_fresh": (True, "ERROR")}
    assert orders("12:30").checks == {"input_fresh": (False, "ERROR")}


def test_a_time_in_the_future_is_not_fresh_for_ever(orders: Orders) -> None:
    assert orders("10:00", "23:00").ok
    assert orders("12:00").ok
    assert not orders("12:01").ok


def remembered(shop: Shop) -> list[str]:
    url = f"sqlite:///{shop.root / '.dagster_home/storage/odibi_state.db'}"
    with sa.create_engine(url).connect() as connection:
        return [row.metric for row in connection.execute(sa.select(tables.metrics))]


def test_times_that_are_sensitive_are_not_remembered(orders: Orders) -> None:
    assert orders("10:00", "09:00").ok
    assert remembered(orders.shop) == ["newest of at"]
    orders.write(sensitive="at")
    assert orders("10:10", "09:10").ok
    assert remembered(orders.shop) == ["newest of at"]
    assert not orders("10:10").ok


def test_what_is_stored_is_judged_by_itself(orders: Orders) -> None:
    assert orders("10:00", "09:00").ok
    check = dg.AssetCheckKey(dg.AssetKey(["bronze", "orders"]), "fresh")
    assert "newest is" in said(orders("10:30", selection=dg.AssetSelection.checks(check)))
