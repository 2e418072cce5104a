"""Thresholds, actions and severities: from a verdict to what is done."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from odibi_dagster.checks.base import contracts
from odibi_dagster.checks.judge import Judgement, judge
from odibi_dagster.checks.observe import observe
from odibi_dagster.engines.base import get_engine
from tests.checks.frames import judged, make

ENGINE = get_engine("polars")


def judge_rows(broken: int, total: int, **params: object) -> Judgement:
    values = [(None,)] * broken + [(1,)] * (total - broken)
    rule = contracts["not_null"](columns=["x"], **params)
    (judgement,) = judged(make(ENGINE, {"x": "int"}, values), [rule], ENGINE)
    return judgement


def outcome(judgement: Judgement) -> tuple[bool, bool, bool, str, str]:
    return (
        judgement.passed,
        judgement.blocks,
        judgement.quarantines,
        judgement.severity,
        judgement.action,
    )


KEPT = (True, False, False)


@pytest.mark.parametrize(
    ("on_fail", "threshold", "broken", "expected"),
    [
        ("fail", None, 0, (*KEPT, "ERROR", "none")),
        ("fail", None, 1, (False, True, False, "ERROR", "nothing published")),
        ("halt", None, 1, (False, True, False, "ERROR", "nothing published, run halted")),
        ("fail", 2, 2, (*KEPT, "ERROR", "none")),
        ("fail", 2, 3, (False, True, False, "ERROR", "nothing published")),
        ("fail", "20%", 2, (*KEPT, "ERROR", "none")),
        ("fail", 0.2, 3, (False, True, False, "ERROR", "nothing published")),
        ("warn", None, 0, (*KEPT, "WARN", "none")),
        ("warn", None, 10, (False, False, False, "WARN", "warned")),
        ("warn", 2, 2, (*KEPT, "WARN", "none")),
        ("warn", 2, 3, (False, False, False, "WARN", "warned")),
        ("quarantine", None, 0, (*KEPT, "WARN", "none")),
        ("quarantine", None, 10, (False, False, True, "WARN", "quarantined")),
        ("quarantine", 2, 2, (False, False, True, "WARN", "quarantined")),
        ("quarantine", 2, 3, (False, True, False, "ERROR", "nothing published")),
        ("quarantine", 0, 1, (False, True, False, "ERROR", "nothing published")),
        ("quarantine", "100%", 10, (False, False, True, "WARN", "quarantined")),
    ],
)
def test_thresholds(on_fail, threshold, broken, expected):
    params = {"on_fail": on_fail} | ({} if threshold is None else {"threshold": threshold})

    assert outcome(judge_rows(broken, 10, **params)) == expected


@pytest.mark.parametrize(
    ("on_fail", "blocks", "severity"),
    [
        ("fail", True, "ERROR"),
        ("halt", True, "ERROR"),
        ("quarantine", True, "ERROR"),
        ("warn", False, "WARN"),
    ],
)
def test_what_cannot_be_evaluated_never_passes(on_fail, blocks, severity):
    rule = contracts["not_null"](columns=["nope"], on_fail=on_fail, threshold="100%")

    (judgement,) = judged(make(ENGINE, {"x": "int"}, [(1,)]), [rule], ENGINE)

    assert (judgement.passed, judgement.blocks, judgement.quarantines) == (False, blocks, False)
    assert judgement.severity == severity
    assert judgement.description == "cannot be evaluated: column 'nope' missing; found: x"


@pytest.mark.parametrize("on_fail", ["fail", "warn", "quarantine", "halt"])
@pytest.mark.parametrize("broken", [0, 1, 10])
def test_only_what_can_block_is_ever_an_error_that_blocks(on_fail, broken):
    judgement = judge_rows(broken, 10, on_fail=on_fail, threshold=1)

    assert judgement.contract.can_block or not judgement.blocks
    assert not (judgement.blocks and judgement.severity != "ERROR")
    assert not (judgement.blocks and judgement.quarantines)


def test_metadata_are_numbers_where_the_ui_plots_them():
    metadata = judge_rows(1, 8, on_fail="quarantine", threshold=2).metadata()

    assert metadata == {
        "expected": "no null in x",
        "observed": 1,
        "failed_rows": 1,
        "total_rows": 8,
        "failed_pct": 12.5,
        "threshold": "2 rows",
        "on_fail": "quarantine",
        "action": "quarantined",
    }


def test_an_empty_frame_has_no_share_of_broken_rows():
    assert judge_rows(0, 0).metadata()["failed_pct"] == 0.0


def test_a_description_names_what_broke():
    assert judge_rows(1, 8).description == "1 of 8 rows broken: no null in x (1 in 'x')"
    assert judge_rows(0, 1).description == "1 row keeps it"


@pytest.mark.parametrize("kind", ["row_count", "schema", "freshness"])
def test_only_row_rules_quarantine(kind):
    params = {"row_count": {"min": 1}, "schema": {}, "freshness": {"max_age": "1h"}}[kind]

    with pytest.raises(ValidationError, match=f"'{kind}' judges the frame as a whole"):
        contracts[kind](on_fail="quarantine", **params)


@pytest.mark.parametrize(
    ("kind", "params", "message"),
    [
        ("row_count", {}, "row_count needs 'min', 'max' or both"),
        ("row_count", {"min": 5, "max": 1}, "min 5 is above max 1"),
        ("row_count", {"min": -1}, "greater than or equal to 0"),
        ("range", {"column": "x"}, "range needs 'min', 'max' or both"),
        ("range", {"column": "x", "min": 5, "max": 1.5}, "min 5 is above max 1.5"),
        ("range", {"column": "x", "min": float("nan")}, "is no bound"),
        ("range", {"column": "x", "min": True}, "True is no bound"),
        ("accepted_values", {"column": "x", "values": []}, "at least 1 item"),
        ("not_null", {"columns": []}, "at least 1 item"),
        ("unique", {"columns": []}, "at least 1 item"),
        ("not_null", {"columns": ['a" OR 1=1 --']}, "invalid column name"),
        ("regex_match", {"column": "x", "pattern": "(unclosed"}, "invalid regular expression"),
        ("schema", {"mode": "evolve", "strict": True}, "strict: true contradicts mode: evolve"),
        ("schema", {"mode": "compatible", "strict": True}, "strict: true contradicts mode"),
        ("freshness", {"max_age": "soon"}, "is not a duration"),
        ("freshness", {}, "Field required"),
        ("custom_sql", {"condition": "no_such_function(a) > 1"}, "is not supported"),
        ("not_null", {"columns": ["x"], "threshold": 1.0}, "could mean one row or all rows"),
        ("not_null", {"columns": ["x"], "on_fail": "explode"}, "one of fail, warn, quarantine, h"),
    ],
)
def test_what_is_wrong_is_said_at_load(kind, params, message):
    with pytest.raises(ValidationError, match=message):
        contracts[kind](**params)


@pytest.mark.parametrize(
    ("kind", "params", "name"),
    [
        ("not_null", {"columns": ["a", "b"]}, "not_null_a_b"),
        ("range", {"column": "dep delay", "min": 0}, "range_dep_delay"),
        ("range", {"column": "x", "min": 0, "name": "amount > 0 (net)"}, "amount_0_net"),
        ("row_count", {"min": 0}, "row_count"),
        ("freshness", {"max_age": "1h"}, "freshness"),
        ("freshness", {"max_age": "1h", "column": "at"}, "freshness_at"),
        ("custom_sql", {"condition": "b > a and b > 0"}, "custom_sql_a_b"),
    ],
)
def test_check_names(kind, params, name):
    assert contracts[kind](**params).check_name == name


def test_a_contract_takes_the_column_names_that_the_rest_of_the_file_takes() -> None:
    contracts["not_null"].model_validate({"columns": ["it's; ok"]})
    with pytest.raises(ValueError, match="invalid column name"):
        contracts["not_null"].model_validate({"columns": ['a" OR 1=1 --']})


def test_a_test_that_was_skipped_says_so_of_a_hidden_column_too():
    rules = [
        contracts["not_null"](columns=["x"]),
        contracts["distribution"](column="x", metric="mean", threshold=">0"),
    ]
    seen = observe(make(ENGINE, {"x": "int"}, [(None,)]), rules, ENGINE)

    (_, skipped) = judge(rules, seen, fail_fast=True)

    hidden = skipped.without_values(["x"], seen.schema)
    assert hidden.description == "skipped, because 'not_null_x' failed first"
    assert (hidden.passed, hidden.blocks, hidden.action) == (False, False, "skipped")
