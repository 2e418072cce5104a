"""What each contract says of ordinary and of strange frames: the same on both engines."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import narwhals.stable.v2 as nw
import pytest

from odibi_dagster.checks.base import Column, contracts
from tests.checks.frames import NAN, NOW, judged, make

TYPES = {
    "id": "int",
    "name": "text",
    "age": "float",
    "price": "decimal",
    "ok": "bool",
    "day": "date",
    "at": "timestamp",
    "seen": "instant",
    "größe ü": "text",
}
ROWS = [
    (1, "A", 30.0, Decimal("9.99"), True, date(2024, 1, 1), datetime(2024, 1, 1, 8), None, "klein"),
    (2, None, 40.0, Decimal("20"), False, date(2024, 1, 5), datetime(2024, 1, 9, 8), None, "groß"),
    (3, "C", -5.0, Decimal("30"), True, None, None, datetime(2024, 1, 10, 11), "日本"),
    (3, "D", 200.0, None, None, date(2024, 2, 1), datetime(2024, 1, 2), None, "groß"),
    (5, "E", None, Decimal("50"), None, date(2023, 1, 1), datetime(2023, 1, 1), None, None),
]
ROWS = [
    tuple(v.replace(tzinfo=UTC) if i == 7 and v else v for i, v in enumerate(row)) for row in ROWS
]
NULLS = [(None,) * len(TYPES)] * 3
ERROR = "error"


@dataclass(frozen=True)
class Case:
    """A contract, and how many rows break it (or ERROR) in each of the frames."""

    kind: str
    params: dict[str, Any]
    ordinary: int | str
    nulls: int | str = 0
    empty: int | str = 0


CASES = [
    Case("not_null", {"columns": ["name"]}, 1, nulls=3),
    Case("not_null", {"columns": ["id", "name", "age"]}, 2, nulls=3),
    Case("not_null", {"columns": ["größe ü"]}, 1, nulls=3),
    Case("not_null", {"columns": ["nope"]}, ERROR, nulls=ERROR, empty=ERROR),
    Case("unique", {"columns": ["id"]}, 2),
    Case("unique", {"columns": ["id", "name"]}, 0),
    Case("unique", {"columns": ["größe ü"]}, 2),
    Case("unique", {"columns": ["price", "ok"]}, 0),
    Case("accepted_values", {"column": "name", "values": ["A", "C", "D", "E"]}, 1, nulls=3),
    Case("accepted_values", {"column": "name", "values": ["A", "C", "D", "E", None]}, 0),
    Case("accepted_values", {"column": "name", "values": [None]}, 4),
    Case("accepted_values", {"column": "id", "values": ["1", 2.0, 3]}, 1, nulls=3),
    Case("accepted_values", {"column": "id", "values": [1, 10**30]}, ERROR, ERROR, ERROR),
    Case("accepted_values", {"column": "id", "values": ["one"]}, ERROR, ERROR, ERROR),
    Case("accepted_values", {"column": "id", "values": [1.5]}, ERROR, ERROR, ERROR),
    Case("accepted_values", {"column": "name", "values": [True]}, ERROR, ERROR, ERROR),
    Case("accepted_values", {"column": "age", "values": [30, "40"]}, 3, nulls=3),
    Case("accepted_values", {"column": "price", "values": [9.99, "20"]}, 3, nulls=3),
    Case("accepted_values", {"column": "ok", "values": [True]}, 3, nulls=3),
    Case("accepted_values", {"column": "ok", "values": ["True", None]}, 1),
    Case("accepted_values", {"column": "ok", "values": [1]}, ERROR, ERROR, ERROR),
    Case("accepted_values", {"column": "day", "values": ["2024-01-01", date(2024, 1, 5)]}, 3, 3),
    Case("accepted_values", {"column": "at", "values": ["2024-01-01 08:00", None]}, 3),
    Case("accepted_values", {"column": "seen", "values": ["2024-01-10T12:00+01:00"]}, 4, nulls=3),
    Case("accepted_values", {"column": "größe ü", "values": ["groß", "日本"]}, 2, nulls=3),
    Case("range", {"column": "age", "min": 0, "max": 150}, 2),
    Case("range", {"column": "age", "min": 30.0}, 1),
    Case("range", {"column": "age", "max": 40}, 1),
    Case("range", {"column": "id", "min": "2", "max": 10**25}, 1),
    Case("range", {"column": "id", "min": 2.5}, 2),
    Case("range", {"column": "price", "min": 10, "max": 30.0}, 2),
    Case("range", {"column": "day", "min": "2024-01-01", "max": date(2024, 1, 31)}, 2),
    Case("range", {"column": "day", "min": "2024-01-01 10:00"}, ERROR, ERROR, ERROR),
    Case("range", {"column": "at", "min": "2024-01-01", "max": "2024-01-05"}, 2),
    Case("range", {"column": "at", "min": "2024-01-01T08:00:00Z"}, 1),
    Case("range", {"column": "at", "min": datetime(2024, 1, 1, 8, 0, 1)}, 2),
    Case("range", {"column": "seen", "max": "2024-01-10 10:59:59"}, 1),
    Case("range", {"column": "seen", "max": "2024-01-10 12:00+01:00"}, 0),
    Case("range", {"column": "at", "min": "yesterday"}, ERROR, ERROR, ERROR),
    Case("range", {"column": "name", "min": "B"}, 1),
    Case("range", {"column": "name", "min": 5}, ERROR, ERROR, ERROR),
    Case("range", {"column": "name", "min": date(2024, 1, 1)}, ERROR, ERROR, ERROR),
    Case("range", {"column": "ok", "min": 0}, ERROR, ERROR, ERROR),
    Case("range", {"column": "nope", "min": 0}, ERROR, ERROR, ERROR),
    Case("regex_match", {"column": "name", "pattern": "^[A-C]$"}, 2),
    Case("regex_match", {"column": "größe ü", "pattern": r"^\w+$"}, 0),
    Case("regex_match", {"column": "größe ü", "pattern": "(?i)GROSS|GROß|KLEIN"}, 1),
    Case("regex_match", {"column": "id", "pattern": "1"}, ERROR, ERROR, ERROR),
]


def contract(case: Case, place: int = 0) -> Any:
    return contracts[case.kind](name=f"case_{place}", **case.params)


@pytest.mark.parametrize("rows", ["ordinary", "nulls", "empty"])
def test_row_rules(engine, rows):
    data = {"ordinary": ROWS, "nulls": NULLS, "empty": []}[rows]
    rules = [contract(case, place) for place, case in enumerate(CASES)]

    judgements = judged(make(engine, TYPES, data), rules, engine)

    found = [ERROR if j.verdict.error else j.verdict.failed_rows for j in judgements]
    wanted = [getattr(case, rows) for case in CASES]
    different = [
        (case, got) for case, want, got in zip(CASES, wanted, found, strict=True) if want != got
    ]
    assert different == []
    assert [j.passed for j in judgements] == [want == 0 for want in wanted]
    assert [j.blocks for j in judgements] == [want != 0 for want in wanted]


def test_nan_is_a_value_and_breaks_range(engine):
    frame = make(engine, {"x": "float"}, [(NAN,), (NAN,), (1.0,), (None,)])
    rules = [
        contracts["range"](column="x", min=0),
        contracts["range"](name="high", column="x", max=9),
        contracts["not_null"](columns=["x"]),
        contracts["unique"](columns=["x"]),
        contracts["accepted_values"](column="x", values=[1]),
        contracts["accepted_values"](name="listed", column="x", values=[1, NAN, None]),
    ]

    judgements = judged(frame, rules, engine)

    assert [j.verdict.failed_rows for j in judgements] == [2, 2, 1, 2, 3, 0]


def test_a_key_of_lists_is_an_error(engine):
    frame = make(engine, {"x": "list"}, [([1],), ([1],)])

    (judgement,) = judged(frame, [contracts["unique"](columns=["x"])], engine)

    assert judgement.verdict.error
    assert "a key needs plain values" in judgement.description


@pytest.mark.parametrize(
    ("params", "rows", "passed"),
    [
        ({"min": 1}, 0, False),
        ({"min": 1}, 1, True),
        ({"max": 2}, 3, False),
        ({"min": 2, "max": 2}, 2, True),
        ({"min": 0}, 0, True),
    ],
)
def test_row_count(params, rows, passed):
    from odibi_dagster.engines.base import get_engine

    engine = get_engine("polars")
    frame = make(engine, {"x": "int"}, [(None,)] * rows)

    (judgement,) = judged(frame, [contracts["row_count"](**params)], engine)

    assert judgement.passed is passed
    assert judgement.metadata()["observed"] == rows


DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("kind", "values", "outcome"),
    [
        ("timestamp", [datetime(2024, 1, 9, 13), None, datetime(2020, 1, 1)], True),
        ("timestamp", [datetime(2024, 1, 9, 11)], False),
        ("timestamp", [None], False),
        ("timestamp", [], False),
        ("timestamp", [datetime(2030, 1, 1)], True),
        ("instant", [datetime(2024, 1, 9, 13, tzinfo=UTC)], True),
        ("instant", [datetime(2024, 1, 9, 11, tzinfo=UTC)], False),
        ("date", [date(2024, 1, 10)], True),
        ("date", [date(2024, 1, 9)], False),
        ("text", ["2024-01-09 13:00", "1999-12-31T23:59:59.5"], True),
        ("text", ["2024-01-09T11:00:00"], False),
        ("text", ["2024-01-09T11:00:00-02:00"], True),
        ("text", ["2024-01-09T13:00:00+0200"], False),
        ("text", ["2024-01-09T13:00Z", None], True),
        ("text", ["2024-01-09T13:00Z", "2024-01-09T13:00"], ERROR),
        ("text", ["2024-01-10", "soon", ""], ERROR),
        ("text", ["2023-02-29"], ERROR),
        ("text", [], False),
        ("int", [1], ERROR),
    ],
)
def test_freshness_of_a_column(engine, kind, values, outcome):
    frame = make(engine, {"at": kind}, [(value,) for value in values])

    (judgement,) = judged(frame, [contracts["freshness"](column="at", max_age="24h")], engine)

    assert (ERROR if judgement.verdict.error else judgement.passed) == outcome, judgement


def test_freshness_says_how_many_times_cannot_be_read(engine):
    frame = make(engine, {"at": "text"}, [("2024-01-10",), ("soon",), ("31.12.2024",), (None,)])

    (judgement,) = judged(frame, [contracts["freshness"](column="at", max_age="24h")], engine)

    assert "2 of 4 values of 'at' are no ISO 8601 times" in judgement.description


def test_freshness_without_a_column(engine):
    fresh = contracts["freshness"](max_age="24h")
    old, new = NOW - 2 * DAY, NOW - DAY / 2
    plain = make(engine, {"x": "int"}, [(1,)])
    dated = make(engine, {"updated_at": "instant"}, [(old,)])

    assert judged(plain, [fresh], engine, newest_file=new)[0].passed
    assert not judged(plain, [fresh], engine, newest_file=old)[0].passed
    assert judged(plain, [fresh], engine)[0].verdict.error
    assert not judged(dated, [fresh], engine, newest_file=new)[0].passed


def test_naive_times_are_read_in_the_projects_zone(engine):
    frame = make(engine, {"at": "timestamp"}, [(datetime(2024, 1, 9, 11),)])
    fresh = contracts["freshness"](column="at", max_age="24h")

    assert not judged(frame, [fresh], engine)[0].passed
    assert judged(frame, [fresh], engine, timezone="America/New_York")[0].passed


def test_schema_against_what_was_declared(engine):
    frame = make(engine, {"id": "int", "name": "text"}, [(1, None)])
    whole = {"id": Column(nw.Int64()), "name": Column()}
    strict, loose = contracts["schema"](), contracts["schema"](name="loose", strict=False)

    def verdicts(declared):
        return [j.passed for j in judged(frame, [strict, loose], engine, declared=declared)]

    assert verdicts(whole) == [True, True]
    assert verdicts({"name": Column(), "id": Column()}) == [True, True]
    assert verdicts({"id": Column()}) == [False, True]
    assert verdicts({**whole, "gone": Column()}) == [False, False]
    assert verdicts({**whole, "id": Column(nw.Int32())}) == [False, True]
    assert verdicts({**whole, "id": Column(nw.String())}) == [False, False]
    assert verdicts({**whole, "name": Column(nullable=False)}) == [False, False]
    assert verdicts({**whole, "id": Column(nullable=False)}) == [True, True]


def test_schema_against_what_was_published(engine):
    frame = make(engine, {"id": "int", "new": "text"}, [(1, "a")])
    strict = contracts["schema"](mode="strict")
    loose = contracts["schema"](name="loose", mode="compatible")
    stored = {"id": nw.Int32(), "old": nw.String(), "new": nw.Int64()}

    first = judged(frame, [strict, loose], engine)
    later = judged(frame, [strict, loose], engine, stored=stored)
    wider = judged(frame, [strict, loose], engine, stored={"id": nw.Int32()})

    assert [j.passed for j in first] == [True, True]
    assert first[0].metadata()["baseline"] == "none"
    assert later[0].verdict.description == (
        "column 'old' removed; column 'id' changed Int32 -> Int64; "
        "column 'new' changed Int64 -> String"
    )
    assert later[1].verdict.description == (
        "column 'old' removed; column 'new' changed Int64 -> String"
    )
    assert [j.passed for j in wider] == [False, True]
    assert "column 'new' added" in wider[0].description


def test_of_many_columns_only_the_first_are_listed(engine):
    wide = make(engine, {f"c{i}": "int" for i in range(2000)}, [(1,) * 2000])
    rules = [contracts["schema"](), contracts["not_null"](columns=["nope"])]
    for judgement in judged(wide, rules, engine, declared={"c0": Column(), "gone": Column()}):
        texts = [judgement.description, *map(str, judgement.metadata().values())]
        assert any(" more" in text for text in texts)
        assert max(map(len, texts)) < 2_000
