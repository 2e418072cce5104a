"""Every row is published or broken, and a broken row says which rules it broke."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from odibi_dagster.checks.base import contracts
from odibi_dagster.checks.split import QUARANTINE_COLUMNS, broken_rows, limit_broken, split
from odibi_dagster.engines.base import get_engine
from odibi_dagster.errors import SchemaContractError
from tests.checks.frames import NAN, fetched, judged, make

AT = datetime(2024, 1, 1, 13, 0, tzinfo=timezone(timedelta(hours=1)))
TYPES = {"id": "int", "name": "text", "age": "float"}
ROWS = [
    (1, "A", 30.0),
    (2, None, 40.0),
    (3, "C", -5.0),
    (3, "dd", 200.0),
    (None, "E", None),
    (None, "F", NAN),
]


def rules(on_fail: str = "quarantine") -> list:
    return [
        contracts["not_null"](columns=["name"], on_fail=on_fail),
        contracts["unique"](columns=["id"], on_fail=on_fail),
        contracts["range"](column="age", min=0, max=150, on_fail=on_fail),
        contracts["regex_match"](column="name", pattern="^[A-Z]$", name="upper", on_fail=on_fail),
    ]


def parted(engine, frame, contracts_, add_columns=QUARANTINE_COLUMNS):
    return split(
        frame,
        judged(frame, contracts_, engine),
        engine,
        add_columns=add_columns,
        batch="batch-1",
        at=AT,
        node="silver/flights",
    )


def test_each_broken_row_names_the_rules_that_it_broke(engine):
    valid, broken = parted(engine, make(engine, TYPES, ROWS), rules())

    assert sorted(fetched(engine, valid), key=lambda row: row["name"]) == [
        {"id": 1, "name": "A", "age": 30.0},
        {"id": None, "name": "E", "age": None},
    ]
    rows = fetched(engine, broken)
    assert {(row["id"], row["name"]): row["_failed_tests"] for row in rows} == {
        (2, None): "not_null_name",
        (3, "C"): "unique_id,range_age",
        (3, "dd"): "unique_id,range_age,upper",
        (None, "F"): "range_age",
    }
    assert {row["_rejection_reason"] for row in rows} == {
        "Failed: not_null_name",
        "Failed: unique_id, range_age",
        "Failed: unique_id, range_age, upper",
        "Failed: range_age",
    }
    assert {row["_rejected_at"] for row in rows} == {"2024-01-01T12:00:00+00:00"}
    assert {row["_source_batch_id"] for row in rows} == {"batch-1"}
    assert {row["_original_node"] for row in rows} == {"silver/flights"}
    assert list(rows[0]) == [*TYPES, *QUARANTINE_COLUMNS]


def test_only_the_wanted_columns_are_added(engine):
    _, broken = parted(engine, make(engine, TYPES, ROWS), rules(), add_columns=["_failed_tests"])

    assert broken.collect_schema().names() == [*TYPES, "_failed_tests"]


@pytest.mark.parametrize("on_fail", ["fail", "warn"])
def test_rules_that_do_not_quarantine_part_nothing(engine, on_fail):
    valid, broken = parted(engine, make(engine, TYPES, ROWS), rules(on_fail))

    assert len(fetched(engine, valid)) == len(ROWS)
    assert fetched(engine, broken) == []
    assert broken.collect_schema().names() == [*TYPES, *QUARANTINE_COLUMNS]


def test_a_rule_over_its_threshold_takes_no_part():
    engine = get_engine("polars")
    over = contracts["not_null"](columns=["name"], on_fail="quarantine", threshold=0)

    valid, broken = parted(engine, make(engine, TYPES, ROWS), [over])

    assert (len(fetched(engine, valid)), fetched(engine, broken)) == (len(ROWS), [])


def test_all_rows_may_be_broken(engine):
    rule = contracts["accepted_values"](column="name", values=["nobody"], on_fail="quarantine")

    valid, broken = parted(engine, make(engine, TYPES, ROWS), [rule])

    assert (fetched(engine, valid), len(fetched(engine, broken))) == ([], len(ROWS))


def test_a_column_that_would_be_overwritten_is_an_error():
    engine = get_engine("polars")
    frame = make(engine, {"_failed_tests": "text"}, [("x",)])

    with pytest.raises(SchemaContractError, match=r"'_failed_tests'.*add_columns"):
        parted(engine, frame, [])


NUMBERS = st.none() | st.integers(-3, 3)
FLOATS = st.none() | st.floats(-200, 200) | st.sampled_from([NAN, float("inf"), 0.0, -0.0])
WORDS = st.none() | st.sampled_from(["A", "B", "ä", "", "日本", "a\n"])


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(NUMBERS, WORDS, FLOATS), max_size=12))
def test_published_and_broken_are_what_was_judged(rows):
    engine = get_engine("polars")
    frame = make(engine, TYPES, rows)

    valid, broken = parted(engine, frame, rules())

    published, rejected = fetched(engine, valid), fetched(engine, broken)
    both = published + [{name: row[name] for name in TYPES} for row in rejected]
    assert sorted(map(str, both)) == sorted(str(dict(zip(TYPES, row, strict=True))) for row in rows)
    for judgement in judged(valid, rules(), engine):
        assert judgement.passed
    for judgement in judged(frame, rules(), engine):
        counted = [r for r in rejected if judgement.check_name in r["_failed_tests"].split(",")]
        assert len(counted) == judgement.verdict.failed_rows


def test_valid_rows_keep_their_order():
    engine = get_engine("polars")
    rows = [(i * 7919 % 5003, "A", 1.0) for i in range(5003)] + [(1, "A", 1.0), (1, "A", 1.0)]

    valid, _ = parted(engine, make(engine, TYPES, rows), rules())

    kept = [row["id"] for row in fetched(engine, valid)]
    assert kept == [row[0] for row in rows if row[0] != 1]


def test_broken_rows_are_plain_and_masked(engine):
    types = {**TYPES, "at": "date"}
    frame = make(engine, types, [(*row, AT.date()) for row in ROWS])
    judgements = judged(frame, rules(), engine)

    shown = broken_rows(frame, judgements[2], engine, mask=["name"])

    assert sorted(str(row["age"]) for row in shown) == ["-5.0", "200.0", "nan"]
    assert {row["name"] for row in shown} == {"[masked]"}
    assert {row["at"] for row in shown} == {"2024-01-01"}
    assert len(broken_rows(frame, judgements[2], engine, limit=1)) == 1


def test_rows_are_shown_only_for_broken_row_rules():
    engine = get_engine("polars")
    frame = make(engine, TYPES, ROWS)
    nan = contracts["range"](column="age", min=-1000, max=1000)
    missing = contracts["not_null"](columns=["nope"])
    whole = contracts["row_count"](min=100)

    judgements = judged(frame, [missing, whole, nan], engine)

    assert [len(broken_rows(frame, judgement, engine)) for judgement in judgements] == [0, 0, 1]


@pytest.mark.parametrize(
    ("max_rows", "fraction", "kept"),
    [(None, None, 10), (3, None, 3), (99, None, 10), (0, None, 0), (None, 0.25, 3)],
)
def test_a_sample_of_the_broken_rows(engine, max_rows, fraction, kept):
    # the first two columns hold equal values: only all of them together fix the order
    rows = [(None if i % 2 else 5, "x", float(i * 7 % 10)) for i in range(10)]
    frame, again = make(engine, TYPES, rows), make(engine, TYPES, rows[::-1])

    first = fetched(engine, limit_broken(frame, max_rows, fraction))
    second = fetched(engine, limit_broken(again, max_rows, fraction))

    assert len(first) == kept
    assert sorted(row["age"] for row in first) == sorted(row["age"] for row in second)


@pytest.mark.parametrize(
    ("fraction", "kept"), [(0.0, 0), (0.001, 1), (0.3, 3), (0.5, 5), (1.0, 10)]
)
def test_the_share_of_a_sample(fraction, kept):
    engine = get_engine("polars")
    frame = make(engine, {"x": "int"}, [(i,) for i in range(10)])

    assert len(fetched(engine, limit_broken(frame, None, fraction))) == kept
    assert len(fetched(engine, limit_broken(frame, 2, fraction))) == min(kept, 2)
