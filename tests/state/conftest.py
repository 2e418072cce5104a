"""The state on every database that it is promised for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from odibi_dagster.state.identity import Identity
from odibi_dagster.state.store import Store

if TYPE_CHECKING:
    from pathlib import Path

ME = Identity("shop", "bronze", "orders")


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("postgres", marks=pytest.mark.databases),
        pytest.param("mariadb", marks=pytest.mark.databases),
    ]
)
def state_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind, one after the other."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/state/odibi_state.db"
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def store(state_url: str) -> Store:
    return Store(state_url)
