"""The gate: rows that pass all tests, tests with a share of their own, and the number of rows."""

from __future__ import annotations

from typing import Any

import pytest

from odibi_dagster.checks.base import RowContract, contracts
from odibi_dagster.checks.gate import Gate
from odibi_dagster.checks.gate_config import ACTIONS, GateConfig
from odibi_dagster.checks.judge import remembered
from odibi_dagster.checks.observe import observe
from odibi_dagster.core.history import Past
from odibi_dagster.engines.base import get_engine
from odibi_dagster.engines.sql.query import Expression
from tests.checks.frames import NAN, NOW, fetched, judged, make

TYPES = {"id": "int", "größe ü": "float"}
WIDE = "größe ü"
NOT_NULL = contracts["not_null"](columns=[WIDE], on_fail="warn")
RANGE = contracts["range"](column=WIDE, min=0, on_fail="warn")
UNIQUE = contracts["unique"](columns=["id"], on_fail="warn")
SQL = contracts["custom_sql"](name="odd", condition="id % 2 = 1", on_fail="warn")
ROWS = [(1, 1.0), (2, None), (3, -1.0), (4, NAN), (5, 5.0), (5, 6.0), (7, 7.0), (9, 9.0)]
"""Null in 2; below 0 or NaN in 3 and 4; 5 is there twice; 2 and 4 are even."""


def gate(*rules: Any, **said: Any) -> Gate:
    config = GateConfig.model_validate(said)
    rows = tuple(rule for rule in rules if isinstance(rule, RowContract))
    return Gate(config=config, rules=rows, on_fail=ACTIONS[config.on_fail])


def judged_gate(engine, rows: Any, rules: Any, history: Any = (), **said: Any) -> Any:
    the_gate = gate(*rules, **said)
    frame = make(engine, TYPES, rows)
    found = judged(frame, [*rules, the_gate], engine, history={"gate": tuple(history)})
    return found[-1]


@pytest.mark.parametrize(
    ("rules", "failing"),
    [
        ([NOT_NULL], 1),
        ([RANGE], 2),
        ([UNIQUE], 2),
        ([NOT_NULL, RANGE], 3),
        ([NOT_NULL, RANGE, UNIQUE], 5),
        ([NOT_NULL, RANGE, SQL], 3),
        ([SQL, UNIQUE], 4),
    ],
)
def test_rows_that_pass_all_tests_and_not_the_mean_over_tests(engine, rules, failing):
    judgement = judged_gate(engine, ROWS, rules, require_pass_rate=(8 - failing) / 8)

    assert judgement.passed
    assert judgement.verdict.observed == (8 - failing) / 8
    assert judgement.metadata()["failed_rows"] == failing
    assert not judged_gate(engine, ROWS, rules, require_pass_rate=(8.5 - failing) / 8).passed


def test_nothing_passes_that_breaks_one_of_many_tests():
    """The mean over these tests would be 75 %."""
    engine = get_engine("polars")
    rules = [NOT_NULL, RANGE, UNIQUE, SQL]
    judgement = judged_gate(engine, [(2, -1.0), (2, None)], rules)
    assert judgement.verdict.observed == 0.0
    assert judgement.blocks
    assert judgement.description == "0% of 2 rows pass all tests; expected 95%"


@pytest.mark.parametrize("rules", [[], [NOT_NULL], [NOT_NULL, RANGE], [NOT_NULL, UNIQUE]])
def test_an_empty_batch_passes(engine, rules):
    judgement = judged_gate(engine, [], rules, require_pass_rate=1)
    assert judgement.passed
    assert judgement.verdict.observed == 1.0


def test_all_null(engine):
    rows = [(None, None)] * 4
    assert judged_gate(engine, rows, [UNIQUE, RANGE], require_pass_rate=1).passed
    assert (
        judged_gate(engine, rows, [UNIQUE, NOT_NULL], require_pass_rate=0.5).verdict.observed == 0
    )


def test_without_row_tests_it_says_that_nothing_was_judged_by_rows(engine):
    judgement = judged_gate(engine, ROWS, [contracts["row_count"](min=1)], require_pass_rate=1)
    assert judgement.passed
    assert judgement.description == "100% of 8 rows pass all tests (no test judges rows)"


@pytest.mark.parametrize(
    "broken",
    [
        contracts["not_null"](columns=["nope"], on_fail="warn"),
        contracts["regex_match"](column="id", pattern="1", on_fail="warn"),
        contracts["custom_sql"](condition="id + 1", on_fail="warn", name="sum"),
        contracts["custom_sql"](condition="nope > 1", on_fail="warn", name="gone"),
    ],
    ids=["column", "type", "condition", "column in SQL"],
)
@pytest.mark.parametrize("others", [[], [UNIQUE], [NOT_NULL]])
@pytest.mark.parametrize("action", list(ACTIONS))
def test_a_test_that_cannot_be_evaluated_never_passes(engine, broken, others, action):
    judgement = judged_gate(engine, ROWS, [*others, broken], require_pass_rate=0, on_fail=action)
    assert judgement.verdict.error
    assert not judgement.passed
    assert judgement.blocks is (action != "warn_and_write")
    assert "cannot be evaluated" in judgement.description


def test_a_value_that_cannot_be_cast_never_passes(engine):
    frame = make(engine, {"name": "text"}, [("1",), ("one",)])
    cast = contracts["custom_sql"](condition="cast(name as int) > 0", on_fail="warn", name="cast")
    for others in ([], [contracts["not_null"](columns=["name"])]):
        rules = [*others, cast]
        judgement = judged(frame, [*rules, gate(*rules, require_pass_rate=0)], engine)[-1]
        assert judgement.verdict.error
        assert judgement.blocks


@pytest.mark.parametrize(
    ("test", "least", "passed"),
    [
        ("not_null", 7 / 8, True),
        ("not_null", 0.9, False),
        ("not_null_größe_ü", 0.9, False),
        ("odd", 6 / 8, True),
        ("odd", 0.8, False),
        ("unique", "75%", True),
        ("unique", "76%", False),
    ],
)
def test_a_test_with_a_share_of_its_own(engine, test, least, passed):
    rules = [NOT_NULL, UNIQUE, SQL]
    name = NOT_NULL.check_name if test.startswith("not_null_") else test
    thresholds = [{"test": name, "min_pass_rate": least}]
    judgement = judged_gate(engine, ROWS, rules, require_pass_rate=0, thresholds=thresholds)
    assert judgement.passed is passed


def test_a_type_means_each_test_of_it():
    engine = get_engine("polars")
    ids = contracts["not_null"](columns=["id"])
    thresholds = [{"test": "not_null", "min_pass_rate": 0.99}]
    judgement = judged_gate(
        engine, ROWS, [ids, NOT_NULL], require_pass_rate=0, thresholds=thresholds
    )
    assert judgement.description == (
        f"87.5% of 8 rows pass all tests; 87.5% pass '{NOT_NULL.check_name}', expected 99%"
    )


@pytest.mark.parametrize(
    ("wanted", "passed"),
    [({"min": 8}, True), ({"min": 9}, False), ({"max": 8}, True), ({"max": 7}, False)],
)
def test_numbers_of_rows(engine, wanted, passed):
    judgement = judged_gate(engine, ROWS, [], row_count=wanted)
    assert judgement.passed is passed


def past(*rows: int) -> list[Past]:
    return [Past(len(rows) - place, NOW, count) for place, count in enumerate(rows)]


@pytest.mark.parametrize(
    ("before", "allowed", "passed", "baseline"),
    [
        ([10], 0.2, True, 10.0),
        ([10], "19%", False, 10.0),
        ([4], 1, True, 4.0),
        ([4], 0.99, False, 4.0),
        ([8], 0, True, 8.0),
        ([0, 100], 0.5, False, 100.0),
        ([0], 0.5, True, "none"),
        ([], 0.5, True, "none"),
        ([10, 1000], 0.2, True, 10.0),
    ],
)
def test_a_change_of_rows(engine, before, allowed, passed, baseline):
    judgement = judged_gate(
        engine, ROWS, [], past(*before), row_count={"change_threshold": allowed}
    )
    assert judgement.passed is passed
    assert judgement.metadata()["baseline"] == baseline


def test_it_remembers_rows_where_it_compares_them():
    engine = get_engine("polars")
    frame = make(engine, TYPES, ROWS)
    compares = gate(row_count={"change_threshold": 0.5})
    assert remembered(observe(frame, [compares], engine)) == {"gate": {"rows": 8.0}}
    assert remembered(observe(frame, [gate()], engine)) == {}


@pytest.mark.parametrize(
    ("action", "blocks", "severity", "does"),
    [
        ("abort", True, "ERROR", "nothing published"),
        ("warn_and_write", False, "WARN", "warned"),
        ("write_valid_only", False, "WARN", "quarantined"),
    ],
)
def test_what_a_broken_gate_does(engine, action, blocks, severity, does):
    judgement = judged_gate(engine, ROWS, [NOT_NULL, RANGE], on_fail=action)
    assert not judgement.passed
    assert (judgement.blocks, judgement.severity, judgement.action) == (blocks, severity, does)
    assert judgement.metadata()["on_fail"] == action


def test_valid_rows_only(engine):
    """The rows that break any test are set aside, each with the tests it broke."""
    from odibi_dagster.checks.split import split

    rules = [NOT_NULL, RANGE, UNIQUE]
    frame = make(engine, TYPES, ROWS)
    found = judged(frame, [*rules, gate(*rules, on_fail="write_valid_only")], engine)
    valid, broken = split(
        frame, found, engine, add_columns=["_failed_tests"], batch="1", at=NOW, node="n"
    )
    assert sorted(row["id"] for row in fetched(engine, valid)) == [1, 7, 9]
    assert sorted((row["id"], row["_failed_tests"]) for row in fetched(engine, broken)) == [
        (2, NOT_NULL.check_name),
        (3, RANGE.check_name),
        (4, RANGE.check_name),
        (5, UNIQUE.check_name),
        (5, UNIQUE.check_name),
    ]
    assert [judgement.action for judgement in found] == ["quarantined"] * 4


def test_a_gate_that_holds_sets_nothing_aside(engine):
    rules = [NOT_NULL, RANGE]
    said = gate(*rules, require_pass_rate=0.5, on_fail="write_valid_only")
    found = judged(make(engine, TYPES, ROWS), [*rules, said], engine)
    assert [judgement.action for judgement in found] == ["warned", "warned", "none"]


def test_too_few_rows_set_nothing_aside():
    engine = get_engine("polars")
    said = gate(row_count={"min": 100}, on_fail="write_valid_only")
    (judgement,) = judged(make(engine, TYPES, ROWS), [said], engine)
    assert (judgement.passed, judgement.action) == (False, "warned")


@pytest.mark.parametrize(
    "said",
    [
        {"require_pass_rate": 95},
        {"require_pass_rate": -0.1},
        {"require_pass_rate": 0.9, "min_pass_rate": 0.9},
        {"on_fail": "warn"},
        {"thresholds": [{"test": "unique"}]},
        {"row_count": {"min": 3, "max": 2}},
        {"row_count": {"change_threshold": "much"}},
    ],
)
def test_what_is_refused(said):
    with pytest.raises(ValueError, match="GateConfig"):
        GateConfig.model_validate(said)


def test_both_spellings_of_the_rate():
    assert GateConfig.model_validate({"min_pass_rate": "90%"}).require_pass_rate == 0.9
    assert GateConfig.model_validate({}).require_pass_rate == 0.95


def test_what_footers_know_is_not_read():
    from tests.checks.test_distribution import Known

    engine = get_engine("polars")
    rules = [contracts["not_null"](columns=["id"]), contracts["range"](column="id", min=0)]
    unread = make(engine, TYPES, [])
    seen = observe(unread, [*rules, gate(*rules)], engine, facts=Known())
    judgement = gate(*rules).judge(seen.of(2))
    assert (judgement.failed_rows, judgement.observed) == (1, 0.75)


def test_conditions_of_all_tests_are_one_look():
    assert isinstance(SQL.condition, Expression)
    assert gate(SQL, NOT_NULL).conditions() == SQL.conditions()
