"""How deep and how long SQL may be, and what happens where a number does not fit."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import polars as pl
import pytest

from odibi_dagster.engines.polars import PolarsEngine
from odibi_dagster.engines.sql.query import Expression, Query

if TYPE_CHECKING:
    from odibi_dagster.engines.base import Engine

DEEP = {
    "brackets": "(" * 3000 + "a" + ")" * 3000,
    "NOT": "NOT " * 3000 + "a",
    "AND": " AND ".join(["a > 1"] * 5000),
    "+": "+".join(["a"] * 3000),
    "CASE": "CASE WHEN a THEN " * 1000 + "1" + " END" * 1000,
    "||": " || ".join(["a"] * 3000),
    "minus": "- " * 3000 + "a",
}


@pytest.mark.parametrize("dialect", ["duckdb", "spark"])
@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP)
def test_sql_too_deep_is_refused_at_once(text: str, dialect: str) -> None:
    begun = time.perf_counter()
    for make in (lambda: Expression.parse(text, dialect),
                 lambda: Query.parse(f"SELECT {text} AS x FROM df", dialect)):  # fmt: skip
        with pytest.raises(ValueError, match="levels deep"):
            make()
    assert time.perf_counter() - begun < 20


def test_sql_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="at most 65536"):
        Expression.parse("'" + "x" * 70_000 + "'")


def test_a_chain_of_a_hundred_conditions_runs(engine: Engine) -> None:
    text = " OR ".join(f"a = {n}" for n in range(100))
    frame = engine.wrap(
        engine.session.createDataFrame([{"a": 7}])
        if hasattr(engine, "session")
        else pl.LazyFrame({"a": [7]})
    )
    query = Query.parse(f"SELECT a, count(*) AS n FROM df WHERE {text} GROUP BY a")
    assert engine.fetch(engine.sql(query, {"df": frame}), 5) == [{"a": 7, "n": 1}]


def test_a_sum_that_does_not_fit_64_bits_is_an_error(engine: Engine) -> None:
    rows = [{"a": 2**62}, {"a": 2**62}]
    frame = engine.wrap(
        engine.session.createDataFrame(rows) if hasattr(engine, "session") else pl.LazyFrame(rows)
    )
    query = Query.parse("SELECT sum(a) AS s FROM df")
    with pytest.raises(Exception, match=r"(?i)overflow|conversion"):
        engine.fetch(engine.sql(query, {"df": frame}), 5)


@pytest.mark.parametrize("kind", [pl.Int8, pl.Int16, pl.Int32, pl.UInt8, pl.UInt16, pl.UInt32])
def test_a_sum_of_narrow_numbers_is_wide(kind: type[pl.DataType]) -> None:
    most = pl.select(kind.max()).item()
    frame = PolarsEngine().wrap(
        pl.LazyFrame({"a": pl.Series([most, None, most, most], dtype=kind)})
    )
    query = Query.parse("SELECT sum(a) AS s, sum(a) FILTER (WHERE a < 0) AS n FROM df")
    assert PolarsEngine().fetch(PolarsEngine().sql(query, {"df": frame}), 5) == [
        {"s": 3 * most, "n": None}
    ]
