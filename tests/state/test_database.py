"""What cannot be used as a state says so at once, in one typed error without any password."""

from __future__ import annotations

import logging
import sqlite3
import sys
import traceback
from pathlib import Path

import pytest
import sqlalchemy as sa

from odibi_dagster.errors import ConfigError, OdibiError, StateUnavailableError
from odibi_dagster.state import database
from odibi_dagster.state.database import connect
from odibi_dagster.state.records import Facts, Intent
from odibi_dagster.state.store import Store
from tests.state.conftest import ME

SECRET = "s3cr3t"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        (f"postgresql://bob:{SECRET}@h:bad/db", "invalid state url"),
        (f"no url at all {SECRET}", "invalid state url"),
        (f"oracle://bob:{SECRET}@h/db", "oracle is not supported; use sqlite, postgresql or mysql"),
        (f"postgresql+{SECRET}://h/db", "invalid state url"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
    ],
)
def test_what_is_no_url_is_refused(url: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        Store(url)
    assert SECRET not in _everything(caught.value)


@pytest.mark.parametrize(
    ("url", "package", "says"),
    [
        ("postgresql+psycopg://", "psycopg", "install psycopg or use postgresql\\+psycopg2://"),
        ("mysql+pymysql://", "pymysql", "needs the Python package 'pymysql'"),
    ],
)
def test_a_driver_that_is_not_installed(
    url: str, package: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Missing:
        def find_spec(self, name: str, *_: object) -> None:
            if name.partition(".")[0] == package:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Missing(), *sys.meta_path])
    with pytest.raises(ConfigError, match=says) as caught:
        connect(f"{url}bob:{SECRET}@h/db")
    assert SECRET not in _everything(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://bob:{SECRET}@127.0.0.1:1/db?sslpassword={SECRET}",
        f"mysql+pymysql://bob:{SECRET}@127.0.0.1:1/db?ssl_key={SECRET}",
    ],
)
def test_a_server_that_is_not_there(
    url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(database, "PATIENCE", 0.2)
    caplog.set_level(logging.DEBUG)
    with pytest.raises(StateUnavailableError, match=r"state database .*127.0.0.1:1.*: ") as caught:
        Store(url)
    assert "'odibi-dagster state list CONFIG' says when it answers" in str(caught.value)
    assert SECRET not in _everything(caught.value) + caplog.text


@pytest.mark.databases
def test_a_password_that_is_wrong(mariadb_url: str) -> None:
    url = sa.make_url(mariadb_url).set(username="bob", password=SECRET)
    with pytest.raises(StateUnavailableError, match=r"cannot be used: .*Access denied") as caught:
        Store(url.render_as_string(hide_password=False))
    assert SECRET not in _everything(caught.value)


@pytest.mark.databases
def test_the_options_of_a_url_are_kept(postgres_url: str) -> None:
    url = sa.make_url(postgres_url).update_query_dict({"options": "-c search_path=mine"})
    engine = connect(url.render_as_string(hide_password=False))
    with engine.connect() as connection:
        assert connection.execute(sa.text("SHOW search_path")).scalar() == "mine"
        assert connection.execute(sa.text("SHOW lock_timeout")).scalar() == "30s"
    engine.dispose()


@pytest.mark.databases
def test_nothing_waits_for_ever_on_postgres(postgres_url: str) -> None:
    """As the server itself says it: T05."""
    engine = connect(postgres_url)
    with engine.connect() as connection:
        said = {
            name: connection.execute(sa.text(f"SHOW {name}")).scalar()
            for name in ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")
        }
        driver = connection.connection.driver_connection
        assert driver is not None
        assert driver.info.dsn_parameters["connect_timeout"] == "10"
    engine.dispose()
    assert list(said.values()) == ["30s", "1min", "30s"]


def test_no_value_shows_in_an_error(store: Store) -> None:
    """Neither a mark nor whose it is: a table is missing, and the error quotes the statement."""
    lease = store.acquire(ME, "run")
    with store.engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE odibi_batches"))
    with pytest.raises(StateUnavailableError, match="odibi_batches") as caught:
        store.confirm(lease, Intent(1, SECRET, None, 424_242_424), Facts(rows=171_717))
    said = _everything(caught.value)
    assert "INSERT INTO odibi_batches" in said
    assert [value for value in (SECRET, "424242424", "171717", ME.key) if value in said] == []


@pytest.mark.databases
def test_the_other_name_of_mariadb(mariadb_url: str) -> None:
    store = Store(mariadb_url.replace("mysql+", "mariadb+"))
    store.release(store.acquire(ME, "run"))


def test_a_file_that_others_write_to_for_longer_than_one_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_BUSY", 0.01)
    monkeypatch.setattr(database, "PATIENCE", 0.0)
    store = Store(f"sqlite:///{tmp_path}/state.db")
    other = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    refused: list[str] = []

    @sa.event.listens_for(store.engine, "handle_error")
    def _let_in_at_last(context: sa.ExceptionContext) -> None:
        refused.append(str(context.original_exception))
        if len(refused) == 3:
            other.rollback()

    store.acquire(ME, "run")
    assert refused == ["database is locked"] * 3
    other.execute("BEGIN IMMEDIATE")
    monkeypatch.setattr(database, "_QUEUE", 0.0)
    with pytest.raises(StateUnavailableError, match="database is locked"):
        store.acquire(ME, "run")
    other.close()


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "state.db").write_text("these are notes, and quite a few of them\n" * 400)
    with pytest.raises(StateUnavailableError, match="cannot be used: file is not a database"):
        Store(f"sqlite:///{tmp_path}/state.db")


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StateUnavailableError, match=r"state database sqlite:.*File exists"):
        Store(f"sqlite:///{tmp_path}/file/state.db")


def test_a_damaged_file(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    store = Store(f"sqlite:///{file}")
    with store.engine.connect() as connection:
        connection.connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    store.engine.dispose()
    whole = file.read_bytes()
    file.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    with pytest.raises(StateUnavailableError, match=r"state database .* cannot be used"):
        Store(f"sqlite:///{file}").acquire(ME, "run")


def test_a_file_that_may_only_be_read(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/state.db"
    store = Store(url)
    lease = store.acquire(ME, "run")

    @sa.event.listens_for(store.engine, "connect", insert=True)
    def _read_only(connection: sqlite3.Connection, _: object) -> None:
        connection.execute("PRAGMA query_only = 1")  # root may write to any file

    store.engine.dispose()
    with pytest.raises(StateUnavailableError, match="cannot be used: attempt to write a readonly"):
        store.confirm(lease, Intent(1, "run"), Facts())


def test_a_full_disk(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/state.db")
    lease = store.acquire(ME, "run")

    @sa.event.listens_for(store.engine, "connect", insert=True)
    def _full(connection: sqlite3.Connection, _: object) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")

    store.engine.dispose()
    checks = {f"check{n}": {"rows": 1.0} for n in range(2_000)}
    with pytest.raises(StateUnavailableError, match="database or disk is full"):
        store.confirm(lease, Intent(1, "run", None, 5), Facts(metrics=checks))
    assert store.acquire(ME, "run").remembered.mark is None, "all of it or nothing"


def _everything(error: OdibiError) -> str:
    """All that a log could show of an error."""
    return "".join(traceback.format_exception(error)) + repr(error) + str(error)
