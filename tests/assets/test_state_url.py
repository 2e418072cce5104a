"""Where the state lies."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import dagster as dg
import pytest
from dagster._cli.utils import TMP_DAGSTER_HOME_PREFIX, get_temporary_instance_for_cli

from odibi_dagster.assets.state_url import BARE_DEV, VARIABLE, state_url
from odibi_dagster.config.load import load_project
from odibi_dagster.config.project import Project
from tests.assets.support import HEAD

NODE = """
pipelines:
  - pipeline: bronze
    nodes:
      - name: orders
        read: {connection: lake, format: csv, path: orders.csv}
        write: {connection: lake, format: csv, path: out.csv}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    for name in (VARIABLE, "DAGSTER_HOME"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "odibi.yaml").write_text(HEAD + NODE)
    return load_project(tmp_path / "odibi.yaml")


def _beside(project: Project) -> str:
    return f"sqlite:///{project.root}/.dagster_home/storage/odibi_state.db"


def test_an_instance_that_does_not_last_holds_no_state(project: Project) -> None:
    assert state_url(project, None) == _beside(project)
    with dg.DagsterInstance.ephemeral() as instance:
        assert state_url(project, instance) == _beside(project)
    with dg.DagsterInstance.local_temp() as instance:
        assert state_url(project, instance) == _beside(project)


def test_the_home_of_a_bare_dagster_dev_holds_no_state(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert BARE_DEV == TMP_DAGSTER_HOME_PREFIX
    monkeypatch.chdir(project.root)
    with get_temporary_instance_for_cli("dagster dev", logging.getLogger("test")) as instance:
        assert state_url(project, instance) == _beside(project)
        # as in the processes that a bare `dagster dev` starts
        monkeypatch.setenv("DAGSTER_HOME", instance.root_directory)
        assert state_url(project, instance) == _beside(project)


@pytest.mark.parametrize("name", ["home", "tmp_of_mine"])
def test_a_home_holds_the_state(
    project: Project, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = project.root / name
    home.mkdir()
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    with dg.DagsterInstance.get() as instance:
        assert state_url(project, instance) == f"sqlite:///{home}/storage/odibi_state.db"


def test_what_is_told_comes_first(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (project.root / "odibi.yaml").read_text()
    (project.root / "odibi.yaml").write_text(text + "dagster: {state_url: 'sqlite:////a.db'}\n")
    told = load_project(project.root / "odibi.yaml")
    assert state_url(told, None) == "sqlite:////a.db"
    monkeypatch.setitem(os.environ, VARIABLE, "sqlite:////b.db")
    assert state_url(told, None) == "sqlite:////b.db"


def test_a_relative_file_lies_beside_the_project(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "sqlite:///state/a.db")
    assert state_url(project, None) == f"sqlite:///{project.root}/state/a.db"
    monkeypatch.setenv(VARIABLE, "sqlite:///:memory:")
    assert state_url(project, None) == "sqlite:///:memory:", "which the store refuses"


@pytest.mark.databases
def test_the_database_of_the_instance(project: Project, postgres_url: str) -> None:
    home = project.root / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text(f"storage: {{postgres: {{postgres_url: '{postgres_url}'}}}}")
    with dg.DagsterInstance.from_config(str(home)) as instance:
        assert state_url(project, instance) == postgres_url
