"""Several runs in a row, through Dagster: what becomes a baseline, and what never does."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import Any

import dagster as dg
import polars as pl
import pytest
import sqlalchemy as sa

from odibi_dagster.assets.memory import Session
from odibi_dagster.formats.base import Published
from odibi_dagster.formats.delta import Delta
from odibi_dagster.state import tables
from odibi_dagster.state.admin import Admin
from odibi_dagster.state.identity import Identity
from odibi_dagster.state.store import Store
from tests.assets.support import Run, Shop

NODE = """
engine: {engine}
pipelines:
  - pipeline: bronze
    nodes:
      - name: orders
        read: {{connection: lake, format: parquet, path: in{incremental}}}
        contracts: [{contracts}]
        validation:
          tests: [{tests}]
        write: {{connection: lake, format: {format}, path: out{mode}}}
"""
MEAN = "{type: distribution, column: fare, metric: mean, threshold: 10%, on_fail: fail}"
CHECK = "distribution_fare"


def write(shop: Shop, tests: str, **more: str) -> None:
    incremental = ", incremental: {mode: stateful, column: id}" if more.get("mode") else ""
    said = {
        "engine": "polars",
        "contracts": "",
        "format": "parquet",
        "mode": "",
        "incremental": incremental,
        **more,
    }
    shop.write(NODE.format(tests=tests, **said))


def land(shop: Shop, *fares: float | None, name: str = "0", first: int = 0) -> None:
    folder = shop.root / "lake/in"
    folder.mkdir(parents=True, exist_ok=True)
    ids = range(first, first + len(fares))
    rows = pl.DataFrame({"id": ids, "fare": fares}, schema={"id": pl.Int64, "fare": pl.Float64})
    rows.write_parquet(folder / f"{name}.parquet")


def rows(shop: Shop, table: sa.Table) -> list[Any]:
    url = f"sqlite:///{shop.root / '.dagster_home/storage/odibi_state.db'}"
    with sa.create_engine(url).connect() as connection:
        return list(connection.execute(sa.select(table)).all())


def baseline(run: Run, check: str = CHECK) -> Any:
    return run.check_metadata(check)["baseline"]


@pytest.mark.parametrize("engine", ["polars", pytest.param("spark", marks=pytest.mark.spark)])
def test_runs_in_a_row(shop: Shop, engine: str, request: pytest.FixtureRequest) -> None:
    if engine == "spark":
        request.getfixturevalue("_spark")
    tests = f"{MEAN}, {{type: distribution, name: shape, column: fare, metric: psi}}"
    write(shop, tests, engine=engine)
    land(shop, 10.0, 10.0, None)
    first = shop.run()
    assert first.ok
    assert (baseline(first), baseline(first, "shape")) == ("none", "none")

    land(shop, 10.9)
    second = shop.run()
    assert second.ok
    assert baseline(second) == 10.0
    assert second.check_metadata(CHECK)["baseline_of"].startswith("batch 1, published 20")

    land(shop, 99.0)
    third = shop.run()
    assert not third.ok
    assert third.materialized == set()
    assert third.checks[CHECK] == (False, "ERROR")
    assert baseline(third) == 10.9
    assert third.checks["shape"] == (False, "WARN")

    land(shop, 10.9)
    again = shop.run()
    assert again.ok
    assert baseline(again) == 10.9, "a run that was refused is no baseline"
    assert again.check_metadata("shape")["observed"] == 0.0


def test_a_run_of_checks_alone_is_no_baseline(shop: Shop) -> None:
    write(shop, MEAN.replace("10%", "1000%"))
    land(shop, 10.0)
    assert shop.run().ok
    land(shop, 20.0)
    only = dg.AssetSelection.checks(dg.AssetCheckKey(dg.AssetKey(["bronze", "orders"]), CHECK))
    assert baseline(shop.run(only)) == 10.0
    assert baseline(shop.run(only)) == 10.0


def test_a_warning_that_was_published_is_a_baseline(shop: Shop) -> None:
    write(shop, MEAN.replace("fail}", "warn}"))
    land(shop, 10.0)
    assert shop.run().ok
    land(shop, 20.0)
    warned = shop.run()
    assert warned.ok
    assert warned.checks[CHECK] == (False, "WARN")
    assert baseline(shop.run()) == 20.0


def test_contracts_on_the_input_have_a_history_of_their_own(shop: Shop) -> None:
    both = "{type: volume_drop}, " + MEAN
    write(shop, MEAN, contracts=both)
    land(shop, 10.0, 10.0, 10.0)
    assert shop.run().ok
    land(shop, 10.0)
    run = shop.run()
    assert not run.ok
    assert run.checks["input_volume_drop"] == (False, "ERROR")
    assert baseline(run, "input_volume_drop") == 3.0
    assert baseline(run, f"input_{CHECK}") == 10.0
    names = {row.check_name for row in rows(shop, tables.metrics)}
    assert names == {"input_volume_drop", f"input_{CHECK}", CHECK}


def test_a_new_volume_drop_knows_the_rows_of_batches_before_it(shop: Shop) -> None:
    write(shop, "")
    land(shop, *[1.0] * 10)
    assert shop.run().ok
    write(shop, "{type: volume_drop}")
    land(shop, *[1.0] * 4)
    run = shop.run()
    assert not run.ok
    assert baseline(run, "volume_drop") == 10.0


def test_rows_of_the_input_are_not_those_that_were_published(shop: Shop) -> None:
    write(shop, "")
    land(shop, *[1.0] * 10)
    assert shop.run().ok
    write(shop, "", contracts="{type: volume_drop}")
    land(shop, 1.0)
    run = shop.run()
    assert run.ok
    assert baseline(run, "input_volume_drop") == "none"


def test_increments_are_not_compared_with_the_first_load(shop: Shop) -> None:
    write(shop, "{type: volume_drop}", mode=", mode: append", format="delta")
    land(shop, *[1.0] * 10)
    assert baseline(shop.run(), "volume_drop") == "none"
    land(shop, 1.0, 1.0, name="1", first=10)
    second = shop.run()
    assert second.ok, "two rows of a day are no drop from the ten of all days before"
    assert baseline(second, "volume_drop") == "none"
    land(shop, 1.0, 1.0, name="2", first=12)
    assert baseline(shop.run(), "volume_drop") == 2.0
    nothing_new = shop.run()
    assert not nothing_new.ok, "an increment of nothing is a drop"
    assert len(rows(shop, tables.batches)) == 3

    full = shop.run(tags={"odibi/full_refresh": "true"})
    assert full.ok
    assert baseline(full, "volume_drop") == 10.0, "the whole is compared with the whole"


def test_an_adopted_batch_is_no_baseline(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    write(shop, MEAN, mode=", mode: append", format="delta")
    land(shop, 10.0)
    with monkeypatch.context() as killed:
        killed.setattr(Session, "confirm", lambda *_, **__: 1 / 0)
        assert not shop.run().ok
    land(shop, 20.0, name="1", first=1)
    run = shop.run()
    assert run.ok
    assert baseline(run) == "none"
    adopted, published = rows(shop, tables.batches)
    assert (adopted.adopted, published.adopted) == (True, False)
    assert {row.number for row in rows(shop, tables.metrics)} == {published.number}


def test_what_another_try_published_is_no_baseline(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def adopt(self: Delta, *args: Any) -> Published:
        return replace(publish(self, *args), adopted=True)

    publish = Delta.publish
    monkeypatch.setattr(Delta, "publish", adopt)
    write(shop, MEAN, format="delta")
    land(shop, 10.0)
    assert shop.run().ok
    assert rows(shop, tables.metrics) == []


def test_a_reset_reads_anew_and_compares_with_the_load_before(shop: Shop) -> None:
    write(shop, "{type: volume_drop}", mode=", mode: append", format="delta")
    land(shop, *[1.0] * 10)
    assert shop.run().ok
    store = Store(f"sqlite:///{shop.root / '.dagster_home/storage/odibi_state.db'}")
    me = Identity("shop", "bronze", "orders")
    shutil.rmtree(shop.root / "lake/out")
    Admin(store, "shop", "cli:me").reset(me, None, in_target=0)
    land(shop, 1.0)
    run = shop.run()
    assert not run.ok
    assert baseline(run, "volume_drop") == 10.0

    Admin(store, "shop", "cli:me").forget(me)
    run = shop.run()
    assert run.ok
    assert baseline(run, "volume_drop") == "none"


def test_of_a_sensitive_column_no_number_is_shown(shop: Shop) -> None:
    write(shop, MEAN.replace("fail}", "warn}"))
    text = shop.config.read_text(encoding="utf-8")
    shop.config.write_text(
        text.replace("- name: orders\n", "- name: orders\n        sensitive: [fare]\n")
    )
    land(shop, 4242.0)
    assert shop.run().ok
    land(shop, 8787.0)
    run = shop.run()
    assert run.checks[CHECK] == (False, "WARN")
    (event,) = run.result.get_asset_check_evaluations()
    assert "4242" not in str(event)
    assert "8787" not in str(event)


def test_without_such_a_contract_nothing_is_remembered(shop: Shop) -> None:
    write(shop, "{type: not_null, columns: [id]}")
    land(shop, 10.0)
    assert shop.run().ok
    assert rows(shop, tables.metrics) == []
