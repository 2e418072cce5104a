"""fill_nulls, clean_text, cast_columns, filter_rows, derive_columns, case_when, sql: values."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import polars as pl
import pytest

from odibi_dagster.errors import OdibiError, SchemaContractError
from odibi_dagster.transforms.base import Scope, transforms
from tests.transforms.rows import ordered, rows, tuples

if TYPE_CHECKING:
    from odibi_dagster.engines.base import Engine
    from tests.transforms.conftest import Given, Step

NAN = float("nan")
DAY, NOON = date(2024, 2, 29), datetime(2024, 2, 29, 12)


@pytest.mark.parametrize(
    ("dtype", "value", "filled"),
    [
        (pl.Int64, 0, 0.0),
        (pl.Int8, 7, 7.0),
        (pl.Int64, 0.5, 0.5),
        (pl.Int64, 2.0, 2.0),
        (pl.Float64, 1, 1.0),
        (pl.Decimal(8, 2), 1.25, 1.25),
        (pl.Boolean, False, False),
        (pl.String, "ñ/a", "ñ/a"),
        (pl.String, 0, "0"),
        (pl.String, True, "true"),
        (pl.String, "it's", "it's"),
        (pl.Date, "2024-02-29", NOON.replace(hour=0)),
        (pl.Date, DAY, NOON.replace(hour=0)),
        (pl.Datetime("us"), "2024-02-29T12:00:00", NOON),
        (pl.Datetime("us"), "2024-02-29T13:00:00+01:00", NOON),
        (pl.Datetime("us"), NOON, NOON),
    ],
)
def test_nulls_take_the_value_as_the_column_holds_it(
    given: Given, step: Step, dtype: Any, value: Any, filled: Any
) -> None:
    frame = given({"x": [None, None], "y": [None, 1]}, x=dtype)
    found = ordered(step("fill_nulls", {"values": {"x": value}}, frame))
    assert found == [{"x": filled, "y": None}, {"x": filled, "y": 1.0}]


@pytest.mark.parametrize("dtype", [pl.Int32, pl.Float32, pl.String, pl.Date, pl.Decimal(9, 3)])
def test_a_filled_column_keeps_its_type(given: Given, planned: Any, dtype: Any) -> None:
    frame = given({"x": [None]}, x=dtype)
    value = {pl.String: "a", pl.Date: "2024-01-01"}.get(dtype, 1)
    filled = planned("fill_nulls", {"values": {"x": value}}, frame)
    assert filled.collect_schema() == frame.collect_schema()


@pytest.mark.parametrize(("value", "dtype"), [(2.0, nw.Int64), (2.5, nw.Float64)])
def test_an_integer_column_widens_for_a_fraction_only(
    given: Given, planned: Any, value: float, dtype: Any
) -> None:
    frame = given({"x": [None]}, x=pl.Int64)
    filled = planned("fill_nulls", {"values": {"x": value}}, frame)
    assert filled.collect_schema()["x"] == dtype


def test_nan_and_empty_text_are_not_null(given: Given, step: Step) -> None:
    frame = given({"x": [NAN, None], "s": ["", None]})
    found = step("fill_nulls", {"values": {"x": 1, "s": "-"}}, frame)
    assert tuples(found) == [("NaN", ""), (1.0, "-")]


@pytest.mark.parametrize(
    ("dtype", "value"),
    [
        (pl.Int64, "zero"),
        (pl.Int64, True),
        (pl.Float64, "0"),
        (pl.Boolean, 0),
        (pl.Date, "soon"),
        (pl.Date, "2024-01-01T12:00:00"),
        (pl.Datetime("us"), 0),
        (pl.List(pl.Int64), 0),
    ],
)
def test_a_value_the_column_cannot_hold_is_refused(
    given: Given, step: Step, dtype: Any, value: Any
) -> None:
    with pytest.raises(SchemaContractError, match=r"fill_nulls: column 'x' is .* cannot hold"):
        step("fill_nulls", {"values": {"x": value}}, given({"x": [None]}, x=dtype))


def test_text_is_trimmed_of_spaces_of_every_kind(given: Given, step: Step) -> None:
    frame = given({"s": ["  Ann\u00a0", "\u3000Ünï\u2009", "\tx\n", "   ", "", None]})
    found = step("clean_text", {"columns": ["s"]}, frame)
    assert [row["s"] for row in found] == ["Ann", "Ünï", "\tx\n", "", "", None]


@pytest.mark.parametrize(
    ("case", "expected"),
    [("lower", [" äb ", None]), ("upper", [" ÄB ", None]), ("preserve", [" Äb ", None])],
)
def test_text_in_one_case(given: Given, step: Step, case: str, expected: list[Any]) -> None:
    params = {"columns": ["s"], "trim": False, "case": case}
    assert [
        row["s"] for row in step("clean_text", params, given({"s": [" Äb ", None]}))
    ] == expected


def test_only_text_is_cleaned(given: Given, step: Step) -> None:
    with pytest.raises(SchemaContractError, match="column 'x' is Int64, not text; cast it"):
        step("clean_text", {"columns": ["x"]}, given({"x": [1]}))


@pytest.mark.parametrize(
    ("values", "word", "dtype", "expected"),
    [
        (["1", "-2", None], "int", nw.Int64, [1.0, -2.0, None]),
        (["1.5", None], "double", nw.Float64, [1.5, None]),
        ([1, None], "string", nw.String, ["1", None]),
        ([1.0, None], "int32", nw.Int32, [1.0, None]),
        ([0, 1, None], "boolean", nw.Boolean, [False, True, None]),
        ([True, None], "int", nw.Int64, [1.0, None]),
        (["true", "FALSE", None], "bool", nw.Boolean, [True, False, None]),
        (["2024-02-29", None], "date", nw.Date, [datetime(2024, 2, 29), None]),
        (["2024-02-29 12:00:00", None], "timestamp", nw.Datetime("us"), [NOON, None]),
        ([DAY, None], "timestamp", nw.Datetime("us"), [datetime(2024, 2, 29), None]),
        ([NOON, None], "date", nw.Date, [datetime(2024, 2, 29), None]),
        (["1.25", None], "decimal(8,2)", nw.Decimal(8, 2), [1.25, None]),
        ([Decimal("1.50"), None], "double", nw.Float64, [1.5, None]),
    ],
)
def test_casts(
    given: Given,
    planned: Any,
    engine: Engine,
    values: list[Any],
    word: str,
    dtype: Any,
    expected: list[Any],
) -> None:
    frame = planned(
        "cast_columns", {"casts": {"x": word}}, given({"i": range(len(values)), "x": values})
    )
    assert list(frame.collect_schema().items())[1] == ("x", dtype)
    assert [
        row["x"] for row in sorted(ordered(engine.fetch(frame, 10)), key=lambda r: r["i"])
    ] == expected


@pytest.mark.parametrize("dialect", ["duckdb", "spark"])
def test_a_fraction_is_rounded_whatever_the_dialect_of_the_project(
    given: Given, engine: Engine, dialect: str
) -> None:
    params = {"casts": {"x": "int"}}
    step = transforms["cast_columns"].model_validate(params, context={"dialect": dialect})
    frame = step.apply(given({"x": [0.5, 1.5, 2.6, -1.5, -0.4, None]}), Scope(engine))
    assert [row["x"] for row in engine.fetch(frame, 10)] == [0, 2, 3, -2, 0, None]


def test_a_value_that_cannot_be_cast_fails(given: Given, step: Step) -> None:
    with pytest.raises(OdibiError):
        step("cast_columns", {"casts": {"x": "int"}}, given({"x": ["1", "n/a"]}))


def test_a_cast_to_the_same_type_changes_nothing(given: Given, planned: Any) -> None:
    frame = given({"x": [1]})
    assert planned("cast_columns", {"casts": {"x": "int"}}, frame) is frame


def test_a_null_condition_drops_the_row(given: Given, step: Step) -> None:
    frame = given({"x": [1, None, 3], "s": ["a", "ö", "it's"]})
    assert tuples(step("filter_rows", {"condition": "x > 1"}, frame)) == [(3.0, "it's")]
    assert tuples(step("filter_rows", {"condition": "x IS NULL AND s = 'ö'"}, frame)) == [
        (None, "ö")
    ]
    assert tuples(step("filter_rows", {"condition": "s = 'it''s'"}, frame)) == [(3.0, "it's")]


def test_derivations_see_what_came_in(given: Given, step: Step) -> None:
    params = {"derivations": {"c": "a + b", "a": "a * 10", "größe": "'g'", "one": 1, "yes": True}}
    found = step("derive_columns", params, given({"a": [1, None], "b": [2, 3]}))
    assert list(found[0]) == ["a", "b", "c", "größe", "one", "yes"]
    assert rows(found) == rows(
        [
            {"a": 10, "b": 2, "c": 3, "größe": "g", "one": 1, "yes": True},
            {"a": None, "b": 3, "c": None, "größe": "g", "one": 1, "yes": True},
        ]
    )


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"default": "'low'"}, ["high", "mid", "low", "low"]),
        ({}, ["high", "mid", None, None]),
        ({"default": None}, ["high", "mid", None, None]),
        ({"default": "UPPER(s)"}, ["high", "mid", "Ö", "X"]),
    ],
)
def test_the_first_case_that_holds(
    given: Given, step: Step, params: Any, expected: list[Any]
) -> None:
    cases = [
        {"condition": "x >= 100", "value": "'high'"},
        {"condition": "x >= 70 -- a comment", "value": "'mid'"},
    ]
    frame = given({"x": [100, 70, 1, None], "s": ["a", "b", "ö", "x"]})
    found = step("case_when", {"output_col": "band", "cases": cases, **params}, frame)
    assert list(found[0]) == ["x", "s", "band"]
    assert [row["band"] for row in found] == expected


def test_cases_may_give_numbers(given: Given, step: Step) -> None:
    cases = [{"condition": "x > 1", "value": 1}]
    params = {"output_col": "flag", "cases": cases, "default": 0}
    found = step("case_when", params, given({"x": [1, 2]}))
    assert [row["flag"] for row in found] == [0, 1]


def test_sql_reads_df_and_the_other_datasets(given: Given, step: Step) -> None:
    query = "SELECT o.id, c.name FROM df o LEFT JOIN cust c ON o.id = c.id WHERE o.id > 1"
    found = step(
        "sql",
        {"query": query},
        given({"id": [1, 2, 3]}),
        cust=given({"id": [2], "name": ["Bo"]}),
        unused=given({"id": [2]}),
    )
    assert tuples(found) == [(2.0, "Bo"), (3.0, None)]
