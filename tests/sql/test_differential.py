"""DuckDB runs beside us on frames full of nulls, NaN, halves, negatives and unicode."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from odibi_dagster.engines.sql.query import Query
from tests.sql.oracle import T, U, queries, table
from tests.sql.rows import same
from tests.sql.test_cases import near

if TYPE_CHECKING:
    from odibi_dagster.engines.base import Engine

duckdb: Any = importlib.import_module("duckdb")


@pytest.fixture(scope="module", params=[None, 0], ids=["full", "empty"])
def files(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Any]:
    folder = tmp_path_factory.mktemp("frames")
    duck = duckdb.connect()
    duck.execute("SET timezone = 'UTC'")
    for name, columns in (("t", T), ("u", U)):
        rows = table(columns, request.param)
        pq.write_table(rows, folder / f"{name}.parquet")
        duck.register(name, rows)
    return folder, duck


@pytest.mark.parametrize("sql", queries())
def test_the_same_rows_as_duckdb(sql: str, files: tuple[Path, Any], engine: Engine) -> None:
    folder, duck = files
    frames = {name: engine.scan("parquet", [folder / f"{name}.parquet"]) for name in ("t", "u")}
    result = engine.sql(Query.parse(sql), frames)
    got = [list(row.values()) for row in engine.fetch(result, 10_000)]
    assert near(same(got), same(duck.execute(sql).fetchall()))
