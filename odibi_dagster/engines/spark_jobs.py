"""How far Spark is with the jobs of one sink. Imported with a Spark session only."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

from py4j.protocol import Py4JError

from odibi_dagster.core.meter import Flow

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from pyspark import SparkContext
    from pyspark.sql import SparkSession

_GROUP = "spark.jobGroup.id"


@contextmanager
def flowing(session: SparkSession) -> Iterator[Callable[[], Flow]]:
    """Jobs that this thread starts inside belong to one group; what is yielded says how far it is.

    A group that the user has set stays set: it may be the one by which they cancel.
    """
    context = session.sparkContext
    theirs = context.getLocalProperty(_GROUP)
    group = theirs or f"odibi-{uuid4().hex}"
    before = context.statusTracker().getJobIdsForGroup(group)
    context.setLocalProperty(_GROUP, group)
    try:
        yield lambda: _answered(context, group, before)
    finally:
        context.setLocalProperty(_GROUP, theirs)  # type: ignore[arg-type]  # None removes it


def _answered(context: SparkContext, group: str, before: Collection[int]) -> Flow:
    """Nothing where Spark no longer answers: what became of it, the sink itself will say."""
    try:
        return _flow(context, group, before)
    except (Py4JError, OSError):
        return Flow(0)


def _flow(context: SparkContext, group: str, before: Collection[int]) -> Flow:
    """Spark's observation speaks at the end only; its tasks say what they wrote as they finish."""
    tracker = context.statusTracker()
    store = context._jsc.sc().statusStore()
    jobs = [
        tracker.getJobInfo(job) for job in tracker.getJobIdsForGroup(group) if job not in before
    ]
    stages = {stage for job in jobs if job for stage in job.stageIds}
    known = {stage: info for stage in stages if (info := tracker.getStageInfo(stage))}
    rows = sum(store.lastStageAttempt(stage).outputRecords() for stage in known)
    running = [info for info in known.values() if info.numActiveTasks]
    done = sum(info.numCompletedTasks for info in running)
    return Flow(rows, (done, sum(info.numTasks for info in running)) if running else None)
