"""2,000 columns: steps, a contract for each of them, metadata, and events that stay small."""

from __future__ import annotations

import json

import polars as pl
import pytest

from tests.large.support import MAX_EVENT, Large

COLUMNS = {"polars": 2_000, "spark": 60}
"""Spark plans thousands of columns, and of aggregates, for minutes: it is tried that it works."""
FORMATS = ["csv", "json", "parquet", "delta"]


def _names(large: Large) -> list[str]:
    return [f"measured_quantity_{number:04}" for number in range(COLUMNS[large.engine])]


def _frame(names: list[str], broken: bool = False) -> pl.DataFrame:
    rows = range(3)
    return pl.DataFrame(
        {name: [row * column - broken for row in rows] for column, name in enumerate(names)}
    )


def _rules(names: list[str], **more: str) -> str:
    rules = [{"type": "range", "column": name, "min": 0, **more} for name in names]
    return f"validation: {{tests: {json.dumps(rules)}}}\n"


@pytest.mark.parametrize("format", FORMATS)
def test_they_are_read_changed_and_written(large: Large, format: str) -> None:
    names = _names(large)
    large.land_frame(_frame(names), format)
    renamed = {name: f"m{number}" for number, name in enumerate(names[:-1])}
    step = {"function": "rename_columns", "params": {"mapping": renamed}}
    large.node(format, f"transform: {{steps: [{json.dumps(step)}]}}\n")
    run = large.run()
    assert run.ok, run.failures
    assert large.out(format).columns == [*renamed.values(), names[-1]]
    assert large.out(format)["m7"].sort().to_list() == [0, 7, 14]
    metadata = run.metadata("bronze/wide")
    assert len(metadata["dagster/column_schema"].columns) == min(len(names), 1_000)
    assert metadata.get("columns_not_told", 0) == max(len(names) - 1_000, 0)
    assert large.largest_event(run) < MAX_EVENT


def test_a_contract_for_each_of_them(large: Large) -> None:
    names = _names(large)
    large.land_frame(_frame(names, broken=True), "parquet")
    large.node("parquet", _rules(names, on_fail="warn"))
    run = large.run()
    assert run.ok, run.failures
    assert len(run.checks) == len(names)
    assert set(run.checks.values()) == {(False, "WARN")}
    told = [run.check_metadata(f"range_{name}").get("broken_rows") for name in names]
    assert names[0] in told[0] and names[30] in told[50] and names[50] in told[50]
    assert names[45] not in told[50]  # forty columns of a row, those of the rule first
    assert [place for place, rows in enumerate(told) if not rows] == list(range(100, len(names)))
    assert large.largest_event(run) < MAX_EVENT


def test_all_of_them_break_and_nothing_is_published(large: Large) -> None:
    names = _names(large)
    large.land_frame(_frame(names, broken=True), "parquet")
    large.node("parquet", _rules(names[:60]))
    run = large.run()
    assert not run.ok and not (large.root / "lake/out").exists()
    assert "and 40 more" in run.failures[0]
    assert large.largest_event(run) < MAX_EVENT


def test_one_rule_over_two_hundred_of_them(large: Large) -> None:
    names = _names(large)
    frame = _frame(names)
    large.land_frame(pl.concat([frame, frame.head(1)]), "parquet")
    unique = {"type": "unique", "columns": names[:200], "on_fail": "quarantine"}
    large.node("parquet", f"validation: {{tests: [{json.dumps(unique)}]}}\n")
    run = large.run()
    assert run.ok, run.failures
    (name,) = run.checks
    assert len(name) <= 128 and name.endswith("_more")
    assert (large.out("parquet").height, run.metadata("bronze/wide")["quarantined_rows"]) == (2, 2)
    assert large.largest_event(run) < MAX_EVENT


def test_missing_ones_are_hinted_at_ten_times(large: Large) -> None:
    names = _names(large)
    large.land_frame(_frame(names), "parquet")
    wrong = [name.replace("quantity", "quality") for name in names]
    step = {"function": "drop_columns", "params": {"columns": wrong}}
    large.node("parquet", f"transform: {{steps: [{json.dumps(step)}]}}\n")
    run = large.run()
    (failure,) = run.failures
    assert failure.count("did you mean") == 10 and f"and {len(names) - 10:,} more" in failure
    assert large.largest_event(run) < MAX_EVENT
