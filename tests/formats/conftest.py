"""Databases by fixture: a test that takes `db` runs on SQLite, Postgres and MariaDB."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.formats.tables import SERVED, Database, database

_SERVED = pytest.mark.databases


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("postgres", marks=_SERVED),
        pytest.param("mysql", marks=_SERVED),
    ]
)
def db(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """An empty database of each kind, one after the other: same rows, same promises."""
    kind = request.param
    url = request.getfixturevalue(SERVED[kind]) if kind in SERVED else ""
    return database(kind, tmp_path, url)
