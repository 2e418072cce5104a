"""A batch against the batches of the last days."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from odibi_dagster.checks.base import contracts
from odibi_dagster.checks.judge import remembered
from odibi_dagster.checks.observe import observe
from odibi_dagster.core.history import Lookback, Past
from tests.checks.frames import NOW, judged, make


def judgement(engine, rows: int, before: list[Any], **params: Any) -> Any:
    contract = contracts["volume_drop"](**params)
    past = tuple(
        Past(number, NOW - timedelta(days=1), *each) for number, each in enumerate(before, 1)
    )
    frame = make(engine, {"größe ü": "text"}, [(None,)] * rows)
    history = {contract.check_name: past[::-1]}
    return judged(frame, [contract], engine, history=history)[0]


@pytest.mark.parametrize(
    ("rows", "before", "params", "passed"),
    [
        (50, [100], {}, True),
        (49, [100], {}, False),
        (49, [50, 150], {}, False),
        (1000, [1], {}, True),
        (0, [100], {}, False),
        (0, [0], {}, True),
        (5, [0], {}, True),
        (90, [100], {"threshold": "10%"}, True),
        (89, [100], {"threshold": 0.1}, False),
        (99, [100], {"threshold": 0}, False),
        (0, [100], {"threshold": 1}, True),
    ],
)
def test_drops(engine, rows, before, params, passed):
    found = judgement(engine, rows, [(count,) for count in before], **params)
    assert found.passed is passed
    assert found.blocks is not passed
    mean = sum(before) / len(before)
    assert found.metadata()["baseline"] == mean
    assert found.metadata()["observed"] == rows


def test_the_first_run_passes_and_says_so(engine):
    found = judgement(engine, 0, [])
    assert found.passed
    assert found.metadata()["baseline"] == "none"
    assert found.description == "0 rows; baseline: none"


def test_rows_that_were_judged_count_more_than_those_that_were_published(engine):
    """Half of them may have been set aside."""
    found = judgement(engine, 60, [(50, {"rows": 100.0})], threshold=0.3)
    assert not found.passed
    assert found.description == (
        "60 rows, 40% less than 100 (batch 1, published 2024-01-09 12:00Z); expected a drop of at "
        "most 30%"
    )


def test_a_batch_of_unknown_rows_does_not_count(engine):
    assert judgement(engine, 1, [(None,)]).metadata()["baseline"] == "none"
    assert judgement(engine, 1, [(100,), (None,)]).metadata()["baseline"] == 100.0


def test_it_looks_back_so_many_days_and_remembers_rows(engine):
    contract = contracts["volume_drop"](lookback_days=30)
    assert contract.lookback == Lookback(days=30)
    seen = observe(make(engine, {"a": "int"}, [(1,), (2,)]), [contract], engine)
    assert remembered(seen) == {"volume_drop": {"rows": 2.0}}


@pytest.mark.parametrize(
    "params",
    [{"threshold": -0.1}, {"threshold": 50}, {"threshold": "half"}, {"threshold": True},
     {"threshold": float("nan")}, {"threshold": "120%"}, {"lookback_days": 0},
     {"lookback_days": 401}, {"lookback_days": 1.5}, {"on_fail": "quarantine"}],
)  # fmt: skip
def test_what_is_refused(params):
    with pytest.raises(ValueError, match=r"volume_drop|share|lookback_days|more than all"):
        contracts["volume_drop"](**params)
