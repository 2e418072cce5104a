"""select, drop, rename, distinct, sort, limit: which columns, which rows, in which order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from odibi_dagster.errors import SchemaContractError
from odibi_dagster.transforms.base import transforms
from tests.transforms.rows import ordered, rows, tuples

if TYPE_CHECKING:
    from tests.transforms.conftest import Given, Step

NAN = float("nan")


def test_select_keeps_these_columns_in_the_order_written(given: Given, step: Step) -> None:
    frame = given({"a": [1], "größe": [None], "total amount ($)": [2.5]})
    found = step("select_columns", {"columns": ["total amount ($)", "größe"]}, frame)
    assert found == [{"total amount ($)": 2.5, "größe": None}]


def test_drop_keeps_all_others(given: Given, step: Step) -> None:
    assert step("drop_columns", {"columns": ["b"]}, given({"a": [1], "b": [2]})) == [{"a": 1}]


def test_dropping_every_column_is_refused(given: Given, step: Step) -> None:
    with pytest.raises(SchemaContractError, match="no column would be left"):
        step("drop_columns", {"columns": ["a"]}, given({"a": [1]}))


def test_two_columns_swap_their_names_in_place(given: Given, step: Step) -> None:
    frame = given({"a": [1], "b": [2], "c": [3]})
    found = step("rename_columns", {"mapping": {"a": "b", "b": "a"}}, frame)
    assert [list(row.items()) for row in found] == [[("b", 1), ("a", 2), ("c", 3)]]


@pytest.mark.parametrize("new", ["b", "B"])
def test_a_name_that_is_taken_is_refused(given: Given, step: Step, new: str) -> None:
    with pytest.raises(SchemaContractError, match=f"duplicate column '{new}': 'b' is there"):
        step("rename_columns", {"mapping": {"a": new}}, given({"a": [1], "b": [2]}))


def test_two_columns_get_no_common_name(given: Given, step: Step) -> None:
    with pytest.raises(SchemaContractError, match="duplicate column 'C': 'c' is there"):
        step("rename_columns", {"mapping": {"a": "c", "b": "C"}}, given({"a": [1], "b": [2]}))


def test_distinct_takes_nulls_and_nans_for_equal(given: Given, step: Step) -> None:
    frame = given({"k": ["ä", "ä", None, None], "x": [NAN, NAN, None, None]})
    assert tuples(step("distinct", {}, frame)) == [("ä", "NaN"), (None, None)]
    assert tuples(step("distinct", {"columns": ["k"]}, frame)) == [("ä",), (None,)]


@pytest.mark.parametrize(
    ("ascending", "expected"), [(True, [1.0, 2.0, "NaN", None]), (False, ["NaN", 2.0, 1.0, None])]
)
def test_sort_has_nulls_last_both_ways(
    given: Given, step: Step, ascending: bool, expected: list[Any]
) -> None:
    frame = given({"x": [2.0, None, NAN, 1.0]})
    found = step("sort", {"by": "x", "ascending": ascending}, frame)
    assert [row["x"] for row in ordered(found)] == expected


def test_sort_by_several_columns(given: Given, step: Step) -> None:
    frame = given({"a": [1, 2, 1], "b": ["x", "y", "z"]})
    found = step("sort", {"by": ["a", "b"], "ascending": False}, frame)
    assert [row["b"] for row in found] == ["y", "z", "x"]


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"n": 2}, [49, 48]),
        ({"n": 2, "offset": 1}, [48, 47]),
        ({"n": 0}, []),
        ({"n": 5, "offset": 48}, [1, 0]),
        ({"n": 5, "offset": 90}, []),
    ],
)
def test_limit_after_sort_is_the_top_n(
    given: Given, planned: Any, step: Step, params: dict[str, int], expected: list[int]
) -> None:
    frame = given({"x": [(number * 7) % 50 for number in range(50)]})
    top = planned("sort", {"by": "x", "ascending": False}, frame)
    assert [row["x"] for row in step("limit", params, top)] == expected


EMPTY = pl.DataFrame({"a": [], "b": []}, schema={"a": pl.Int64, "b": pl.String})


@pytest.mark.parametrize(
    ("name", "params", "columns"),
    [
        ("select_columns", {"columns": ["b"]}, ["b"]),
        ("drop_columns", {"columns": ["b"]}, ["a"]),
        ("rename_columns", {"mapping": {"a": "c"}}, ["c", "b"]),
        ("distinct", {}, ["a", "b"]),
        ("sort", {"by": "a"}, ["a", "b"]),
        ("limit", {"n": 1}, ["a", "b"]),
        ("limit", {"n": 1, "offset": 1}, ["a", "b"]),
        ("fill_nulls", {"values": {"a": 0}}, ["a", "b"]),
        ("clean_text", {"columns": ["b"]}, ["a", "b"]),
        ("deduplicate", {"keys": ["a"]}, ["a", "b"]),
        ("deduplicate", {"keys": ["a"], "order_by": "b"}, ["a", "b"]),
        ("aggregate", {"group_by": ["b"], "aggregations": {"a": "sum"}}, ["b", "a"]),
        ("cast_columns", {"casts": {"a": "double"}}, ["a", "b"]),
        ("filter_rows", {"condition": "a > 1"}, ["a", "b"]),
        ("derive_columns", {"derivations": {"c": "a + 1"}}, ["a", "b", "c"]),
        (
            "case_when",
            {"output_col": "c", "cases": [{"condition": "a > 1", "value": "1"}]},
            ["a", "b", "c"],
        ),
        ("join", {"right_dataset": "other", "on": "a"}, ["a", "b", "b_other"]),
        ("union", {"datasets": ["other"]}, ["a", "b"]),
        ("sql", {"query": "SELECT b FROM df"}, ["b"]),
    ],
)
def test_an_empty_frame_keeps_its_columns(
    given: Given, planned: Any, engine: Any, name: str, params: Any, columns: list[str]
) -> None:
    frame = planned(name, params, given(EMPTY), other=given(EMPTY))
    assert frame.collect_schema().names() == columns
    assert engine.fetch(frame, 10) == []


MISSING = [
    ("select_columns", {"columns": ["b", "amuont"]}),
    ("drop_columns", {"columns": ["amuont"]}),
    ("rename_columns", {"mapping": {"amuont": "x"}}),
    ("distinct", {"columns": ["amuont"]}),
    ("sort", {"by": "amuont"}),
    ("fill_nulls", {"values": {"amuont": 0}}),
    ("clean_text", {"columns": ["amuont"]}),
    ("cast_columns", {"casts": {"amuont": "int"}}),
    ("deduplicate", {"keys": ["amuont"]}),
    ("deduplicate", {"keys": ["amuont"], "order_by": "b"}),
    ("aggregate", {"group_by": ["amuont"], "aggregations": {"b": "count"}}),
    ("aggregate", {"group_by": ["b"], "aggregations": {"amuont": "count"}}),
    ("join", {"right_dataset": "other", "on": "amuont"}),
]


@pytest.mark.parametrize(("name", "params"), MISSING)
def test_a_missing_column_is_named_with_the_likely_one(
    given: Given, step: Step, name: str, params: Any
) -> None:
    frame = given({"amount": [1], "b": ["x"]})
    message = rf"step {name}.*no column 'amuont'; did you mean 'amount'\?"
    with pytest.raises(SchemaContractError, match=message):
        step(name, params, frame, other=frame)


def test_a_column_in_another_case_is_suggested(given: Given, step: Step) -> None:
    with pytest.raises(SchemaContractError, match=r"no column 'ID'; did you mean 'id'\?"):
        step("select_columns", {"columns": ["ID"]}, given({"id": [1], "name": ["x"]}))


REFUSED = [
    ("select_columns", {"columns": []}, "at least 1"),
    ("select_columns", {"columns": ["a", "a"]}, "column 'a' is listed twice"),
    ("select_columns", {"columns": [" "]}, "invalid column name ' ': it is empty"),
    ("drop_columns", {"columns": ['a" OR 1=1 --']}, "invalid column name"),
    ("rename_columns", {"mapping": {"a": ""}}, "invalid column name ''"),
    ("rename_columns", {"mapping": {}}, "at least 1"),
    ("sort", {"by": []}, "at least 1"),
    ("limit", {"n": -1}, "greater than or equal to 0"),
    ("limit", {"n": "10"}, "valid integer"),
    ("limit", {}, "Field required"),
    ("fill_nulls", {"values": {"a": None}}, "values.a"),
    ("clean_text", {"columns": ["a"], "case": "title"}, "'lower', 'upper' or 'preserve'"),
    ("cast_columns", {"casts": {"a": "integre"}}, "did you mean 'integer'"),
    ("aggregate", {"group_by": [], "aggregations": {"a": "sum"}}, "at least 1"),
    ("aggregate", {"group_by": ["a"], "aggregations": {"a": "summ"}}, "'sum', 'avg'"),
    ("join", {"right_dataset": "x"}, "a left join needs 'on'"),
    ("join", {"right_dataset": "x", "on": [], "how": "inner"}, "at least 1"),
    ("join", {"right_dataset": "x", "on": "a", "how": "cross"}, "cross join takes no 'on'"),
    ("join", {"right_dataset": "x", "on": "a", "how": "outer"}, "'full'"),
    ("union", {"datasets": []}, "at least 1"),
    ("deduplicate", {"keys": ["a"], "order_by": "b LIMIT 5"}, "more than an order"),
    ("deduplicate", {"keys": ["a"], "order_by": "b DESC NULLS"}, "as an order"),
    ("deduplicate", {"keys": ["a"], "order_by": "1"}, "orders by a constant"),
    ("case_when", {"output_col": "x", "cases": []}, "at least 1"),
]


@pytest.mark.parametrize(("name", "params", "message"), REFUSED)
def test_params_that_make_no_sense_are_refused_at_load(
    name: str, params: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        transforms[name].model_validate(params)


def test_rows_repeat_only_where_they_should(given: Given, step: Step) -> None:
    frame = given({"a": [1, 1]})
    assert rows(step("select_columns", {"columns": ["a"]}, frame)) == [{"a": 1.0}] * 2
