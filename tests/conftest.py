"""Engines by fixture: a test that takes `engine` runs on Polars and on Spark."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from odibi_dagster.engines.base import get_engine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from odibi_dagster.engines.base import Engine


@pytest.fixture(scope="session")
def _spark() -> Iterator[Engine]:
    pyspark_sql = pytest.importorskip("pyspark.sql")
    session = (
        pyspark_sql.SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.driver.memory", "1g")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    yield get_engine("spark")
    session.stop()


@pytest.fixture(params=["polars", pytest.param("spark", marks=pytest.mark.spark)])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Every engine, one after the other: same input, same rows."""
    if request.param == "spark":
        return request.getfixturevalue("_spark")
    return get_engine("polars")
