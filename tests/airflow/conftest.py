"""Real Airflow, in environments of its own: they share nothing with ours but the machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cli.support import ROOT, child_environment

VERSIONS = ("2", "3")
_DRIVE = Path(__file__).with_name("drive.py")


@dataclass(frozen=True)
class Airflow:
    """One version of it, with a home and a database of its own."""

    version: str
    python: Path
    home: Path

    def __call__(self, *words: str, **environment: str) -> Any:
        """What `drive.py` answers; its whole output where it answers nothing."""
        done = subprocess.run(
            [self.python, _DRIVE, *words],
            env=self.environment(**environment), capture_output=True, text=True, check=False,
            timeout=240,
        )  # fmt: skip
        last = done.stdout.rstrip().rpartition("\n")[2]
        assert last.startswith("RESULT "), done.stdout[-20_000:] + done.stderr[-20_000:]
        return json.loads(last.removeprefix("RESULT "))

    def environment(self, **more: str) -> dict[str, str]:
        """Nothing of ours can be imported there; the command is named by its path."""
        plain = {k: v for k, v in child_environment().items() if k != "PYTHONPATH"}
        return {
            **plain,
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
            "ODIBI_DAGSTER": str(Path(sys.executable).parent / "odibi-dagster"),
            **more,
        }


@pytest.fixture(scope="session", params=VERSIONS)
def airflow(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Airflow:
    """Each version, migrated once. `make test` makes the environments."""
    made = os.environ.get(f"ODIBI_AIRFLOW_{request.param}")
    python = Path(made or ROOT / f".venv-airflow-{request.param}") / "bin/python"
    if not python.exists():
        message = f"no Airflow {request.param} at {python.parent.parent}; make test makes it"
        pytest.fail(message) if os.environ.get("CI") == "true" else pytest.skip(message)
    found = Airflow(request.param, python, tmp_path_factory.mktemp(f"airflow{request.param}"))
    subprocess.run(
        [python.parent / "airflow", "db", "migrate"],
        env=found.environment(), check=True, capture_output=True,
    )  # fmt: skip
    return found
