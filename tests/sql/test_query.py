"""What SQL may be written, and what it says about itself before it runs."""

from __future__ import annotations

import doctest
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from odibi_dagster.engines.sql import query as module
from odibi_dagster.engines.sql import regex
from odibi_dagster.engines.sql.query import Expression, Query, deriving, filtering
from odibi_dagster.errors import ConfigError

if TYPE_CHECKING:
    from odibi_dagster.engines.base import Engine

REFUSED = {
    "SELECT a,\nFROM WHERE": r"invalid SQL at line 2, column",
    "SELECT (a FROM df": r"invalid SQL at line 1, column",
    "SELECT 'a FROM df": "invalid SQL",
    "SELECT 1; SELECT 2": "exactly one statement",
    "": "exactly one statement",
    "DROP TABLE df": "only SELECT is allowed",
    "INSERT INTO df SELECT 1": "only SELECT is allowed",
    "CREATE TABLE x AS SELECT 1": "only SELECT is allowed",
    "COPY df TO 'x.csv'": "only SELECT is allowed",
    "ATTACH 'x.db'": "only SELECT is allowed",
    "PRAGMA database_list": "only SELECT is allowed",
    "SET x = 1": "only SELECT is allowed",
    "INSTALL httpfs": "only SELECT is allowed|invalid SQL",
    "SELECT * FROM read_parquet('/etc/x')": "file functions are not allowed in sql",
    "SELECT * FROM read_csv('/etc/passwd')": "file functions are not allowed in sql",
    "SELECT * FROM read_csv_auto('/etc/passwd')": "file functions are not allowed in sql",
    "SELECT * FROM '/etc/x.parquet'": "file functions are not allowed in sql",
    "SELECT * FROM 'x.csv'": "file functions are not allowed in sql",
    "SELECT * FROM glob('*')": "not allowed in sql",
    "SELECT * FROM range(10)": "not allowed in sql|not supported",
    "SELECT read_text('/etc/passwd')": "file functions are not allowed in sql",
    "SELECT * FROM df WHERE x IN (SELECT y FROM read_csv('f'))": "file functions are not allowed",
    "SELECT * FROM information_schema.tables": "tables have one name",
    "SELECT getenv('HOME')": "function getenv is not supported",
    "SELECT random() FROM df": "not supported",
    "SELECT hash(a) FROM df": "write md5",
    "SELECT nothing_known(a) FROM df": "function nothing_known is not supported",
    "SELECT s ~ 'a' FROM df": "regexp_matches",
    "WITH RECURSIVE r AS (SELECT 1) SELECT * FROM r": "RECURSIVE",
    "SELECT * FROM df TABLESAMPLE 10%": "not supported|invalid",
    "SELECT a FROM df PIVOT (sum(b) FOR c IN ('x'))": "not supported",
    "SELECT CAST(a AS BLOB) FROM df": "type BLOB is not supported",
    "SELECT list_transform(l, x -> x + 1) FROM df": "not supported",
    "SELECT COLUMNS('a') FROM df": "not supported",
    "SELECT a FROM df ASOF JOIN g ON a >= b": "not supported|JOIN",
}


@pytest.mark.parametrize(("sql", "why"), REFUSED.items())
def test_refused_when_the_file_is_loaded(sql: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Query.parse(sql)


@pytest.mark.parametrize(
    "text",
    ["pl.read_csv('/etc/passwd')", "a +", "a; b", "a, b", "a AS b", "*", "(SELECT 1)", "1 FROM df",
     "a) OR (b", "__import__('os')", "a IN (SELECT b FROM c)", "", "DROP TABLE df"],
)  # fmt: skip
def test_an_expression_is_one_value(text: str) -> None:
    with pytest.raises(ValueError, match=r"cannot parse expression|not allowed|not supported"):
        Expression.parse(text)


@pytest.mark.parametrize("text", ["count(*) > 1", "sum(a)", "a + max(b)"])
def test_an_expression_over_groups_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not allowed|not supported"):
        Expression.parse(text)


@pytest.mark.parametrize(
    ("sql", "tables"),
    [
        ("SELECT 1", set()),
        ("SELECT * FROM Df JOIN other o USING (k)", {"Df", "other"}),
        ("WITH a AS (SELECT * FROM df) SELECT * FROM a", {"df"}),
        ("WITH df AS (SELECT * FROM df) SELECT * FROM df", {"df"}),
        ("SELECT * FROM (WITH a AS (SELECT 1) SELECT * FROM a) JOIN a USING (k)", {"a"}),
        ("SELECT x FROM df WHERE y IN (SELECT z FROM b) UNION SELECT w FROM c", {"df", "b", "c"}),
    ],
)
def test_the_tables_it_reads(sql: str, tables: set[str]) -> None:
    assert Query.parse(sql).tables == tables


def rows(engine: Engine, sql: str | Query, **frames: Any) -> list[dict[str, Any]]:
    made = {name: engine.wrap(native(engine, data)) for name, data in frames.items()}
    query = sql if isinstance(sql, Query) else Query.parse(sql)
    return engine.fetch(engine.sql(query, made), 100)


def native(engine: Engine, data: list[dict[str, Any]]) -> Any:
    if hasattr(engine, "session"):
        return engine.session.createDataFrame(data)
    return pl.LazyFrame(data)


ODD = [{"odd name": 1, 'quo"te': 2, "tick`y": 3, "select": 4, "größe": 5, "a.b": 6}]


def test_any_column_name_can_be_quoted(engine: Engine) -> None:
    sql = 'SELECT "odd name" a, "quo""te" b, "select" d, größe e, "a.b" f, `odd name` g FROM df'
    assert rows(engine, sql, df=ODD) == [{"a": 1, "b": 2, "d": 4, "e": 5, "f": 6, "g": 1}]


def test_columns_and_tables_are_found_in_any_case(engine: Engine) -> None:
    assert rows(engine, "SELECT ID FROM DF", df=[{"id": 1}]) == [{"ID": 1}]


def test_filtering_keeps_only_what_is_true(engine: Engine) -> None:
    data = [{"a": 1}, {"a": -1}, {"a": None}]
    assert rows(engine, filtering(Expression.parse("a > 0")), df=data) == [{"a": 1}]


def test_deriving_sees_the_old_columns_and_replaces_in_place(engine: Engine) -> None:
    made = deriving({"a": Expression.parse("a + 1"), "c": Expression.parse("a * 10")})
    assert rows(engine, made, df=[{"a": 1, "b": 2}]) == [{"a": 2, "b": 2, "c": 10}]


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("SELECT nam FROM df", "no column 'nam'; did you mean 'name'"),
        ("SELECT a FROM dff", "no table 'dff'; did you mean 'df'"),
        ("SELECT x.a FROM df", "no table 'x'"),
        ("SELECT upper(a) FROM df", "takes text, not integer"),
        ("SELECT name + 1 FROM df", "takes a number"),
        ("SELECT coalesce(name, a) FROM df", "cannot mix"),
        ("SELECT a, sum(a) FROM df", "must be in GROUP BY"),
        ("SELECT a FROM df WHERE sum(a) > 1", "aggregates are not allowed in WHERE"),
        ("SELECT a, a FROM df", "two columns are named 'a'"),
        ("SELECT a FROM df JOIN df d ON d.a = df.a", "ambiguous"),
    ],
)
def test_what_does_not_fit_the_frame_is_said(engine: Engine, sql: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        rows(engine, sql, df=[{"a": 1, "name": "x"}])


def test_a_filter_reaches_the_scan(tmp_path: Any) -> None:
    pl.DataFrame({"id": [1, 2], "x": [1, 2]}).write_parquet(tmp_path / "f.parquet")
    engine = module_engine()
    frame = engine.scan("parquet", [tmp_path / "f.parquet"])
    plan = engine.explain(engine.sql(Query.parse("SELECT id FROM df WHERE id > 1"), {"df": frame}))
    assert "FILTER" not in plan
    assert "PROJECT 1/2" in plan


def module_engine() -> Engine:
    from odibi_dagster.engines.base import get_engine

    return get_engine("polars")


def test_every_function_has_a_row_on_every_engine() -> None:
    pytest.importorskip("pyspark")
    from odibi_dagster.engines.sql import (
        catalogue,
        functions_polars,
        functions_spark,
        plan_polars,
        plan_spark,
    )

    assert set(functions_polars.FUNCTIONS) == set(functions_spark.FUNCTIONS)
    assert set(plan_polars.AGGREGATES) == set(plan_spark.AGGREGATES)
    assert {rule.fn for rule in catalogue.SCALARS.values()} <= set(functions_polars.FUNCTIONS)
    assert {rule.fn for rule in catalogue.AGGREGATES.values()} <= set(plan_polars.AGGREGATES)


@pytest.mark.parametrize("sql", ["first(a)", "collect_list(a)", "regexp_count(a, 'x')"])
def test_spark_words_with_another_meaning_are_refused(sql: str) -> None:
    with pytest.raises(ValueError, match=r"spark dialect|not supported"):
        Query.parse(f"SELECT {sql} FROM df", "spark")


def test_examples_in_docstrings() -> None:
    for each in (module, regex):
        assert doctest.testmod(each).failed == 0


ROW_FOR_ROW = {
    "SELECT *, a + 1 AS b FROM df": True,
    "SELECT a, SUM(a) OVER (PARTITION BY b) AS total FROM df ORDER BY a": True,
    "SELECT SUM(a) AS total FROM df": False,
    "SELECT COUNT(*) AS n FROM df": False,
    "SELECT UNNEST(l) AS x FROM df": False,
    "SELECT a FROM df WHERE a > 1": False,
    "SELECT DISTINCT a FROM df": False,
    "SELECT a FROM df LIMIT 3": False,
    "SELECT a FROM df JOIN g USING (a)": False,
    "SELECT a FROM (SELECT a FROM df)": False,
    "SELECT a FROM df UNION ALL SELECT a FROM df": False,
    "WITH x AS (SELECT a FROM df) SELECT a FROM x": False,
    "SELECT 1 AS one": False,
}


@pytest.mark.parametrize(("sql", "expected"), ROW_FOR_ROW.items())
def test_whether_a_query_surely_gives_a_row_for_a_row(sql: str, expected: bool) -> None:
    assert Query.parse(sql).row_for_row is expected
