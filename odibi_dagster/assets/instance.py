"""Dagster's home: found, made, and opened so that two first starts at once do not break it."""

from __future__ import annotations

import os
from pathlib import Path

import dagster as dg
from filelock import FileLock

HOME = ".dagster_home"

_SETTINGS = "telemetry:\n  enabled: false\nnux:\n  enabled: false\n"


def find_home(config: Path) -> tuple[Path, bool]:
    """Dagster's home for a project, and whether it is ours (no DAGSTER_HOME was set)."""
    if home := os.environ.get("DAGSTER_HOME"):
        return Path(home), False
    return config.absolute().parent / HOME, True


def open_instance(home: Path, *, ours: bool) -> dg.DagsterInstance:
    """The instance at a home, created where there is none.

    The first start of a fresh SQLite home by several processes at once corrupts it for good,
    so creation happens under a file lock.
    """
    home.mkdir(parents=True, exist_ok=True)
    with FileLock(home / ".odibi-start.lock"):
        settings = home / "dagster.yaml"
        if ours and not settings.exists():
            settings.write_text(_SETTINGS, encoding="utf-8")
        os.environ["DAGSTER_HOME"] = str(home)
        instance = dg.DagsterInstance.from_config(str(home))
        _create_tables(instance)
    return instance


def _create_tables(instance: dg.DagsterInstance) -> None:
    """Touch every storage while the lock is held: SQLite creates its tables on first use."""
    instance.get_runs_count()
    instance.get_asset_keys(limit=1)
    instance.all_instigator_state()
