"""A large shop on every engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from odibi_dagster.engines.base import Engine
from tests.large.support import Large


@pytest.fixture
def large(tmp_path: Path, engine: Engine) -> Iterator[Large]:
    """A folder with a project of one node, and an instance that remembers its runs."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield Large(tmp_path, instance, engine=engine.name)
