"""The spark dialect against Spark itself: the same text gives the same rows on both engines.

`data/spark_exact.txt` holds one query or value per line; where Spark raises, we raise.
`data/spark_refused.txt` holds what is refused when the file is loaded or bound.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from odibi_dagster.engines.sql.query import Query
from odibi_dagster.errors import OdibiError
from tests.sql.oracle import T, U, table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from odibi_dagster.core.frame import Frame
    from odibi_dagster.engines.base import Engine

DATA = Path(__file__).parent / "data"
pytestmark = pytest.mark.spark


def texts(name: str) -> list[str]:
    lines = (DATA / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("-- ")]


def is_query(text: str) -> bool:
    return text.startswith(("SELECT", "WITH"))


def whole(text: str) -> str:
    return text if is_query(text) else f"SELECT id, {text} AS x FROM t"


@dataclass(frozen=True)
class World:
    """The frames of both engines, and real Spark's answers, each asked for once."""

    spark: Any
    folder: Path

    @cache  # noqa: B019  (a world lives as long as the module)
    def frames(self, engine: Engine) -> dict[str, Frame]:
        return {n: engine.scan("parquet", [self.folder / f"{n}.parquet"]) for n in ("t", "u")}

    @cache  # noqa: B019
    def expected(self, sql: str) -> list[Any] | None:
        """Spark's rows, or None where it raises."""
        from pyspark.errors import PySparkException

        for name, frame in self.frames(self.spark).items():
            frame.to_native().coalesce(1).createOrReplaceTempView(name)
        try:
            return rows(tuple(row) for row in self.spark.session.sql(sql).collect())
        except PySparkException:
            return None


@pytest.fixture(scope="module")
def worlds(_spark: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, World]:
    """Frames with rows and frames without."""
    made = {}
    for name, size in (("full", None), ("empty", 0)):
        folder = tmp_path_factory.mktemp(name)
        for frame, columns in (("t", T), ("u", U)):
            pq.write_table(table(columns, size), folder / f"{frame}.parquet")
        made[name] = World(_spark, folder)
    return made


def plain(value: Any) -> Any:
    if isinstance(value, float):
        return "nan" if math.isnan(value) else float(f"{value:.14g}") + 0.0
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    return [plain(item) for item in value] if isinstance(value, list) else value


def rows(found: Iterable[Iterable[Any]]) -> list[Any]:
    return sorted(([plain(value) for value in row] for row in found), key=repr)


EXACT = texts("spark_exact.txt")


@pytest.mark.parametrize(
    ("text", "size"),
    # a value of every row says nothing about a frame without rows
    [*((text, "full") for text in EXACT), *((text, "empty") for text in EXACT if is_query(text))],
)
def test_the_same_rows_as_spark(
    text: str, size: str, worlds: dict[str, World], engine: Engine
) -> None:
    sql, world = whole(text), worlds[size]
    frames = world.frames(engine)
    query = Query.parse(sql, "spark")
    query.bind(frames)
    want = world.expected(sql)
    if want is None:
        with pytest.raises(OdibiError):
            engine.fetch(engine.sql(query, frames), 10_000)
        return
    got = rows(list(row.values()) for row in engine.fetch(engine.sql(query, frames), 10_000))
    assert got == want


@pytest.mark.parametrize("text", texts("spark_refused.txt"))
def test_what_is_not_exact_is_refused(text: str, worlds: dict[str, World], _spark: Any) -> None:
    with pytest.raises((ValueError, OdibiError)):
        Query.parse(whole(text), "spark").bind(worlds["full"].frames(_spark))
