"""join, union, aggregate, deduplicate: rows of several kinds meeting."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import polars as pl
import pytest

from odibi_dagster.errors import ConfigError, OdibiError, SchemaContractError
from odibi_dagster.transforms.base import Scope, transforms
from tests.transforms.rows import rows, tuples

if TYPE_CHECKING:
    from odibi_dagster.engines.base import Engine
    from tests.transforms.conftest import Given, Step

NAN = float("nan")
LEFT = {"k": [1, 1, 2, None], "v": ["a", "b", "c", "d"]}
RIGHT = {"k": [1, 3, None], "v": ["x", "y", "z"], "w": [10, 30, 0]}


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("inner", {(1, "a", "x", 10), (1, "b", "x", 10)}),
        (
            "left",
            {
                (1, "a", "x", 10),
                (1, "b", "x", 10),
                (2, "c", None, None),
                (None, "d", None, None),
            },
        ),
        (
            "right",
            {(1, "a", "x", 10), (1, "b", "x", 10), (3, None, "y", 30), (None, None, "z", 0)},
        ),
        (
            "full",
            {
                (1, "a", "x", 10),
                (1, "b", "x", 10),
                (2, "c", None, None),
                (None, "d", None, None),
                (3, None, "y", 30),
                (None, None, "z", 0),
            },
        ),
        ("semi", {(1, "a"), (1, "b")}),
        ("anti", {(2, "c"), (None, "d")}),
    ],
)
def test_a_null_key_matches_nothing(
    given: Given, step: Step, how: str, expected: set[tuple[Any, ...]]
) -> None:
    params = {"right_dataset": "other", "on": "k", "how": how}
    found = step("join", params, given(LEFT), other=given(RIGHT))
    assert len(found) == len(expected)
    assert {tuple(row.values()) for row in found} == expected
    names = ["k", "v"] if how in {"semi", "anti"} else ["k", "v", "v_other", "w"]
    assert list(found[0]) == names


def test_a_cross_join_pairs_every_row(given: Given, step: Step) -> None:
    params = {"right_dataset": "other", "how": "cross"}
    found = step("join", params, given({"k": [1, 2]}), other=given({"k": [3, 4], "w": [5, 6]}))
    assert list(found[0]) == ["k", "k_other", "w"]
    assert tuples(found) == [(1, 3, 5), (1, 4, 6), (2, 3, 5), (2, 4, 6)]


def test_a_prefix_stands_before_what_clashes_and_nothing_else(given: Given, step: Step) -> None:
    params = {"right_dataset": "other", "on": ["k"], "prefix": "o"}
    found = step("join", params, given(LEFT), other=given(RIGHT))
    assert list(found[0]) == ["k", "v", "o_v", "w"]


def test_a_name_that_differs_in_case_clashes_too(given: Given, step: Step) -> None:
    params = {"right_dataset": "other", "on": "k"}
    found = step("join", params, given({"k": [1], "v": [2]}), other=given({"k": [1], "V": [3]}))
    assert found == [{"k": 1, "v": 2, "V_other": 3}]


def test_a_clash_that_renaming_does_not_solve_is_refused(given: Given, step: Step) -> None:
    left, right = given({"k": [1], "v": [2], "v_other": [3]}), given({"k": [1], "v": [4]})
    with pytest.raises(SchemaContractError, match="duplicate column 'v_other'"):
        step("join", {"right_dataset": "other", "on": "k"}, left, other=right)


@pytest.mark.parametrize("how", ["inner", "left", "right", "full", "semi"])
def test_duplicate_keys_and_several_keys(given: Given, step: Step, how: str) -> None:
    left = given({"a": [1, 1, 1], "b": ["ü", "ü", "y"], "v": [1, 2, 3]})
    right = given({"a": [1, 1], "b": ["ü", "ü"], "w": [7, 8]})
    params = {"right_dataset": "other", "on": ["a", "b"], "how": how}
    found = step("join", params, left, other=right)
    assert len([row for row in found if row["b"] == "ü"]) == (2 if how == "semi" else 4)


@pytest.mark.parametrize("how", ["inner", "left", "right", "full", "semi"])
def test_nan_keys_match_each_other(given: Given, step: Step, how: str) -> None:
    params = {"right_dataset": "other", "on": "k", "how": how}
    found = step("join", params, given({"k": [NAN]}), other=given({"k": [NAN]}))
    assert tuples(found) == [("NaN",)]


def test_a_frame_joins_itself(given: Given, step: Step) -> None:
    frame = given({"k": [1, 2], "v": ["a", "b"]})
    found = step("join", {"right_dataset": "other", "on": "k", "how": "full"}, frame, other=frame)
    assert tuples(found) == [(1, "a", "a"), (2, "b", "b")]


@pytest.mark.parametrize("how", ["inner", "left", "right", "full", "semi"])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (pl.Int32, pl.Int64),
        (pl.Int64, pl.Int16),
        (pl.Int64, pl.Float64),
        (pl.Float32, pl.Int32),
        (pl.Int32, pl.Decimal(10, 2)),
    ],
)
def test_number_keys_of_two_types_meet(
    given: Given, step: Step, ours: Any, theirs: Any, how: str
) -> None:
    params = {"right_dataset": "other", "on": "k", "how": how}
    found = step("join", params, given({"k": [1]}, k=ours), other=given({"k": [1]}, k=theirs))
    assert tuples(found) == [(1.0,)]


def test_keys_of_unlike_types_are_refused(given: Given, step: Step) -> None:
    message = "column 'k' is Int64 here and String there; give both one type with cast_columns"
    with pytest.raises(SchemaContractError, match=message):
        step(
            "join",
            {"right_dataset": "other", "on": "k"},
            given({"k": [1]}),
            other=given({"k": ["1"]}),
        )


def test_a_dataset_that_is_not_there_is_named(given: Given, step: Step) -> None:
    frame = given({"k": [1]})
    with pytest.raises(ConfigError, match=r"no dataset 'custs'; did you mean 'cust'\?; list it"):
        step("join", {"right_dataset": "custs", "on": "k"}, frame, cust=frame)
    with pytest.raises(ConfigError, match="no dataset 'x'; the node has no other input"):
        step("union", {"datasets": ["x"]}, frame)


def test_steps_say_which_datasets_they_need() -> None:
    def needs(name: str, **params: Any) -> frozenset[str]:
        return transforms[name].model_validate(params).needs()

    assert needs("join", right_dataset="cust", on="k") == {"cust"}
    assert needs("union", datasets=["a", "b"]) == {"a", "b"}
    assert needs("sql", query="SELECT * FROM df JOIN cust USING (k)") == {"cust"}
    assert needs("limit", n=1) == frozenset()


def test_union_by_name_fills_what_is_missing_with_null(given: Given, step: Step) -> None:
    first = given({"a": [1, 1], "b": ["x", None]})
    found = step(
        "union",
        {"datasets": ["second", "third"]},
        first,
        second=given({"c": [0.5], "a": [2.5]}),
        third=given({"b": ["ß"]}),
    )
    assert list(found[0]) == ["a", "b", "c"]
    assert tuples(found) == [
        (1.0, "x", None),
        (1.0, None, None),
        (2.5, None, 0.5),
        (None, "ß", None),
    ]


def test_union_refuses_names_that_differ_in_case(given: Given, step: Step) -> None:
    with pytest.raises(SchemaContractError, match="duplicate column 'Id': 'id' is there already"):
        step("union", {"datasets": ["other"]}, given({"id": [1]}), other=given({"Id": [2]}))


def test_union_by_position_takes_the_first_names(given: Given, step: Step) -> None:
    params = {"datasets": ["other"], "by_name": False}
    found = step(
        "union", params, given({"a": [1], "b": ["x"]}), other=given({"b": [2], "a": ["y"]})
    )
    assert tuples(found) == [(1.0, "x"), (2.0, "y")]
    with pytest.raises(SchemaContractError, match=r"2 columns here, 1 there \(b\)"):
        step("union", params, given({"a": [1], "b": ["x"]}), other=given({"b": [2]}))


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        (pl.Series([1], dtype=pl.Int8), pl.Series([2], dtype=pl.Int64), nw.Int64),
        (pl.Series([1], dtype=pl.Int64), pl.Series([0.5]), nw.Float64),
        (
            pl.Series([Decimal("1.25")], dtype=pl.Decimal(5, 2)),
            pl.Series([Decimal("1.125")], dtype=pl.Decimal(9, 3)),
            nw.Decimal,
        ),
        (pl.Series([date(2024, 1, 2)]), pl.Series([datetime(2024, 1, 2, 3)]), nw.Datetime),
        (pl.Series([True]), pl.Series([None], dtype=pl.Boolean), nw.Boolean),
    ],
)
def test_types_of_one_family_widen(
    given: Given, planned: Any, engine: Engine, ours: Any, theirs: Any, expected: Any
) -> None:
    others = {"other": given({"x": theirs})}
    frame = planned("union", {"datasets": ["other"]}, given({"x": ours}), **others)
    assert frame.collect_schema()["x"] == expected
    both = [{"x": value} for value in [*ours.to_list(), *theirs.to_list()]]
    assert rows(engine.fetch(frame, 10)) == rows(both)


def test_types_of_unlike_families_are_refused(given: Given, step: Step) -> None:
    message = "step union: column 'x' is Boolean here and Int64 there"
    with pytest.raises(SchemaContractError, match=message):
        step("union", {"datasets": ["other"]}, given({"x": [True]}), other=given({"x": [1]}))


def test_aggregates_skip_nulls_and_an_all_null_group_is_null(given: Given, step: Step) -> None:
    frame = given({"k": ["a", "a", "b", None], "x": [1, None, None, 4]})
    for function, expected in {
        "sum": [("a", 1.0), ("b", None), (None, 4.0)],
        "AVG": [("a", 1.0), ("b", None), (None, 4.0)],
        "min": [("a", 1.0), ("b", None), (None, 4.0)],
        "max": [("a", 1.0), ("b", None), (None, 4.0)],
        "count": [("a", 1.0), ("b", 0.0), (None, 1.0)],
    }.items():
        found = step("aggregate", {"group_by": ["k"], "aggregations": {"x": function}}, frame)
        assert tuples(found) == expected, function


def test_nan_is_greater_than_every_number(given: Given, step: Step) -> None:
    frame = given({"k": [1.0, 1.0, 2.0, NAN, NAN], "x": [NAN, 5.0, NAN, 1.0, 2.0]})
    for function, expected in {
        "max": [("NaN", 2.0), (1.0, "NaN"), (2.0, "NaN")],
        "min": [("NaN", 1.0), (1.0, 5.0), (2.0, "NaN")],
        "sum": [("NaN", 3.0), (1.0, "NaN"), (2.0, "NaN")],
    }.items():
        found = step("aggregate", {"group_by": ["k"], "aggregations": {"x": function}}, frame)
        assert sorted(tuples(found), key=repr) == sorted(expected, key=repr), function


def test_first_is_the_value_of_some_row(given: Given, step: Step) -> None:
    frame = given({"k": [1, 1, 2], "x": ["a", "b", None]})
    params = {"group_by": ["k"], "aggregations": {"x": "first"}}
    found = {row["k"]: row["x"] for row in step("aggregate", params, frame)}
    assert found[1] in {"a", "b"}
    assert found[2] is None


@pytest.mark.parametrize(
    ("values", "dtype", "total"),
    [
        ([2**31 - 1, 1], pl.Int32, 2.0**31),
        ([100, 100], pl.Int8, 200.0),
        ([True, True], pl.Boolean, 2.0),
        ([Decimal("0.10"), Decimal("0.20")], pl.Decimal(5, 2), 0.3),
        ([16777216.0, 1.0], pl.Float32, 16777217.0),
    ],
)
def test_sums_do_not_overflow_the_column(
    given: Given, step: Step, values: Any, dtype: Any, total: float
) -> None:
    params = {"group_by": ["k"], "aggregations": {"x": "sum"}}
    found = step("aggregate", params, given({"k": [1, 1], "x": values}, x=dtype))
    assert tuples(found) == [(1.0, total)]


def test_a_sum_beyond_64_bits_is_an_error_and_never_another_number(
    given: Given, step: Step
) -> None:
    params = {"group_by": ["k"], "aggregations": {"x": "sum"}}
    top = 2**63 - 1
    with pytest.raises(OdibiError):
        step("aggregate", params, given({"k": [1, 1], "x": [top, 2**62]}))
    found = step("aggregate", params, given({"k": [1, 1, 2], "x": [2**62, -(2**62) - 1, None]}))
    assert tuples(found) == [(1.0, -1.0), (2.0, None)]


@pytest.mark.parametrize("function", ["sum", "avg"])
def test_text_has_no_sum(given: Given, step: Step, function: str) -> None:
    params = {"group_by": ["k"], "aggregations": {"x": function}}
    with pytest.raises(SchemaContractError, match=f"'{function}' needs numbers; column 'x' is Str"):
        step("aggregate", params, given({"k": [1], "x": ["1"]}))


def test_a_column_is_grouped_or_aggregated(given: Given, step: Step) -> None:
    params = {"group_by": ["k"], "aggregations": {"k": "count"}}
    with pytest.raises(SchemaContractError, match="duplicate column 'k'"):
        step("aggregate", params, given({"k": [1]}))


LOG = {
    "k": [1, 1, 1, None, None, 2],
    "at": ["b", "c", None, "x", "y", None],
    "n": [1, 2, 3, 4, 5, 6],
}


@pytest.mark.parametrize(
    ("order", "kept"),
    [
        ("at DESC", [2, 5, 6]),
        ("at", [1, 4, 6]),
        ("at DESC NULLS FIRST", [3, 5, 6]),
        ("n DESC", [3, 5, 6]),
        ("LENGTH(at) NULLS LAST, n DESC", [2, 5, 6]),
        ('"at" DESC, n', [2, 5, 6]),
    ],
)
def test_the_first_row_in_the_order_survives(
    given: Given, step: Step, order: str, kept: list[int]
) -> None:
    found = step("deduplicate", {"keys": ["k"], "order_by": order}, given(LOG))
    assert list(found[0]) == ["k", "at", "n"]
    assert sorted(row["n"] for row in found) == kept


def test_without_an_order_one_row_per_key_survives(given: Given, step: Step) -> None:
    found = step("deduplicate", {"keys": ["k"]}, given(LOG))
    assert sorted(tuples(found), key=repr) == sorted(
        {(r[0], *r[1:]) for r in tuples(found)}, key=repr
    )
    assert sorted(row["k"] or 0 for row in found) == [0, 1, 2]
    assert all(row["n"] in LOG["n"] for row in found)


def test_nan_and_unicode_keys(given: Given, step: Step) -> None:
    frame = given({"größe": [NAN, NAN, 1.0], "naïve key": ["é", "é", "é"], "n": [1, 2, 3]})
    params = {"keys": ["größe", "naïve key"], "order_by": "n DESC"}
    assert sorted(row["n"] for row in step("deduplicate", params, frame)) == [2, 3]


def test_the_order_reads_in_the_projects_dialect(given: Given, engine: Engine) -> None:
    params = {"keys": ["k"], "order_by": "at"}
    step = transforms["deduplicate"].model_validate(params, context={"dialect": "spark"})
    found = engine.fetch(step.apply(given(LOG), Scope(engine)), 10)
    # Spark's SQL has nulls first when ascending
    assert sorted(row["n"] for row in found) == [3, 4, 6]
