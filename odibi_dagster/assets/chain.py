"""Runs that repeat each other: what they publish is one batch."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dagster import DagsterInstance, DagsterRun


AIRFLOW_TASK = ("airflow/dag_id", "airflow/dag_run_id", "airflow/task_id")
"""The tags that say which task instance of Airflow a run is a try of."""


def run_key_of(run: DagsterRun, instance: DagsterInstance) -> str:
    """The first run of a chain in which each repeats the one before, as a key.

    A step retried by Dagster stays in its run. A run retried by Dagster, or by hand, names the run
    it repeats: where that one did not succeed (it failed, or was killed and never said so), its
    rows may be visible all the same and must not be added twice. What repeats a successful run is a
    batch of its own.

    Every try of one task instance of Airflow has one key, also after it was cleared: a task that
    runs again in the same DAG run is expected to add nothing.
    """
    if all(tag in run.tags for tag in AIRFLOW_TASK):
        named = "\0".join(run.tags[tag] for tag in AIRFLOW_TASK)
        return sha256(named.encode()).hexdigest()[:16]
    while run.parent_run_id and (parent := instance.get_run_by_id(run.parent_run_id)):
        if parent.is_success:
            break
        run = parent
    return short(run.run_id)


def short(run_id: str) -> str:
    """A run in 16 characters: part of file names.

    >>> short("0b0c14f6-9a5e-4c3e-8c1a-1d2e3f405162")
    '0b0c14f69a5e4c3e'
    """
    return run_id.replace("-", "")[:16]
