"""Texts of 10 MB: in every format, in contracts that quote values, and in errors."""

from __future__ import annotations

import json

import polars as pl
import pytest

from tests.large.support import MAX_EVENT, Large

LENGTH = 10_000_000
TEXT = "long 'text' with a \"quote\", " * (LENGTH // 28)
DIGITS = "9" * LENGTH
FORMATS = ["csv", "json", "parquet", "delta"]


def _frame(*texts: str | None) -> pl.DataFrame:
    return pl.DataFrame({"id": range(len(texts)), "text": texts})


@pytest.mark.parametrize("format", FORMATS)
def test_they_are_read_judged_and_written(large: Large, format: str) -> None:
    large.land_frame(_frame("short", TEXT), format)
    rules = [
        {"type": "regex_match", "column": "text", "pattern": "^short"},
        {"type": "accepted_values", "column": "text", "values": ["short"]},
        {"type": "custom_sql", "condition": "LENGTH(text) < 10"},
    ]
    tests = json.dumps([{**rule, "on_fail": "quarantine"} for rule in rules])
    large.node(format, f"validation: {{tests: {tests}}}\n")
    run = large.run()
    assert run.ok, run.failures
    assert large.out(format)["text"].to_list() == ["short"]
    assert run.metadata("bronze/wide")["quarantined_rows"] == 1
    rejected = large.stored_by(format, "out_error")
    assert rejected["text"].to_list() == [TEXT]
    assert large.largest_event(run) < MAX_EVENT


@pytest.mark.parametrize("format", FORMATS)
def test_one_that_is_no_number_is_quoted_in_short(large: Large, format: str) -> None:
    large.land_frame(_frame("1", DIGITS + "x"), format)
    step = "{function: cast_columns, params: {casts: {text: int}}}"
    large.node(format, f"transform: {{steps: [{step}]}}\n")
    run = large.run()
    (failure,) = run.failures
    assert "999" in failure and len(failure) < 100_000
    assert large.largest_event(run) < MAX_EVENT


def test_digits_without_end_stay_text(large: Large) -> None:
    """As a number it would be infinite, and lose all of its digits."""
    large.land_frame(_frame("1", DIGITS), "csv")
    large.node("csv")
    assert large.run().ok
    assert (large.root / "lake/out").read_text("utf-8").endswith(f"1,{DIGITS}\n")


def test_one_names_no_folder(large: Large) -> None:
    large.land_frame(_frame("short", TEXT), "parquet")
    large.node("parquet", write=", partition_by: [text]")
    run = large.run()
    # Spark keeps the reason to its workers' log
    said = {"polars": "longer than the 255 bytes", "spark": "TASK_WRITE_FAILED"}
    assert said[large.engine] in run.failures[0]
    assert not (large.root / "lake/out").exists()
    assert large.largest_event(run) < MAX_EVENT
