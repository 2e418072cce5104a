"""The spark dialect against Spark itself: the same text gives the same rows on both engines.

`data/spark_exact.txt` holds one query or value per line; where Spark raises, we raise.
`data/spark_refused.txt` holds what is refused when the file is loaded or bound.
"""

from __future__ import annotations

import math
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from odibi_dagster.engines.sql.query import Query
from odibi_dagster.errors import OdibiError
from tests.sql.oracle import T, U, table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from odibi_dagster.engines.base import Engine

DATA = Path(__file__).parent / "data"
pytestmark = pytest.mark.spark


def texts(name: str) -> list[str]:
    lines = (DATA / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("-- ")]


def whole(text: str) -> str:
    query = text.startswith(("SELECT", "WITH"))
    return text if query else f"SELECT id, {text} AS x FROM t"


@pytest.fixture(scope="module", params=[None, 0], ids=["full", "empty"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("frames")
    for name, columns in (("t", T), ("u", U)):
        pq.write_table(table(columns, request.param), made / f"{name}.parquet")
    return made


@pytest.fixture(scope="module")
def oracle(_spark: Any, folder: Path) -> Any:
    """Real Spark, with the frames as views."""
    for name in ("t", "u"):
        view = _spark.session.read.parquet(f"file://{folder}/{name}.parquet")
        view.coalesce(1).createOrReplaceTempView(name)
    yield _spark.session
    for name in ("t", "u"):
        _spark.session.catalog.dropTempView(name)


def plain(value: Any) -> Any:
    if isinstance(value, float):
        return "nan" if math.isnan(value) else float(f"{value:.14g}") + 0.0
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    return [plain(item) for item in value] if isinstance(value, list) else value


def rows(found: Iterable[Iterable[Any]]) -> list[Any]:
    return sorted(([plain(value) for value in row] for row in found), key=repr)


def expected(oracle: Any, sql: str) -> list[Any] | None:
    """Spark's rows, or None where it raises."""
    from pyspark.errors import PySparkException

    try:
        return rows(tuple(row) for row in oracle.sql(sql).collect())
    except PySparkException:
        return None


@pytest.mark.parametrize("text", texts("spark_exact.txt"))
def test_the_same_rows_as_spark(text: str, oracle: Any, folder: Path, engine: Engine) -> None:
    sql = whole(text)
    frames = {name: engine.scan("parquet", [folder / f"{name}.parquet"]) for name in ("t", "u")}
    query = Query.parse(sql, "spark")
    query.bind(frames)
    want = expected(oracle, sql)
    if want is None:
        with pytest.raises(OdibiError):
            engine.fetch(engine.sql(query, frames), 10_000)
        return
    got = rows(list(row.values()) for row in engine.fetch(engine.sql(query, frames), 10_000))
    assert got == want


@pytest.mark.parametrize("text", texts("spark_refused.txt"))
def test_what_is_not_exact_is_refused(text: str, folder: Path, _spark: Any) -> None:
    frames = {name: _spark.scan("parquet", [folder / f"{name}.parquet"]) for name in ("t", "u")}
    with pytest.raises((ValueError, OdibiError)):
        Query.parse(whole(text), "spark").bind(frames)
