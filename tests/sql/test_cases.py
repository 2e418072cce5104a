"""The cases written down from DuckDB: each gives DuckDB's rows on each engine, or is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from odibi_dagster.engines.sql.query import Query
from tests.sql.rows import same

if TYPE_CHECKING:
    from odibi_dagster.engines.base import Engine

DATA = Path(__file__).parent / "data"
CASES = [json.loads(line) for line in (DATA / "cases.jsonl").read_text().splitlines()]
NAMES = ("df", "customers", "products", "prices")
REFUSED = {
    "SELECT order_id, HASH(email) IS NOT NULL AS x FROM df": "function hash is not supported"
}


@pytest.fixture
def frames(engine: Engine) -> dict[str, Any]:
    return {name: engine.scan("parquet", [DATA / f"{name}.parquet"]) for name in NAMES}


def near(left: Any, right: Any) -> bool:
    if isinstance(left, float) and isinstance(right, float):
        return left == pytest.approx(right, rel=1e-5, abs=1e-6)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(near, left, right))
    return bool(left == right)


@pytest.mark.parametrize(
    "case", [c for c in CASES if c["sql"] not in REFUSED], ids=lambda c: c["sql"][:70]
)
def test_the_rows_are_those_of_duckdb(
    case: dict[str, Any], engine: Engine, frames: dict[str, Any]
) -> None:
    result = engine.sql(Query.parse(case["sql"]), frames)
    assert result.collect_schema().names() == case["columns"]
    got = [list(row.values()) for row in engine.fetch(result, 10_000)]
    assert near(same(got), same(case["rows"]))


def test_a_query_that_promises_a_row_for_a_row_gives_it() -> None:
    found = {case["sql"]: len(case["rows"]) for case in CASES if case["sql"] not in REFUSED}
    plain = [query for query in map(Query.parse, found) if query.row_for_row]
    held = {name: pl.read_parquet(DATA / f"{name}.parquet").height for name in NAMES}
    for query in plain:
        assert {held[table.lower()] for table in query.tables} == {found[query.text]}, query.text
    assert len(plain) > 60


@pytest.mark.parametrize(("sql", "why"), REFUSED.items())
def test_what_has_no_equal_is_refused_at_load(sql: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Query.parse(sql)
