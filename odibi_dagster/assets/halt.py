"""`on_fail: halt`: where such a contract breaks, no further node of the run starts.

The run says so in a tag, which every step asks before it begins, in whichever process. For Airflow,
where each node is a Dagster run of its own, all tasks of one DAG run are one run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

from odibi_dagster.assets.chain import AIRFLOW_TASK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from odibi_dagster.core.names import NodeId

_TAG = "odibi/halted"


def halt(instance: dg.DagsterInstance, run_id: str, node: NodeId) -> None:
    """Let no further node of the run start."""
    # a run that repeats this one inherits the tag: it names the run that it is about
    instance.add_run_tags(run_id, {_TAG: f"{run_id}:{node}"})


def halted_by(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str | None:
    """The node that halted the run, or the DAG run that it is a task of; None where none did."""
    for one in _together(instance, run):
        run_id, _, node = one.tags.get(_TAG, "").partition(":")
        if run_id == one.run_id:
            return node
    return None


def _together(instance: dg.DagsterInstance, run: dg.DagsterRun) -> Iterator[dg.DagsterRun]:
    """The run as it is now; of Airflow's, the last run of every task of the DAG run.

    So a task that is cleared begins anew.
    """
    dag, dag_run, task = AIRFLOW_TASK
    if not all(tag in run.tags for tag in AIRFLOW_TASK):
        if now := instance.get_run_by_id(run.run_id):
            yield now
        return
    same = dg.RunsFilter(tags={tag: run.tags[tag] for tag in (dag, dag_run)})
    last: dict[str, dg.DagsterRun] = {}
    for one in instance.get_runs(same):  # the newest first
        last.setdefault(one.tags[task], one)
    yield from last.values()
