"""`validation.gate` in a file: its spellings, and thresholds that name no test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from odibi_dagster.checks.base import OnFail
from odibi_dagster.checks.gate import Gate
from tests.config.project import READ, load, nodes, only, problem, problems

if TYPE_CHECKING:
    from pathlib import Path

TESTS = """\
    tests:
    - {type: not_null, columns: [a], name: Key is there}
    - {type: row_count, min: 1}
"""
WRITE = "write: {connection: lake, format: parquet, path: out}"


def gated(gate: str, tests: str = TESTS, more: str = "") -> str:
    return f"- name: a\n  {READ}\n  {WRITE}\n  validation:\n{tests}{more}    gate: {gate}\n"


def gate_of(folder: Path, text: str) -> Gate:
    gate = only(folder, text).tests[-1]
    assert isinstance(gate, Gate)
    return gate


def test_the_gate_is_a_check_of_its_own_over_the_row_tests(tmp_path: Path) -> None:
    node = only(tmp_path, gated("{}"))
    assert list(node.checks) == ["Key_is_there", "row_count", "gate"]
    gate = gate_of(tmp_path, gated("{}"))
    assert [rule.check_name for rule in gate.rules] == ["Key_is_there"]
    assert (gate.config.require_pass_rate, gate.on_fail) == (0.95, OnFail.FAIL)


def test_min_pass_rate_is_another_spelling(tmp_path: Path) -> None:
    """Odibi's own example writes it, and gets 0.95."""
    assert gate_of(tmp_path, gated("{min_pass_rate: 1.0}")).config.require_pass_rate == 1.0


@pytest.mark.parametrize("name", ["not_null", "Key is there", "Key_is_there"])
def test_a_threshold_names_a_test_or_a_type(tmp_path: Path, name: str) -> None:
    gate = gate_of(tmp_path, gated(f"{{thresholds: [{{test: {name}, min_pass_rate: 0.9}}]}}"))
    assert [(rule.check_name, least) for rule, least in gate.required] == [("Key_is_there", 0.9)]


@pytest.mark.parametrize(
    ("gate", "message", "place"),
    [
        (
            "{thresholds: [{test: not_nul, min_pass_rate: 0.9}]}",
            "'not_nul' is neither the name nor the type of a test; did you mean 'not_null'?",
            (15, 38),
        ),
        (
            "{thresholds: [{test: row_count, min_pass_rate: 0.9}]}",
            "'row_count' judges the frame as a whole: it has no share of rows that pass",
            (15, 38),
        ),
        (
            "{require_pass_rate: 95}",
            "95 is more than all; write a share from 0 to 1 such as 0.95, or '95%'",
            (15, 37),
        ),
        (
            "{on_fail: warn}",
            "on_fail must be one of 'abort', 'warn_and_write' or 'write_valid_only'; found 'warn'",
            (15, 27),
        ),
        ("{thresholds: [{test: not_null}]}", "missing key 'min_pass_rate'", (15, 31)),
    ],
)
def test_what_is_wrong_with_a_gate(
    tmp_path: Path, gate: str, message: str, place: tuple[int, int]
) -> None:
    found = problem(tmp_path, nodes(gated(gate)))
    assert found.message == message
    assert (found.line, found.column) == place


def test_unknown_keys_are_warnings_and_errors_with_strict(tmp_path: Path) -> None:
    """Odibi ignores them in tests, quarantine and gate, and takes the default."""
    tests = "    tests:\n    - {type: not_null, columns: [a], on_fail: quarantine, treshold: 1}\n"
    text = nodes(
        gated(
            "{requirepassrate: 1, row_count: {minimum: 1}, "
            "thresholds: [{test: not_null, min_pass_rate: 0.9, rate: 1}]}",
            tests,
            "    quarantine: {path: q, max_row: 5, add_columns: {reason: true}}\n",
        )
    )
    warned = [each.message for each in load(tmp_path, text).warnings]
    strict = [each.message for each in problems(tmp_path, text, strict=True)]
    assert sorted(message.split(";")[0] for message in warned) == [
        "unknown key 'max_row'",
        "unknown key 'minimum'",
        "unknown key 'rate'",
        "unknown key 'reason'",
        "unknown key 'requirepassrate'",
        "unknown key 'treshold'",
    ]
    assert sorted(strict) == sorted(warned)


def test_a_test_may_not_be_called_gate(tmp_path: Path) -> None:
    tests = "    tests:\n    - {type: not_null, columns: [a], name: gate}\n"
    found = problem(tmp_path, nodes(gated("{}", tests)))
    assert found.message == "two checks are called 'gate'; give one a name: of its own"


def test_under_mode_warn_a_gate_does_not_abort(tmp_path: Path) -> None:
    assert gate_of(tmp_path, gated("{}", more="    mode: warn\n")).on_fail is OnFail.WARN


def test_setting_rows_aside_makes_a_quarantine(tmp_path: Path) -> None:
    assert only(tmp_path, gated("{on_fail: write_valid_only}")).quarantine is not None
    assert only(tmp_path, gated("{on_fail: warn_and_write}")).quarantine is None
