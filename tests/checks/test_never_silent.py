"""What Odibi lets pass: thresholds, missing columns, other types, and reasons of other rows."""

from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw
import pytest

from odibi_dagster.checks.base import Column, contracts
from odibi_dagster.checks.split import split
from odibi_dagster.checks.tables import Tables
from tests.checks.frames import NAN, NOW, fetched, judged, make

TYPES = {"id": "int", "größe": "float"}
ROWS = [(1, 0.5), (2, -1.0), (3, None), (4, NAN)]


@pytest.mark.parametrize(
    ("threshold", "passed"),
    [(None, False), (0, False), (1, True), (0.25, True), ("25%", True), ("24.9%", False)],
)
def test_the_threshold_of_custom_sql_counts(engine, threshold, passed):
    rule = contracts["custom_sql"].model_validate(
        {"condition": "größe > 0", "threshold": threshold}, context={"dialect": "duckdb"}
    )

    (found,) = judged(make(engine, TYPES, ROWS), [rule], engine)

    assert (found.verdict.failed_rows, found.passed) == (1, passed)


GONE: list[tuple[str, dict[str, Any]]] = [
    ("not_null", {"columns": ["gone"]}),
    ("unique", {"columns": ["id", "gone"]}),
    ("accepted_values", {"column": "gone", "values": [1]}),
    ("range", {"column": "gone", "min": 0}),
    ("regex_match", {"column": "gone", "pattern": "x"}),
    ("custom_sql", {"condition": "gone > 0"}),
    ("freshness", {"column": "gone", "max_age": "1d"}),
    ("foreign_key", {"columns": ["gone"], "references": "$a.b"}),
]


@pytest.mark.parametrize("rows", [ROWS, []], ids=["rows", "no rows"])
@pytest.mark.parametrize(("kind", "params"), GONE, ids=[kind for kind, _ in GONE])
def test_a_missing_column_never_passes(engine, kind, params, rows):
    rule = contracts[kind].model_validate(
        {**params, "threshold": 3} if contracts[kind].row_level else params,
        context={"dialect": "duckdb"},
    )
    frame = make(engine, TYPES, rows)

    (found,) = judged(frame, [rule], engine, tables=Tables({"$a.b": frame}))

    assert found.verdict.error
    assert found.blocks
    assert "gone" in found.description


def test_a_missing_column_breaks_the_schema(engine):
    (found,) = judged(
        make(engine, TYPES, ROWS), [contracts["schema"]()], engine, declared={"gone": Column()}
    )
    assert not found.passed


def test_types_are_compared(engine):
    declared = {"id": Column(nw.String()), "größe": Column(nw.Float64())}
    (found,) = judged(make(engine, TYPES, ROWS), [contracts["schema"]()], engine, declared=declared)
    assert found.description == "column 'id' changed String -> Int64"


def test_a_reason_names_the_rules_of_that_row_alone(engine):
    rules = [
        contracts["not_null"](columns=["größe"], on_fail="quarantine"),
        contracts["range"](column="größe", min=0, max=9, on_fail="quarantine"),
    ]
    frame = make(engine, TYPES, ROWS)

    _, broken = split(
        frame,
        judged(frame, rules, engine),
        engine,
        add_columns=["_failed_tests"],
        batch="1",
        at=NOW,
        node="n",
    )

    assert {row["id"]: row["_failed_tests"] for row in fetched(engine, broken)} == {
        2: "range_gr_e",
        3: "not_null_gr_e",
        4: "range_gr_e",
    }
