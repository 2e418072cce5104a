"""`foreign_key`: keys that another table knows, on both engines."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from odibi_dagster.checks.base import contracts
from odibi_dagster.checks.split import broken_rows, split
from odibi_dagster.checks.tables import Tables
from tests.checks.frames import NAN, NOW, fetched, judged, make

if TYPE_CHECKING:
    from odibi_dagster.checks.base import RowContract
    from odibi_dagster.core.frame import Frame
    from odibi_dagster.engines.base import Engine

TABLE = "$silver.customers"


def rule(**words: Any) -> RowContract:
    words = {"columns": ["customer"], "references": TABLE, "referenced_columns": ["id"], **words}
    return contracts["foreign_key"](**words)


def judge(engine: Engine, orders: Frame, customers: Frame, **words: Any) -> Any:
    tables = Tables({TABLE: customers})
    return judged(orders, [rule(**words)], engine, tables=tables)[0]


CUSTOMERS = [(1, "Ann"), (2, "Bo"), (2, "Bo again"), (None, "nobody")]
ORDERS = [(10, 1), (11, 2), (12, 9), (13, None), (14, 9)]


def both(engine: Engine) -> tuple[Frame, Frame]:
    orders = make(engine, {"id": "int", "customer": "int"}, ORDERS)
    return orders, make(engine, {"id": "int", "name": "text"}, CUSTOMERS)


def test_unknown_keys_are_broken_nulls_pass_and_duplicates_count_once(engine):
    found = judge(engine, *both(engine))

    assert (found.verdict.failed_rows, found.total_rows, found.blocks) == (2, 5, True)
    assert found.description == ("2 of 5 rows broken: (customer) is in $silver.customers (id)")


def test_the_quarantine_takes_each_row_once_with_its_reason(engine):
    orders, customers = both(engine)
    tables = Tables({TABLE: customers})
    rules = [
        rule(on_fail="quarantine"),
        contracts["range"](column="id", max=13, on_fail="quarantine"),
    ]
    valid, broken = split(
        orders,
        judged(orders, rules, engine, tables=tables),
        engine,
        add_columns=["_failed_tests"],
        batch="1",
        at=NOW,
        node="orders",
        tables=tables,
    )

    assert sorted(row["id"] for row in fetched(engine, valid)) == [10, 11, 13]
    assert valid.collect_schema().names() == ["id", "customer"]
    assert sorted(fetched(engine, broken), key=lambda row: row["id"]) == [
        {"id": 12, "customer": 9, "_failed_tests": "foreign_key_customer"},
        {"id": 14, "customer": 9, "_failed_tests": "foreign_key_customer,range_id"},
    ]


def test_broken_rows_are_shown(engine):
    orders, customers = both(engine)
    tables = Tables({TABLE: customers})
    (found,) = judged(orders, [rule()], engine, tables=tables)

    rows = broken_rows(orders, found, engine, tables=tables)

    assert sorted(row["id"] for row in rows) == [12, 14]


def test_a_key_of_several_columns(engine):
    types = {"country": "text", "number": "int"}
    orders = make(engine, types, [("DE", 1), ("DE", 2), ("FR", 1), (None, 1), ("FR", None)])
    known = make(engine, types, [("DE", 1), ("FR", 2)])

    found = judge(engine, orders, known, columns=["country", "number"], referenced_columns=[])

    assert found.verdict.failed_rows == 2


@pytest.mark.parametrize(
    ("kind", "here", "other", "there", "broken"),
    [
        ("small", [1, 2], "int", [2, 40_000], 1),
        ("text", ["Ö", "straße", "日本"], "text", ["Ö", "日本"], 1),
        ("float", [NAN, 0.0, 1.5], "float", [NAN, -0.0], 1),
        ("date", [date(2024, 1, 1)], "date", [date(2024, 1, 1)], 0),
        ("instant", [datetime(2024, 1, 1, tzinfo=UTC)], "instant", [], 1),
        ("decimal", [Decimal("1.50"), Decimal("2.00")], "decimal", [Decimal("1.5")], 1),
        ("bool", [True, False], "bool", [True], 1),
        ("int", [], "int", [1], 0),
        ("int", [None, None], "int", [], 0),
        ("int", [1, 2], "int", [], 2),
        ("int", [1, 2], "int", [None], 2),
    ],
)
def test_values_of_every_kind(engine, kind, here, other, there, broken):
    orders = make(engine, {"customer": kind}, [(value,) for value in here])
    customers = make(engine, {"id": other}, [(value,) for value in there])

    found = judge(engine, orders, customers)

    assert (found.verdict.failed_rows, found.passed) == (broken, broken == 0)


@pytest.mark.parametrize(
    ("kind", "other"),
    [
        ("int", "text"),
        ("int", "float"),
        ("timestamp", "instant"),
        ("date", "text"),
        ("list", "list"),
    ],
)
def test_types_that_cannot_be_compared_are_an_error(engine, kind, other):
    found = judge(engine, make(engine, {"customer": kind}, []), make(engine, {"id": other}, []))

    assert found.verdict.error
    assert found.blocks
    assert "cannot be compared" in found.description


def test_a_column_that_the_table_lacks_is_an_error(engine):
    found = judge(engine, *both(engine), referenced_columns=["idd"])

    assert found.description == (
        "cannot be evaluated: no column 'idd' in the referenced table; did you mean 'id'?"
    )


def test_a_table_that_is_not_there_is_an_error(engine):
    orders, _ = both(engine)
    tables = Tables({}, {TABLE: "the referenced table cannot be read: gone"})

    (found,) = judged(orders, [rule(on_fail="warn")], engine, tables=tables)

    assert (found.passed, found.blocks) == (False, False)
    assert found.description == "cannot be evaluated: the referenced table cannot be read: gone"


def test_the_threshold_counts(engine):
    assert judge(engine, *both(engine), threshold=2).passed
    assert not judge(engine, *both(engine), threshold="10%").passed


def test_one_column_may_be_written_alone():
    short = contracts["foreign_key"](column="customer", references=TABLE, referenced_columns="id")

    assert short.check_name == "foreign_key_customer"
    assert short.needs() == rule().needs() == {TABLE: TABLE}


def test_a_column_without_a_partner_is_refused():
    with pytest.raises(ValidationError, match="1 columns and 2 referenced_columns"):
        rule(referenced_columns=["a", "b"])
