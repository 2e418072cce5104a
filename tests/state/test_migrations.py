"""The tables come to the version that this program knows, or a typed error says why not."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from odibi_dagster.errors import StateVersionError
from odibi_dagster.state import migrations, tables
from odibi_dagster.state.store import Store
from tests.state.conftest import ME


def _set_version(url: str, version: int) -> None:
    with Store(url).engine.begin() as connection:
        connection.execute(sa.update(tables.schema).values(version=version))


def _add_column(connection: sa.Connection) -> None:
    connection.execute(sa.text("ALTER TABLE odibi_state ADD COLUMN note INTEGER"))


@pytest.fixture
def newer(monkeypatch: pytest.MonkeyPatch) -> None:
    """This program knows one version more, with one column more."""
    monkeypatch.setattr(tables, "VERSION", 2)
    monkeypatch.setattr(migrations, "MIGRATIONS", (_add_column,))


def _columns(store: Store) -> set[str]:
    return {column["name"] for column in sa.inspect(store.engine).get_columns("odibi_state")}


def test_tables_of_a_newer_program_are_refused(state_url: str) -> None:
    _set_version(state_url, 99)
    with pytest.raises(
        StateVersionError, match=r"newer version .*tables 99, known here 1.*upgrade"
    ):
        Store(state_url)


def test_older_tables_are_upgraded_once(state_url: str, request: pytest.FixtureRequest) -> None:
    Store(state_url).acquire(ME, "run")
    old = Store(state_url)
    old.release(old.acquire(ME, "run"))
    request.getfixturevalue("newer")
    assert "note" in _columns(Store(state_url))
    Store(state_url)  # a second time there is nothing to do


def test_an_upgrade_under_a_run_is_refused(state_url: str, request: pytest.FixtureRequest) -> None:
    old = Store(state_url)
    lease = old.acquire(ME, "run")
    request.getfixturevalue("newer")
    with pytest.raises(StateVersionError, match="and runs are at work with it: run; wait for them"):
        Store(state_url)
    old.renew(lease)
    assert "note" not in _columns(old)
    old.release(lease)
    assert "note" in _columns(Store(state_url))


def test_a_worker_that_was_idle_during_an_upgrade_does_not_go_on(state_url: str) -> None:
    idle = Store(state_url)
    _set_version(state_url, 2)
    with pytest.raises(StateVersionError, match="newer version"):
        idle.acquire(ME, "run")


def test_a_first_start_that_was_killed_is_completed(state_url: str) -> None:
    """MySQL commits every table by itself: some are there, others are not, or no version is."""
    engine = Store(state_url).engine
    with engine.begin() as connection:
        connection.execute(sa.delete(tables.schema))
        tables.metrics.drop(connection)
    store = Store(state_url)
    store.release(store.acquire(ME, "run"))
    assert set(tables.metadata.tables) <= set(sa.inspect(store.engine).get_table_names())
