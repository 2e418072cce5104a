"""The population stability index, against figures worked out by hand."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import pytest

from odibi_dagster.checks.base import contracts
from odibi_dagster.engines.base import get_engine
from tests.checks.frames import NAN, judged, make, published

PSI = contracts["distribution"](column="x", metric="psi")
LEAST = 1e-4


def term(now: float, then: float) -> float:
    now, then = max(now, LEAST), max(then, LEAST)
    return (now - then) * math.log(now / then)


def column(engine, kind: str, values: Any) -> Any:
    return make(engine, {"x": kind}, [(value,) for value in values])


def compared(engine, kind: str, then: Any, now: Any, contract: Any = PSI) -> Any:
    history = published([column(engine, kind, then)], contract, engine)
    (judgement,) = judged(column(engine, kind, now), [contract], engine, history=history)
    return judgement


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("int", [*range(100), None]),
        ("int", [0] * 60 + [*range(40)]),
        ("float", [0.1, 0.2, NAN, None, -0.0]),
        ("text", ["a", "b", "b", None, "日本", "x" * 5000]),
        ("bool", [True, False, None]),
        ("float", [None, None]),
        ("int", [7]),
    ],
)
def test_the_same_data_again_is_stable(engine, kind, values):
    judgement = compared(engine, kind, values, values)
    assert judgement.passed
    assert judgement.verdict.observed == 0.0
    assert judgement.verdict.extra["baseline_of"].startswith("batch 1, ")


def test_numbers_go_into_the_deciles_of_then(engine):
    now = [value for value in range(100) for _ in range(3 if value < 10 else 1)]
    judgement = compared(engine, "int", range(100), now)
    expected = term(30 / 120, 0.1) + 9 * term(10 / 120, 0.1)
    assert judgement.verdict.observed == pytest.approx(expected)
    assert judgement.passed is (expected < 0.2)


def test_text_goes_into_its_most_frequent_values(engine):
    judgement = compared(engine, "text", ["a"] * 90 + ["b"] * 10, ["a"] * 50 + ["c"] * 50)
    expected = term(0.5, 0.9) + term(0, 0.1) + term(0.5, 0)
    assert judgement.verdict.observed == pytest.approx(expected)
    assert not judgement.passed
    assert judgement.severity == "WARN"


def test_of_many_values_the_rest_is_one_bin(engine):
    then = [f"v{i:03}" for i in range(100) for _ in range(100 - i)]
    shuffled = [f"v{i:03}" for i in range(20) for _ in range(100 - i)] + ["new"] * (80 * 81 // 2)
    assert compared(engine, "text", then, shuffled).verdict.observed == pytest.approx(0.0)


def test_null_and_nan_are_bins_of_their_own(engine):
    judgement = compared(engine, "float", [1.0] * 10, [1.0] * 8 + [None, NAN])
    expected = term(0.8, 1) + 2 * term(0.1, 0)
    assert judgement.verdict.observed == pytest.approx(expected)


def test_values_after_nulls_alone(engine):
    judgement = compared(engine, "int", [None] * 4, [1, 2, 3, 4])
    assert judgement.verdict.observed == pytest.approx(2 * term(1, 0))


def test_booleans(engine):
    judgement = compared(engine, "bool", [True] * 5 + [False] * 5, [True] * 9 + [False])
    assert judgement.verdict.observed == pytest.approx(term(0.9, 0.5) + term(0.1, 0.5))


def test_the_first_run_passes_and_says_so(engine):
    (judgement,) = judged(column(engine, "int", [1]), [PSI], engine)
    assert judgement.passed
    assert judgement.metadata()["baseline"] == "none"
    assert "observed" not in judgement.metadata()


def test_an_empty_frame_is_broken_and_no_baseline(engine):
    assert not compared(engine, "text", ["a"], []).passed
    assert compared(engine, "text", [], ["a"]).metadata()["baseline"] == "none"
    assert compared(engine, "text", [], []).passed


def test_a_column_that_became_text_has_no_baseline(engine):
    history = published([column(engine, "int", [1, 2])], PSI, engine)
    (judgement,) = judged(column(engine, "text", ["1", "2"]), [PSI], engine, history=history)
    assert judgement.verdict.extra == {"baseline": "none"}


def test_dates_cannot_be_evaluated(engine):
    (judgement,) = judged(column(engine, "date", [date(2024, 1, 1)]), [PSI], engine)
    assert judgement.verdict.error


def test_no_text_is_remembered(engine):
    (past,) = published([column(engine, "text", ["secret"])], PSI, engine)[PSI.check_name]
    assert "secret" not in str(past)
    assert any(name.startswith("value ") for name in past.metrics)


def test_names_fit_into_the_table():
    engine, name = get_engine("polars"), "ü" * 128
    contract = contracts["distribution"](column=name, metric="psi")
    history = published([make(engine, {name: "int"}, [(1,)])], contract, engine)
    (past,) = history[contract.check_name]
    assert max(map(len, past.metrics)) <= 64


def test_what_a_first_run_says():
    engine = get_engine("polars")
    (judgement,) = judged(column(engine, "int", [1]), [PSI], engine)
    assert judgement.description == "psi of 'x' needs an earlier run; baseline: none"
