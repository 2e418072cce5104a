"""Where the state lies: told, or in the database of Dagster's own instance."""

from __future__ import annotations

import os
import re
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from odibi_dagster.assets.instance import HOME

if TYPE_CHECKING:
    import dagster as dg

    from odibi_dagster.config.project import Project
    from odibi_dagster.state.store import Store

VARIABLE = "ODIBI_STATE_URL"
BARE_DEV = ".tmp_dagster_home_"
"""How a bare `dagster dev` names its home (importing it from there costs a third of a second)."""
_FILE = "storage/odibi_state.db"
_RELATIVE = re.compile(r"^(sqlite\w*:///)(?![/:])")
"""A file that is named by where odibi.yaml lies, not by where a process happens to be."""


def state_url(project: Project, instance: dg.DagsterInstance | None) -> str:
    """The URL of the state's database. It may hold a password: never log it.

    `ODIBI_STATE_URL`, else `dagster.state_url`, else the instance's own Postgres or MySQL, else a
    file in its home. An instance that does not outlive its process holds no state: then the file
    lies in `.dagster_home` beside odibi.yaml, where the command line has it too.
    """
    said = project.config.dagster.state_url
    if told := os.environ.get(VARIABLE) or (said and said.reveal()):
        return _RELATIVE.sub(lambda match: f"{match[1]}{project.root}/", told)
    beside = project.root / HOME / _FILE
    if instance is None or not instance.is_persistent:
        return f"sqlite:///{beside}"
    runs = instance.run_storage
    for name in ("postgres_url", "mysql_url"):
        if found := getattr(runs, name, None):
            return str(found)
    home = Path(instance.root_directory)
    return f"sqlite:///{beside if _is_passing(home) else home / _FILE}"


def _is_passing(home: Path) -> bool:
    """Whether it is removed again: the home of a bare `dagster dev`, or of `local_temp()`."""
    if home.name.startswith(BARE_DEV):
        return True
    is_told = home == Path(os.environ.get("DAGSTER_HOME", ""))
    return (
        home.parent == Path(tempfile.gettempdir()) and home.name.startswith("tmp") and not is_told
    )


@cache
def open_store(url: str) -> Store:
    """The store there, one for each process."""
    from odibi_dagster.state.store import Store

    return Store(url)
