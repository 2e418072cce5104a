from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.support import Cli

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """A small project, and the command run on it in this process."""
    for name in ("DAGSTER_HOME", "ODIBI_ENV", "ODIBI_NOW"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    made = Cli(tmp_path, capsys)
    made.land("orders", **made.ORDERS)
    made.write()
    return made
