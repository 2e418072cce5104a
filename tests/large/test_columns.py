"""2,000 columns: steps, a contract for each of them, metadata, and events that stay small."""

from __future__ import annotations

import json

import polars as pl
import pytest

from tests.large.support import MAX_EVENT, Large

COLUMNS = 2_000
NAMES = [f"measured_quantity_{number:04}" for number in range(COLUMNS)]
RULES = {"polars": COLUMNS, "spark": 150}
"""Contracts: Spark plans 2,000 aggregates for minutes."""
FORMATS = ["csv", "json", "parquet", "delta"]


def _frame(broken: bool = False) -> pl.DataFrame:
    rows = range(3)
    return pl.DataFrame(
        {name: [row * column - broken for row in rows] for column, name in enumerate(NAMES)}
    )


def _rules(number: int, **more: str) -> str:
    rules = [{"type": "range", "column": name, "min": 0, **more} for name in NAMES[-number:]]
    return f"validation: {{tests: {json.dumps(rules)}}}\n"


@pytest.mark.parametrize("format", FORMATS)
def test_they_are_read_changed_and_written(large: Large, format: str) -> None:
    large.land_frame(_frame(), format)
    renamed = {name: f"m{number}" for number, name in enumerate(NAMES[:-1])}
    step = {"function": "rename_columns", "params": {"mapping": renamed}}
    large.node(format, f"transform: {{steps: [{json.dumps(step)}]}}\n")
    run = large.run()
    assert run.ok, run.failures
    assert large.out(format).columns == [*renamed.values(), NAMES[-1]]
    assert large.out(format)["m7"].sort().to_list() == [0, 7, 14]
    metadata = run.metadata("bronze/wide")
    told = metadata["dagster/column_schema"].columns
    assert (len(told), metadata["columns_not_told"]) == (1_000, COLUMNS - 1_000)
    assert large.largest_event(run) < MAX_EVENT


def test_a_contract_for_each_of_them(large: Large) -> None:
    large.land_frame(_frame(broken=True), "parquet")
    rules = RULES[large.engine]
    large.node("parquet", _rules(rules, on_fail="warn"))
    run = large.run()
    assert run.ok, run.failures
    assert len(run.checks) == rules
    assert set(run.checks.values()) == {(False, "WARN")}
    first, last = (f"range_{name}" for name in (NAMES[-rules], NAMES[-1]))
    shown = run.check_metadata(first)["broken_rows"]
    assert NAMES[-rules] in shown and NAMES[1] in shown and NAMES[500] not in shown
    assert "broken_rows" not in run.check_metadata(last)  # after a hundred: each reads the data
    assert large.largest_event(run) < MAX_EVENT


def test_all_of_them_break_and_nothing_is_published(large: Large) -> None:
    large.land_frame(_frame(broken=True), "parquet")
    large.node("parquet", _rules(150))
    run = large.run()
    assert not run.ok and not (large.root / "lake/out").exists()
    assert "and 130 more" in run.failures[0]
    assert large.largest_event(run) < MAX_EVENT


def test_one_rule_over_all_of_them(large: Large) -> None:
    frame = _frame()
    large.land_frame(pl.concat([frame, frame.head(1)]), "parquet")
    unique = {"type": "unique", "columns": NAMES, "on_fail": "quarantine"}
    large.node("parquet", f"validation: {{tests: [{json.dumps(unique)}]}}\n")
    run = large.run()
    assert run.ok, run.failures
    (name,) = run.checks
    assert len(name) <= 128 and name.endswith("_more")
    assert (large.out("parquet").height, run.metadata("bronze/wide")["quarantined_rows"]) == (2, 2)
    assert large.largest_event(run) < MAX_EVENT


def test_missing_ones_are_hinted_at_ten_times(large: Large) -> None:
    large.land_frame(_frame(), "parquet")
    wrong = [name.replace("quantity", "quality") for name in NAMES]
    step = {"function": "drop_columns", "params": {"columns": wrong}}
    large.node("parquet", f"transform: {{steps: [{json.dumps(step)}]}}\n")
    run = large.run()
    (failure,) = run.failures
    assert failure.count("did you mean") == 10 and f"and {COLUMNS - 10:,} more" in failure
    assert large.largest_event(run) < MAX_EVENT
