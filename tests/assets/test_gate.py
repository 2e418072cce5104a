"""The gate, fail_fast and mode: warn, through Dagster: what is published, and what is said."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import dagster as dg
import polars as pl
import pytest

from tests.assets.support import Run, Shop

NODE = """
engine: {engine}
pipelines:
  - pipeline: bronze
    nodes:
      - name: orders
        read: {{connection: lake, format: parquet, path: in.parquet}}
        validation:
          tests: [{tests}]
          {more}
        write: {{connection: lake, format: parquet, path: out.parquet}}
"""
ROWS: dict[str, list[Any]] = {
    "id": [1, 2, 2, 4, 5],
    "v": [1.0, 2.0, 3.0, None, -5.0],
    "name": ["ä", "b", "c", "d", "e"],
}
TESTS = (
    "{type: unique, columns: [id], on_fail: warn}, "
    "{type: not_null, columns: [v], on_fail: warn}, "
    "{type: range, column: v, min: 0, on_fail: warn}"
)


def write(shop: Shop, more: str = "", tests: str = TESTS, engine: str = "polars") -> None:
    shop.write(NODE.format(tests=tests, more=more, engine=engine))


def land(shop: Shop, **columns: list[Any]) -> None:
    (shop.root / "lake").mkdir(exist_ok=True)
    pl.DataFrame({**ROWS, **columns}).write_parquet(shop.root / "lake/in.parquet")


def ids(shop: Shop, name: str = "out.parquet") -> list[int]:
    return sorted(shop.stored(name)["id"].to_list())


def said(run: Run, check: str) -> str:
    for event in run.result.get_asset_check_evaluations():
        if event.check_name == check:
            return str(event.description)
    raise KeyError(check)


def test_abort_publishes_nothing(shop: Shop) -> None:
    write(shop, "gate: {}")
    land(shop)
    run = shop.run()
    assert not run.ok
    assert not (shop.root / "lake/out.parquet").exists()
    assert run.checks["gate"] == (False, "ERROR")
    assert said(run, "gate") == "20% of 5 rows pass all tests; expected 95%"
    assert run.check_metadata("gate")["observed"] == 0.2
    assert "gate: 20% of 5 rows pass all tests; expected 95%" in run.failures[0]


def test_warn_and_write_publishes_all(shop: Shop) -> None:
    write(shop, "gate: {on_fail: warn_and_write}")
    land(shop)
    run = shop.run()
    assert run.ok
    assert run.checks["gate"] == (False, "WARN")
    assert ids(shop) == ROWS["id"]


@pytest.mark.parametrize("engine", ["polars", pytest.param("spark", marks=pytest.mark.spark)])
def test_write_valid_only_sets_the_others_aside(
    shop: Shop, engine: str, request: pytest.FixtureRequest
) -> None:
    if engine == "spark":
        request.getfixturevalue("_spark")
    write(shop, "gate: {on_fail: write_valid_only}", engine=engine)
    land(shop)
    run = shop.run()
    assert run.ok
    assert run.checks["gate"] == (False, "WARN")
    assert run.check_metadata("gate")["action"] == "quarantined"
    assert ids(shop) == [1]
    assert ids(shop, "out_error.parquet") == [2, 2, 4, 5]
    reasons = shop.stored("out_error.parquet").sort("id", "name")["_failed_tests"].to_list()
    assert reasons == ["unique_id", "unique_id", "not_null_v", "range_v"]
    assert run.metadata("bronze/orders")["quarantined_rows"] == 4


@pytest.mark.parametrize("engine", ["polars", pytest.param("spark", marks=pytest.mark.spark)])
def test_a_gate_over_tests_that_look_at_other_tables(
    shop: Shop, engine: str, request: pytest.FixtureRequest
) -> None:
    if engine == "spark":
        request.getfixturevalue("_spark")
    known = "{connection: lake, format: parquet, path: known.parquet}"
    tests = (
        f"{{type: foreign_key, columns: [name], references: {known}, on_fail: warn}}, "
        "{type: unique, columns: [id], on_fail: warn}"
    )
    write(shop, "gate: {on_fail: write_valid_only}", tests, engine)
    shop.config.write_text(
        shop.config.read_text().replace("path: out.parquet}", "path: out, mode: append}")
    )
    land(shop)
    pl.DataFrame({"name": ["ä", "b", "c", "e"]}).write_parquet(shop.root / "lake/known.parquet")
    first = shop.run()
    assert first.ok, first.failures
    assert ids(shop, "out") == [1, 5]
    assert said(first, "gate").startswith("40% of 5 rows pass all tests")

    land(shop, id=[5, 6, 7, 8, 9], name=["ä", "b", "c", "d", "e"])
    second = shop.run()
    assert said(second, "gate").startswith("60% of 5 rows pass all tests")
    assert ids(shop, "out") == [1, 5, 6, 7, 9], "5 is stored already, and nobody knows d"


def test_a_gate_that_holds_publishes_what_only_warned(shop: Shop) -> None:
    write(shop, "gate: {require_pass_rate: 0.2, on_fail: write_valid_only}")
    land(shop)
    run = shop.run()
    assert run.ok
    assert run.checks["gate"] == (True, "WARN")
    assert ids(shop) == ROWS["id"]
    assert ids(shop, "out_error.parquet") == []


def test_rows_are_judged_before_any_is_set_aside(shop: Shop) -> None:
    """Odibi judges the rows that are left: of those all pass."""
    write(shop, "gate: {}", "{type: not_null, columns: [v], on_fail: quarantine}")
    land(shop)
    run = shop.run()
    assert not run.ok
    assert said(run, "gate") == "80% of 5 rows pass all tests; expected 95%"


def test_without_tests_that_quarantine_it_is_not_100_percent(shop: Shop) -> None:
    write(shop, "gate: {}", "{type: not_null, columns: [v], on_fail: warn}")
    land(shop)
    assert not shop.run().ok


def test_the_change_of_rows_has_an_effect(shop: Shop) -> None:
    """2 to 5 rows with a limit of 10 %: Odibi lets it pass."""
    write(shop, "gate: {row_count: {change_threshold: 0.1}}", "")
    land(shop, id=[1, 2], v=[1.0, 2.0], name=["a", "b"])
    first = shop.run()
    assert first.ok
    assert first.check_metadata("gate")["baseline"] == "none"
    land(shop)
    second = shop.run()
    assert not second.ok
    assert second.check_metadata("gate")["baseline"] == 2.0
    assert "+150.0000% rows from 2 (batch 1," in said(second, "gate")
    assert not shop.run().ok, "a run that was refused is no baseline"
    assert ids(shop) == [1, 2]


@pytest.mark.parametrize("tests", [TESTS, "{type: not_null, columns: [v], on_fail: warn}"])
def test_the_gate_alone_judges_what_is_stored(shop: Shop, tests: str) -> None:
    write(shop, "gate: {on_fail: warn_and_write}", tests)
    land(shop)
    assert shop.run().ok
    key = dg.AssetCheckKey(dg.AssetKey(["bronze", "orders"]), "gate")
    run = shop.run(dg.AssetSelection.checks(key))
    assert run.ok
    assert run.checks == {"gate": (False, "WARN")}
    assert run.check_metadata("gate")["failed_rows"] == (4 if tests == TESTS else 1)


def test_fail_fast_skips_what_comes_after_the_first_that_blocks(shop: Shop) -> None:
    tests = (
        "{type: range, column: v, min: 0, on_fail: warn}, {type: not_null, columns: [v]}, "
        "{type: row_count, min: 1}, {type: unique, columns: [id], on_fail: warn}"
    )
    write(shop, "fail_fast: true\n          gate: {}", tests)
    land(shop)
    run = shop.run()
    assert not run.ok
    assert run.checks == {
        "range_v": (False, "WARN"),
        "not_null_v": (False, "ERROR"),
        "row_count": (False, "ERROR"),
        "unique_id": (False, "WARN"),
        "gate": (False, "ERROR"),
    }
    for skipped in ("row_count", "unique_id", "gate"):
        assert said(run, skipped) == "skipped, because 'not_null_v' failed first"
        assert run.check_metadata(skipped)["action"] == "skipped"
    assert "skipped" not in run.failures[0]


def test_fail_fast_skips_nothing_where_nothing_blocks(shop: Shop) -> None:
    write(shop, "fail_fast: true")
    land(shop)
    run = shop.run()
    assert run.ok
    assert not any("skipped" in said(run, check) for check in run.checks)


EVERY = {
    "not_null": "{type: not_null, columns: [v]}",
    "unique": "{type: unique, columns: [id]}",
    "range": "{type: range, column: v, min: 0}",
    "accepted_values": "{type: accepted_values, column: name, values: [z]}",
    "regex_match": "{type: regex_match, column: name, pattern: ^z}",
    "custom_sql": "{type: custom_sql, name: sql, condition: id > 2}",
    "row_count": "{type: row_count, max: 1}",
    "volume_drop": "{type: volume_drop, threshold: 0}",
    "freshness": "{type: freshness, column: at, max_age: 30s}",
    "schema": "{type: schema}",
    "distribution": "{type: distribution, column: v, metric: max, threshold: '>9', on_fail: fail}",
    "missing": "{type: not_null, columns: [nope]}",
    "gate": "",
}


@pytest.mark.parametrize("kind", list(EVERY))
@pytest.mark.parametrize("mode", ["fail", "warn"])
def test_mode_warn_publishes_whatever_is_broken(shop: Shop, kind: str, mode: str) -> None:
    at = [datetime(2001, 1, 1)] * 6
    land(shop, **{name: [*values, values[-1]] for name, values in ROWS.items()}, at=at, old=[1] * 6)
    write(shop, tests="")
    assert shop.run().ok, "so that volume_drop and schema have something to compare with"
    land(shop, at=at[:5])
    tests = EVERY[kind] or "{type: not_null, columns: [v], on_fail: warn}"
    write(shop, f"mode: {mode}" + ("\n          gate: {}" if kind == "gate" else ""), tests)

    run = shop.run()

    assert run.ok is (mode == "warn")
    (check,) = [name for name in run.checks if name == "gate"] or run.checks
    assert run.checks[check] == (False, "WARN" if mode == "warn" else "ERROR")
    assert shop.stored("out.parquet").height == (5 if mode == "warn" else 6)


def test_under_mode_warn_nothing_about_a_quarantine_blocks(shop: Shop) -> None:
    """Neither more broken rows than its threshold, nor that a rule cannot be evaluated."""
    tests = (
        "{type: range, column: v, min: 0, on_fail: quarantine, threshold: 0}, "
        "{type: not_null, columns: [nope], on_fail: quarantine}"
    )
    write(shop, "mode: warn", tests)
    land(shop)
    run = shop.run()
    assert run.ok
    assert run.checks == {"range_v": (False, "WARN"), "not_null_nope": (False, "WARN")}
    assert "cannot be evaluated" in said(run, "not_null_nope")
    assert (ids(shop), ids(shop, "out_error.parquet")) == ([1, 2, 2, 4], [5])
