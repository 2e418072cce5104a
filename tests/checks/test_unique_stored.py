"""`unique` against the rows that stand in the table: the count and the split tell the same."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from odibi_dagster.checks.base import contracts
from odibi_dagster.checks.split import split
from odibi_dagster.checks.tables import Standing, Tables
from odibi_dagster.core.facts import Bounds
from odibi_dagster.engines.base import get_engine
from tests.checks.frames import NAN, NOW, fetched, judged, make

if TYPE_CHECKING:
    from collections.abc import Sequence

    from odibi_dagster.engines.base import Engine

TYPES = {"n": "int", "text": "text"}
Rows = "Sequence[tuple[Any, ...]]"


def parted(
    engine: Engine, batch: Rows, stored: Rows, columns: Sequence[str], apart: Sequence[str] = ()
) -> tuple[int | None, int]:
    """The rows that the check counts, and those that the split sets aside."""
    frame = make(engine, TYPES, batch)
    tables = Tables(standing=Standing(make(engine, TYPES, stored), tuple(apart)))
    rule = contracts["unique"](columns=list(columns), on_fail="quarantine")
    found = judged(frame, [rule], engine, tables=tables)
    _, broken = split(
        frame,
        found,
        engine,
        add_columns=[],
        batch="1",
        at=NOW,
        node="n",
        tables=tables,
    )
    return found[0].verdict.failed_rows, len(fetched(engine, broken))


def meeting(batch: Rows, stored: Rows, columns: Sequence[str]) -> int:
    """The rows that share their key with another, told by hand."""
    places = [list(TYPES).index(column) for column in columns]
    keys = [tuple(row[place] for place in places) for row in batch]
    there = {tuple(row[place] for place in places) for row in stored}
    return sum(None not in key and (keys.count(key) > 1 or key in there) for key in keys)


ROW = st.tuples(st.none() | st.integers(0, 4), st.none() | st.sampled_from(["", "a", "ß"]))


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(ROW, max_size=8),
    st.lists(ROW, max_size=8),
    st.sampled_from([["n"], ["text"], ["n", "text"]]),
)
def test_count_and_split_say_what_the_rows_say(
    batch: Rows, stored: Rows, columns: list[str]
) -> None:
    expected = meeting(batch, stored, columns)
    assert parted(get_engine("polars"), batch, stored, columns) == (expected, expected)


@pytest.mark.parametrize("columns", [["n"], ["n", "text"]], ids=",".join)
def test_both_engines_say_it(engine: Engine, columns: list[str]) -> None:
    batch = [(1, "a"), (2, "b"), (2, "b"), (3, "c"), (None, "d"), (4, "é")]
    stored = [(2, "b"), (3, "c"), (3, "c"), (4, "e"), (None, "d")]
    expected = meeting(batch, stored, columns)
    assert parted(engine, batch, stored, columns) == (expected, expected)


@pytest.mark.parametrize("batch", [[], [(None, None)]], ids=["empty", "all null"])
def test_nothing_meets_nothing(engine: Engine, batch: Rows) -> None:
    assert parted(engine, batch, [(None, None), (1, "a")], ["n"]) == (0, 0)


def test_nan_meets_nan(engine: Engine) -> None:
    tables = Tables(standing=Standing(make(engine, {"x": "float"}, [(NAN,), (-0.0,)])))
    frame = make(engine, {"x": "float"}, [(NAN,), (0.0,), (1.0,)])
    (found,) = judged(frame, [contracts["unique"](columns=["x"])], engine, tables=tables)
    assert found.metadata()["met_stored_rows"] == 2


@pytest.mark.parametrize(("apart", "broken"), [(["n"], 0), (["n", "text"], 1), (["text"], 1)])
def test_rows_told_apart_by_their_write_keys_are_not_read(apart: list[str], broken: int) -> None:
    """A key that contains the write keys cannot repeat: here the table even contradicts it."""
    engine = get_engine("polars")
    assert parted(engine, [(1, "a")], [(1, "b")], ["n"], apart) == (broken, broken)


def test_another_type_is_an_error(engine: Engine) -> None:
    tables = Tables(standing=Standing(make(engine, {"n": "text"}, [("1",)])))
    frame = make(engine, {"n": "int"}, [(1,)])
    (found,) = judged(frame, [contracts["unique"](columns=["n"])], engine, tables=tables)
    assert found.verdict.error
    assert "stored as String" in found.description


def test_stored_rows_without_the_column_meet_nobody(engine: Engine) -> None:
    tables = Tables(standing=Standing(make(engine, {"other": "int"}, [(1,)])))
    frame = make(engine, {"n": "int"}, [(1,)])
    (found,) = judged(frame, [contracts["unique"](columns=["n"])], engine, tables=tables)
    assert found.passed


class Known:
    """Facts about a batch: the days of its rows."""

    rows = 2

    def nulls(self, column: str) -> int | None:
        return None

    def bounds(self, column: str, dtype: Any) -> Bounds | None:
        return Bounds(date(2024, 1, 2), date(2024, 1, 3)) if column == "day" else None

    def coded(self, column: str) -> bool:
        return False


def test_stored_rows_beyond_the_bounds_of_the_batch_are_left_out(engine: Engine) -> None:
    types = {"day": "date", "n": "int"}
    days = [(date(2024, 1, day), day) for day in (1, 2, 3, 4)]
    standing = Standing(make(engine, types, days), batch=Known())
    assert sorted(row["n"] for row in fetched(engine, standing.near(["day"]))) == [2, 3]
    assert len(fetched(engine, standing.near(["n"]))) == 4


def test_two_rules_of_one_key_and_of_two_scopes(engine: Engine) -> None:
    """Each looks at its own rows: one flag for both would give one of them the other's."""
    frame, stored = make(engine, TYPES, [(1, "a"), (2, "b")]), make(engine, TYPES, [(2, "c")])
    tables = Tables(standing=Standing(stored))
    rules = [
        contracts["unique"](columns=["n"], scope=scope, name=scope, on_fail="quarantine")
        for scope in ("batch", "table")
    ]
    found = judged(frame, rules, engine, tables=tables)
    assert [each.verdict.failed_rows for each in found] == [0, 1]
    told = split(
        frame, found, engine, add_columns=["_failed_tests"], batch="1", at=NOW, node="n",
        tables=tables,
    )[1]  # fmt: skip
    assert [row["_failed_tests"] for row in fetched(engine, told)] == ["table"]


def test_two_rules_of_one_key_that_both_quarantine(engine: Engine) -> None:
    frame = make(engine, TYPES, [(1, "a"), (1, "b"), (2, "c")])
    rules = [
        contracts["unique"](columns=["n"], scope=scope, name=scope, on_fail="quarantine")
        for scope in ("batch", "table")
    ]
    tables = Tables(standing=Standing(make(engine, TYPES, [(2, "c")])))
    found = judged(frame, rules, engine, tables=tables)
    told = split(
        frame, found, engine, add_columns=["_failed_tests"], batch="1", at=NOW, node="n",
        tables=tables,
    )[1]  # fmt: skip
    said = sorted((row["n"], row["_failed_tests"]) for row in fetched(engine, told))
    assert said == [(1, "batch,table"), (1, "batch,table"), (2, "table")]
