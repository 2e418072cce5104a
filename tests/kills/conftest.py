"""The nursery, and every pair of a layout and a database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kills.field import Field
from tests.kills.nursery import Nursery

FORMATS = ("delta", "parquet", "sql")
DATABASES = ("sqlite", "postgres", "mariadb")


@pytest.fixture(scope="session")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    nursery = Nursery.open(tmp_path_factory.mktemp("nursery") / "log")
    yield nursery
    nursery.close()


@pytest.fixture(params=DATABASES)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/state.db"
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture(params=FORMATS)
def ground(
    request: pytest.FixtureRequest, tmp_path: Path, database: str, nursery: Nursery
) -> Iterator[Field]:
    """A node with a target of each layout, and its state on each database."""
    yield Field(tmp_path / "field", request.param, database, nursery)
    nursery.clear()
