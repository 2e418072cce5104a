"""DuckDB runs beside us on frames full of nulls, NaN, halves, negatives and unicode."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from odibi_dagster.engines.base import get_engine
from odibi_dagster.engines.sql.query import Query
from tests.sql.oracle import T, U, queries, table
from tests.sql.rows import same
from tests.sql.test_cases import near

if TYPE_CHECKING:
    from odibi_dagster.core.frame import Frame
    from odibi_dagster.engines.base import Engine

duckdb: Any = importlib.import_module("duckdb")


@dataclass(frozen=True)
class World:
    """The same frames for our engines and for DuckDB."""

    folder: Path
    duck: Any

    @cache  # noqa: B019  (a world lives as long as the module)
    def frames(self, engine: Engine) -> dict[str, Frame]:
        return {n: engine.scan("parquet", [self.folder / f"{n}.parquet"]) for n in ("t", "u")}


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, World]:
    """Frames with rows and frames without."""
    made = {}
    for name, size in (("full", None), ("empty", 0)):
        world = World(tmp_path_factory.mktemp(name), duckdb.connect())
        world.duck.execute("SET timezone = 'UTC'")
        for frame, columns in (("t", T), ("u", U)):
            rows = table(columns, size)
            pq.write_table(rows, world.folder / f"{frame}.parquet")
            world.duck.register(frame, rows)
        made[name] = world
    return made


def _same(sql: str, world: World, engine: Engine) -> bool:
    frames = world.frames(engine)
    result = engine.fetch(engine.sql(Query.parse(sql), frames), 10_000)
    return near(
        same([list(row.values()) for row in result]), same(world.duck.execute(sql).fetchall())
    )


@pytest.mark.parametrize("sql", queries())
def test_the_same_rows_as_duckdb(sql: str, worlds: dict[str, World], engine: Engine) -> None:
    assert _same(sql, worlds["full"], engine)


@pytest.mark.parametrize("sql", queries())
def test_without_rows_on_polars(sql: str, worlds: dict[str, World]) -> None:
    assert _same(sql, worlds["empty"], get_engine("polars"))


@pytest.mark.spark
@pytest.mark.parametrize("sql", [sql for sql in queries() if not sql.startswith("SELECT id, ")])
def test_without_rows_on_spark(sql: str, worlds: dict[str, World], _spark: Engine) -> None:
    """A value of every row says nothing about a frame without rows: queries only."""
    assert _same(sql, worlds["empty"], _spark)


MOMENTS = (
    "2024-01-01 01:00:00", "2024-01-01", "2024-01-01 01:00", "2024-01-01 01:00:00Z",
    "2024-01-01 01:00:00+01:00", "2024-01-01T01:00:00+01:00", "2024-01-01 01:00:00-00:30",
    "2024-01-01 01:00:00+01", "2024-01-01 01:00+0100", "2024/01/01T01:00:00.25-0530",
    "2024-01-01 01:00:00+01:00 ", "2024-01-01 01:00:00 +01:00", "2024-01-01 01:00:00+1:00",
    "2024-01-01+01:00", "2024-01-01 01:00:00 UTC", "2023-12-31 23:30:00-01:00", "x+01:00", "", None,
)  # fmt: skip


@pytest.mark.parametrize("kind", ["TIMESTAMPTZ", "TIMESTAMP", "DATE"])
def test_an_offset_is_taken_off_where_the_zone_counts(
    kind: str, engine: Engine, tmp_path: Path, worlds: dict[str, World]
) -> None:
    rows = pa.table({"id": range(len(MOMENTS)), "x": MOMENTS})
    pq.write_table(rows, tmp_path / "m.parquet")
    duck = worlds["full"].duck
    duck.register("m", rows)
    sql = f"SELECT TRY_CAST(x AS {kind}) AS y FROM m ORDER BY id"
    frames = {"m": engine.scan("parquet", [tmp_path / "m.parquet"])}
    found = engine.fetch(engine.sql(Query.parse(sql), frames), 100)
    expected = same(duck.execute(sql).fetchall())
    assert same([list(row.values()) for row in found]) == expected
