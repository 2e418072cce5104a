from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg
import pytest

from tests.assets.databases import db
from tests.assets.support import Shop

__all__ = ["db"]

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Shop(tmp_path, instance)
