"""Odibi's matrices of contracts and quarantines, at the level of checks.

Five rows, as pandas reads them from CSV. Where Odibi's behaviour differs from its documentation
(thresholds ignored, a null age quarantined, every rule named for every row) the documentation wins.
"""

from __future__ import annotations

import pytest

from odibi_dagster.checks.base import Column, contracts
from odibi_dagster.checks.split import limit_broken, split
from tests.checks.frames import NOW, fetched, judged, make

TYPES = {
    "id": "int",
    "name": "text",
    "age": "float",
    "email": "text",
    "status": "text",
    "amt": "float",
    "created": "text",
    "updated": "text",
}
ROWS = [
    (1, "A", 30.0, "a@x.com", "active", 10.0, "2024-01-01", "2024-01-02"),
    (2, None, 40.0, "b@x.com", "inactive", 20.0, "2024-01-01", "2024-01-02"),
    (3, "C", -5.0, "bad", "active", 30.0, "2024-01-03", "2024-01-02"),
    (3, "D", 200.0, "d@x.com", "weird", None, "2024-01-01", "2024-01-02"),
    (5, "E", None, "e@x.com", None, 50.0, "2024-01-01", "2024-01-02"),
]
DECLARED = {name: Column() for name in TYPES if name != "updated"}
EMAIL = "^[^@]+@[^@]+$"
NAMED_STATUS = {"column": "status", "values": ["active", "inactive"]}

MATRIX = [
    ("not_null", {"columns": ["name"]}, False),
    ("not_null", {"columns": ["id", "name", "age"]}, False),
    ("not_null", {"columns": ["nope"]}, False),
    ("unique", {"columns": ["id"]}, False),
    ("unique", {"columns": ["id", "name"]}, True),
    ("accepted_values", NAMED_STATUS, False),
    ("range", {"column": "age", "min": 0, "max": 150}, False),
    ("range", {"column": "amt", "min": 15}, False),
    ("regex_match", {"column": "email", "pattern": EMAIL}, False),
    ("row_count", {"min": 10}, False),
    ("row_count", {"min": 1, "max": 5}, True),
    ("custom_sql", {"condition": "created <= updated"}, False),
    ("custom_sql", {"condition": "created <= updated", "threshold": 0.5}, True),
    ("schema", {"strict": True}, False),
    ("schema", {"strict": False}, True),
    ("freshness", {"column": "updated", "max_age": "24h"}, False),
    ("freshness", {"column": "updated", "max_age": "99999d"}, True),
]


def test_the_matrix_of_contracts(engine):
    rules = [contracts[kind](name=f"{kind}_{i}", **p) for i, (kind, p, _) in enumerate(MATRIX)]

    judgements = judged(make(engine, TYPES, ROWS), rules, engine, declared=DECLARED)

    assert [j.passed for j in judgements] == [passed for _, _, passed in MATRIX]
    assert [j.blocks for j in judgements] == [not passed for _, _, passed in MATRIX]


def test_a_warning_lets_the_rows_through(engine):
    rule = contracts["not_null"](columns=["name"], on_fail="warn")

    (judgement,) = judged(make(engine, TYPES, ROWS), [rule], engine)

    assert (judgement.passed, judgement.blocks, judgement.severity) == (False, False, "WARN")


NOT_NULL = ("not_null", {"columns": ["name"]})
RANGE = ("range", {"column": "age", "min": 0, "max": 150})
REGEX = ("regex_match", {"column": "email", "pattern": EMAIL})
UNIQUE = ("unique", {"columns": ["id"]})

QUARANTINES = [
    ([NOT_NULL], {(2, None): "not_null_name"}),
    (
        [("not_null", {"columns": ["id", "name", "age"]})],
        {(2, None): "not_null_id_name_age", (5, "E"): "not_null_id_name_age"},
    ),
    ([UNIQUE], {(3, "C"): "unique_id", (3, "D"): "unique_id"}),
    ([("unique", {"columns": ["id", "name"]})], {}),
    (
        [("accepted_values", NAMED_STATUS)],
        {(3, "D"): "accepted_values_status", (5, "E"): "accepted_values_status"},
    ),
    ([RANGE], {(3, "C"): "range_age", (3, "D"): "range_age"}),
    ([REGEX], {(3, "C"): "regex_match_email"}),
    ([("custom_sql", {"name": "dates", "condition": "created <= updated"})], {(3, "C"): "dates"}),
    (
        [("not_null", {"columns": ["name"], "name": "name_required"}), RANGE, REGEX],
        {
            (2, None): "name_required",
            (3, "C"): "range_age,regex_match_email",
            (3, "D"): "range_age",
        },
    ),
]


@pytest.mark.parametrize(("rules", "rejected"), QUARANTINES)
def test_the_matrix_of_quarantines(engine, rules, rejected):
    frame = make(engine, TYPES, ROWS)
    rules = [contracts[kind](on_fail="quarantine", **params) for kind, params in rules]
    judgements = judged(frame, rules, engine)
    columns = ["_rejection_reason", "_failed_tests"]

    valid, broken = split(
        frame, judgements, engine, add_columns=columns, batch="b", at=NOW, node="main/q"
    )

    rows = fetched(engine, broken)
    assert {(row["id"], row["name"]): row["_failed_tests"] for row in rows} == rejected
    assert all(
        row["_rejection_reason"] == f"Failed: {row['_failed_tests'].replace(',', ', ')}"
        for row in rows
    )
    assert len(fetched(engine, valid)) + len(rows) == len(ROWS)


def test_max_rows_keeps_what_was_judged_apart_from_what_is_stored(engine):
    frame = make(engine, TYPES, ROWS)
    rules = [contracts[kind](on_fail="quarantine", **params) for kind, params in (RANGE, UNIQUE)]
    judgements = judged(frame, rules, engine)

    valid, broken = split(
        frame, judgements, engine, add_columns=[], batch="b", at=NOW, node="main/q"
    )

    assert (len(fetched(engine, valid)), len(fetched(engine, broken))) == (3, 2)
    assert len(fetched(engine, limit_broken(broken, max_rows=1))) == 1


def test_a_failing_rule_beside_a_quarantine_publishes_nothing(engine):
    rules = [
        contracts["range"](column="age", min=0, max=150, on_fail="quarantine"),
        contracts["not_null"](columns=["name"]),
    ]

    judgements = judged(make(engine, TYPES, ROWS), rules, engine)

    assert [j.quarantines for j in judgements] == [True, False]
    assert any(j.blocks for j in judgements)
