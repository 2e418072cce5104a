"""One number of a column: measured alike on both engines, and compared as the docstring says."""

from __future__ import annotations

import math
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from odibi_dagster.checks.base import OnFail, contracts
from odibi_dagster.checks.judge import remembered
from odibi_dagster.checks.limits import Bound, Change
from odibi_dagster.checks.observe import observe
from odibi_dagster.core.history import Past
from odibi_dagster.engines.base import get_engine
from tests.checks.frames import NAN, NOW, judged, make, published

TYPES = {
    "n": "int",
    "größe ü": "float",
    "price": "decimal",
    "name": "text",
    "day": "date",
    "at": "timestamp",
    "xs": "list",
    "ok": "bool",
}
ROWS = [
    (1, 1.5, Decimal("9.99"), "a", date(2024, 1, 1), datetime(2024, 1, 1), [1], True),
    (2, 2.5, Decimal("0.01"), "日本", None, None, None, None),
    (3, 6.0, None, "a", None, None, None, None),
    (None, None, None, None, None, None, None, None),
]
NULLS = [(None,) * len(TYPES)] * 3


def distribution(column: str, metric: str, threshold: str = ">=0", **more: Any) -> Any:
    if metric == "quantile":
        more.setdefault("quantile", 0.5)
    return contracts["distribution"](column=column, metric=metric, threshold=threshold, **more)


def judge_one(frame, contract, engine, history=None):
    (judgement,) = judged(frame, [contract], engine, history=history)
    return judgement


MEASURED = [
    ("n", "mean", 2.0, None, None),
    ("n", "std", 1.0, None, None),
    ("n", "min", 1.0, None, None),
    ("n", "max", 3.0, None, None),
    ("n", "sum", 6.0, None, None),
    ("n", "quantile", 2.0, None, None),
    ("n", "null_percentage", 0.25, 1.0, 0.0),
    ("n", "n_unique", 3.0, 0.0, 0.0),
    ("größe ü", "mean", 10 / 3, None, None),
    ("größe ü", "sum", 10.0, None, None),
    ("größe ü", "std", math.sqrt(67 / 12), None, None),
    ("größe ü", "quantile", 2.5, None, None),
    ("price", "mean", 5.0, None, None),
    ("price", "min", 0.01, None, None),
    ("price", "max", 9.99, None, None),
    ("name", "n_unique", 2.0, 0.0, 0.0),
    ("name", "null_percentage", 0.25, 1.0, 0.0),
    ("day", "n_unique", 1.0, 0.0, 0.0),
    ("xs", "null_percentage", 0.75, 1.0, 0.0),
    ("ok", "n_unique", 1.0, 0.0, 0.0),
]


@pytest.mark.parametrize("rows", ["ordinary", "nulls", "empty"])
def test_every_number(engine, rows):
    data = {"ordinary": ROWS, "nulls": NULLS, "empty": []}[rows]
    checks = [
        distribution(column, metric, name=f"m{i}")
        for i, (column, metric, *_) in enumerate(MEASURED)
    ]

    judgements = judged(make(engine, TYPES, data), checks, engine)

    wanted = [
        dict(zip(("ordinary", "nulls", "empty"), each[2:], strict=True))[rows] for each in MEASURED
    ]
    assert [j.verdict.observed for j in judgements] == [
        None if want is None else pytest.approx(want) for want in wanted
    ]
    assert [j.passed for j in judgements] == [want is not None for want in wanted], (
        "no value breaks"
    )
    assert not any(j.verdict.error or j.blocks for j in judgements)


def test_quantiles_are_interpolated(engine):
    frame = make(engine, {"x": "int"}, [(i,) for i in range(101)])
    found = judge_one(frame, distribution("x", "quantile", ">0", quantile=0.955), engine)
    assert found.verdict.observed == pytest.approx(95.5)


@pytest.mark.parametrize(
    ("column", "metric"),
    [
        ("name", "mean"), ("day", "max"), ("at", "min"), ("ok", "sum"), ("xs", "quantile"),
        ("xs", "n_unique"), ("day", "psi"), ("xs", "psi"), ("nope", "mean"), ("nope", "psi"),
    ],
)  # fmt: skip
def test_what_has_no_such_number_is_an_error_and_never_a_pass(engine, column, metric):
    contract = distribution(column, metric, on_fail="fail")
    judgement = judge_one(make(engine, TYPES, ROWS), contract, engine)
    assert judgement.verdict.error
    assert not judgement.passed
    assert judgement.blocks
    assert judgement.description.startswith(f"cannot be evaluated: column '{column}' ")


@pytest.mark.parametrize("metric", ["mean", "std", "min", "max", "sum", "quantile"])
@pytest.mark.parametrize("threshold", ["10%", "<1e9"])
def test_nan_is_broken_and_no_baseline(engine, metric, threshold):
    frame = make(engine, {"x": "float"}, [(NAN,), (1.0,), (None,)])
    contract = distribution("x", metric, threshold)
    judgement = judge_one(frame, contract, engine)
    assert not judgement.passed
    assert "it holds NaN" in judgement.description
    assert "observed" not in judgement.metadata()
    assert published([frame], contract, engine)[contract.check_name][0].metrics == {}


def test_nan_is_one_value(engine):
    frame = make(engine, {"x": "float"}, [(NAN,), (NAN,), (1.0,), (None,)])
    found = judged(
        frame,
        [distribution("x", "n_unique"), distribution("x", "null_percentage", name="p")],
        engine,
    )
    assert [j.verdict.observed for j in found] == [2.0, 0.25]


def test_infinity_is_compared_and_never_a_baseline(engine):
    frame = make(engine, {"x": "float"}, [(math.inf,), (1.0,)])
    contract = distribution("x", "max", ">100")
    judgement = judge_one(frame, contract, engine)
    assert judgement.passed
    assert judgement.metadata()["observed"] == "inf", "JSON has no such number"
    assert published([frame], contract, engine)[contract.check_name][0].metrics == {}


def numbers(engine, *values: Any) -> Any:
    return make(engine, {"x": "float"}, [(value,) for value in values])


@pytest.mark.parametrize(
    ("before", "now", "passed"),
    [
        ([10.0], [11.0], True),
        ([10.0], [9.0], True),
        ([10.0], [11.1], False),
        ([10.0], [8.9], False),
        ([-10.0], [-11.0], True),
        ([-10.0], [10.0], False),
        ([0.0], [0.0], True),
        ([0.0], [1e-9], False),
        ([10.0], [None], False),
        ([10.0], [], False),
        ([None], [5.0], True),
        ([], [5.0], True),
        ([None], [None], True),
    ],
)
def test_a_tenth_of_the_last_run(engine, before, now, passed):
    contract = distribution("x", "mean", "10%")
    history = published([numbers(engine, *before)], contract, engine)
    judgement = judge_one(numbers(engine, *now), contract, engine, history)
    assert judgement.passed is passed


def test_the_first_run_passes_and_says_so(engine):
    judgement = judge_one(numbers(engine, 5.0), distribution("x", "mean", "10%"), engine)
    assert judgement.passed
    assert judgement.metadata() | {"baseline": "none", "observed": 5.0} == judgement.metadata()
    assert judgement.description.endswith("baseline: none")


def test_it_says_with_which_run_it_was_compared():
    engine, contract = get_engine("polars"), distribution("x", "mean", "10%")
    history = published([numbers(engine, 8.0), numbers(engine, 10.0)], contract, engine)
    judgement = judge_one(numbers(engine, 12.5), contract, engine, history)
    assert judgement.description == (
        "mean of 'x' is 12.5, +25.00% from 10 (batch 2, published 2024-01-10 12:00Z); expected "
        "within 10% of the last published run"
    )
    metadata = judgement.metadata()
    assert (metadata["observed"], metadata["baseline"]) == (12.5, 10.0)
    assert metadata["baseline_of"] == "batch 2, published 2024-01-10 12:00Z"
    assert (metadata["action"], judgement.severity, judgement.blocks) == ("warned", "WARN", False)


def test_the_mean_of_the_last_runs(engine):
    contract = distribution("x", "mean", "10%", compare="avg:2")
    runs = [numbers(engine, value) for value in (1000.0, 10.0, None, 20.0)]
    history = published(runs, contract, engine)
    judgement = judge_one(numbers(engine, 16.0), contract, engine, history)
    assert judgement.passed
    assert judgement.verdict.extra["baseline"] == 15.0, "a run without a number does not count"
    assert "average of 2 batches, 2 to 4" in judgement.description


def test_fewer_runs_than_asked_for():
    engine = get_engine("polars")
    contract = distribution("x", "mean", "10%", compare="avg:7")
    history = published([numbers(engine, 10.0)], contract, engine)
    assert (
        judge_one(numbers(engine, 10.5), contract, engine, history).verdict.extra["baseline"] == 10
    )


def test_another_column_under_the_same_name_is_no_baseline():
    engine = get_engine("polars")
    first = distribution("n", "mean", "10%", name="fare")
    history = published([make(engine, TYPES, ROWS)], first, engine)
    second = distribution("price", "mean", "10%", name="fare")
    judgement = judge_one(make(engine, TYPES, ROWS), second, engine, history)
    assert judgement.verdict.extra == {"baseline": "none"}


def test_a_bound_needs_no_history_and_is_remembered():
    engine, contract = get_engine("polars"), distribution("x", "mean", ">100")
    assert contract.lookback is None
    judgement = judge_one(numbers(engine, 100.0), contract, engine)
    assert not judgement.passed
    assert judgement.metadata() | {"expected": ">100", "observed": 100.0} == judgement.metadata()
    seen = observe(numbers(engine, 100.0), [contract], engine)
    assert remembered(seen) == {"distribution_x": {"mean of x": 100.0}}


@pytest.mark.parametrize(
    ("written", "value", "holds"),
    [
        (">100", 100.5, True), (">=100", 100, True), ("> 100", 100, False), ("<0.05", 0.05, False),
        ("<=0.05", 0.05, True), (" < -1e3 ", -1001, True), (">+.5", 1, True),
    ],
)  # fmt: skip
def test_bounds(written, value, holds):
    limit = distribution("x", "mean", written).threshold
    assert isinstance(limit, Bound)
    assert limit.holds(value) is holds


def test_percentages():
    assert distribution("x", "mean", " 12.5 % ").threshold == Change(0.125)
    assert distribution("x", "mean", "200%").threshold.holds(3.0, 1.0)
    assert distribution("x", "mean", "0%").threshold.holds(0.1 + 0.2, 0.3), "sums of floats"


@pytest.mark.parametrize(
    "written",
    ["10", "-5%", "NaN%", "1e400%", "inf%", "", ">", ">abc", ">1e400", "==5", "<>5", "10%%", "٣%",
     10, 0.1, None, True, "x" * 500],
)  # fmt: skip
def test_no_other_threshold(written):
    with pytest.raises(ValueError, match="threshold must be a percentage or a bound such as >100"):
        distribution("x", "mean", written)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"metric": "quantile"}, "metric: quantile needs quantile: 0.95 beside it"),
        ({"metric": "mean", "quantile": 0.5}, "metric: quantile needs quantile: 0.95 beside it"),
        ({"metric": "quantile", "quantile": 95}, "less than 1"),
        ({"metric": "mean", "threshold": "10%", "compare": "avg:0"}, "compare must be last"),
        ({"metric": "mean", "threshold": "10%", "compare": "avg:51"}, "at most 50 batches"),
        ({"metric": "mean", "threshold": "10%", "compare": 7}, "compare must be last, or avg:7"),
        ({"metric": "mean", "compare": "last"}, "compare has no meaning with the bound '>1'"),
        ({"metric": "psi", "threshold": "10%"}, "psi is compared with a bound"),
        ({"metric": "median"}, "metric"),
        ({"metric": "mean", "on_fail": "quarantine"}, "quarantine needs a rule about rows"),
    ],
)  # fmt: skip
def test_what_is_refused(params, message):
    with pytest.raises(ValueError, match=message):
        contracts["distribution"](**{"column": "x", "threshold": ">1", **params})


def test_it_warns_unless_it_says_more():
    assert distribution("x", "mean").on_fail is OnFail.WARN
    assert distribution("x", "mean", on_fail="fail").can_block


class Known:
    """A footer that knows all."""

    rows = 4

    def nulls(self, column: str) -> int:
        return 1

    def bounds(self, column: str, dtype: Any) -> Any:
        from odibi_dagster.core.facts import Bounds

        return Bounds(1, 3)

    def coded(self, column: str) -> bool:
        return False


@pytest.mark.parametrize(
    ("metric", "column", "number"),
    [("min", "n", 1.0), ("max", "n", 3.0), ("null_percentage", "name", 0.25)],
)
def test_what_a_footer_knows_is_not_read(metric, column, number):
    engine = get_engine("polars")
    unread = make(engine, TYPES, [])
    seen = observe(unread, [distribution(column, metric)], engine, facts=Known())
    assert seen.metrics["rows"] == 4, "what the frame itself would say is 0"
    assert remembered(seen) == {f"distribution_{column}": {f"{metric} of {column}": number}}


def test_a_past_without_this_check_is_no_baseline():
    engine, contract = get_engine("polars"), distribution("x", "mean", "10%")
    history = {contract.check_name: (Past(3, NOW, rows=5),)}
    assert judge_one(numbers(engine, 1.0), contract, engine, history).verdict.extra == {
        "baseline": "none"
    }
