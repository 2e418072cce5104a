"""One fetch, only the columns that are named, and no contract in the way of another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from odibi_dagster.checks.base import contracts
from odibi_dagster.checks.judge import judge
from odibi_dagster.checks.observe import observe
from odibi_dagster.engines.base import get_engine
from odibi_dagster.engines.polars import PolarsEngine
from odibi_dagster.errors import DataReadError
from tests.checks.frames import NOW, judged, make

if TYPE_CHECKING:
    from pathlib import Path


class Watched(PolarsEngine):
    """Polars that remembers what it fetched."""

    def __init__(self) -> None:
        super().__init__()
        self.plans: list[str] = []

    def fetch(self, frame: Any, limit: int) -> list[dict[str, Any]]:
        self.plans.append(self.explain(frame))
        return super().fetch(frame, limit)


MANY = [
    contracts["not_null"](columns=["id"]),
    contracts["not_null"](columns=["name"]),
    contracts["not_null"](columns=["id"], name="again"),
    contracts["unique"](columns=["id"]),
    contracts["unique"](columns=["id", "name"]),
    contracts["range"](column="id", max=2),
    contracts["row_count"](min=1),
    contracts["freshness"](column="at", max_age="1h"),
    contracts["schema"](),
]


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    path = tmp_path / "x.parquet"
    frame = pl.DataFrame(
        {"id": [1, 2, 3], "name": ["a", "b", None], "at": [NOW] * 3, "wide": ["x" * 1000] * 3}
    )
    frame.write_parquet(path)
    return path


def test_all_contracts_share_one_fetch(stored):
    engine = Watched()

    judgements = judged(engine.scan("parquet", [stored]), MANY, engine)

    assert len(engine.plans) == 1
    assert [j.passed for j in judgements] == [
        True,
        False,
        True,
        True,
        True,
        False,
        True,
        True,
        True,
    ]


def test_only_named_columns_are_read(stored):
    engine = Watched()

    observe(engine.scan("parquet", [stored]), MANY, engine)
    observe(engine.scan("parquet", [stored]), [contracts["row_count"](min=1)], engine)

    assert "PROJECT 3/4 COLUMNS" in engine.plans[0]
    assert "4/4" not in engine.plans[0]
    assert "PROJECT 0/4" in engine.plans[1] or "FAST COUNT" in engine.plans[1].upper()


def test_no_contracts_are_still_a_row_count(engine):
    assert observe(make(engine, {"x": "int"}, [(1,), (None,)]), [], engine).rows == 2


def test_a_contract_that_cannot_be_measured_does_not_spoil_the_others(engine):
    frame = make(engine, {"x": "int"}, [(1,), (None,)])
    rules = [
        contracts["unique"](columns=["gone", "x"]),
        contracts["range"](column="x", min="one"),
        contracts["not_null"](columns=["x"]),
    ]

    judgements = judged(frame, rules, engine)

    assert [j.verdict.error for j in judgements] == [True, True, False]
    assert judgements[0].description == "cannot be evaluated: column 'gone' missing; found: x"
    assert "'one' is not a value of type Int64; write a number" in judgements[1].description
    assert judgements[2].verdict.failed_rows == 1


def test_a_frame_without_rows_or_columns():
    engine = get_engine("polars")
    frame = engine.wrap(pl.LazyFrame())
    rules = [contracts["row_count"](min=1), contracts["not_null"](columns=["x"])]

    judgements = judged(frame, rules, engine)

    assert [(j.passed, j.verdict.error) for j in judgements] == [(False, False), (False, True)]


def test_only_what_was_observed_can_be_judged():
    engine = get_engine("polars")
    seen = observe(make(engine, {"x": "int"}, [(1,)]), MANY[:0], engine)

    with pytest.raises(ValueError, match="not in tuple"):
        judge([contracts["row_count"](min=1)], seen)


def test_conditions_in_sql(engine):
    frame = make(
        engine, {"a": "int", "B": "int", "c": "text"}, [(1, 2, "x"), (3, 2, "y"), (None, 1, "")]
    )
    rules = [
        contracts["custom_sql"](condition="a <= b"),
        contracts["custom_sql"](name="same", condition="a <= b", threshold=1),
        contracts["custom_sql"](name="share", condition="a <= b", threshold="30%"),
        contracts["custom_sql"](name="strict", condition="coalesce(a <= b, false)"),
        contracts["custom_sql"](name="text", condition="c <> '' and a > 0"),
        contracts["custom_sql"](name="number", condition="a + 1"),
        contracts["custom_sql"](name="gone", condition="nope > 1"),
        contracts["custom_sql"](name="types", condition="upper(a) > 1"),
    ]

    judgements = judged(frame, rules, engine)

    found = ["error" if j.verdict.error else j.verdict.failed_rows for j in judgements]
    assert found == [1, 1, 1, 2, 1, "error", "error", "error"]
    assert [j.passed for j in judgements] == [False, True, False] + [False] * 5
    assert judgements[0].contract.conditions().keys() == judgements[1].contract.conditions().keys()


def test_conditions_on_an_empty_frame(engine):
    frame = make(engine, {"a": "int"}, [])

    (judgement,) = judged(frame, [contracts["custom_sql"](condition="a > 0")], engine)

    assert judgement.passed


def test_a_condition_that_fails_on_the_data_is_an_error_of_its_own(engine):
    frame = make(engine, {"x": "text"}, [("1",), ("two",), (None,)])
    rules = [
        contracts["custom_sql"](condition="cast(x as integer) > 0"),
        contracts["not_null"](columns=["x"]),
        contracts["unique"](columns=["x"]),
    ]

    judgements = judged(frame, rules, engine)

    assert [j.verdict.error for j in judgements] == [True, False, False]
    assert [j.passed for j in judgements] == [False, False, True]
    assert judgements[0].total_rows == 3


def test_data_that_cannot_be_read_is_no_verdict(stored):
    engine = get_engine("polars")
    frame = engine.scan("parquet", [stored])
    frame.collect_schema()
    stored.unlink()

    with pytest.raises(DataReadError):
        observe(frame, [contracts["unique"](columns=["id"])], engine)
