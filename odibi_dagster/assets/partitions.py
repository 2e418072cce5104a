"""Dagster's word for `dagster.partitions`, and the one partition that a run is of."""

from __future__ import annotations

from datetime import date, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster._core.definitions.partitions.context import partition_loading_context
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_START_TAG, PARTITION_NAME_TAG

from odibi_dagster.config.partitions import KEY_FORMATS
from odibi_dagster.errors import ConfigError, DataReadError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from odibi_dagster.config.project import Node, Project

_DEFINITIONS: Mapping[str, Callable[..., dg.TimeWindowPartitionsDefinition]] = {
    "hourly": dg.HourlyPartitionsDefinition,
    "daily": dg.DailyPartitionsDefinition,
    "weekly": dg.WeeklyPartitionsDefinition,
    "monthly": dg.MonthlyPartitionsDefinition,
}


def partitions_def(project: Project, node: Node) -> dg.PartitionsDefinition[Any] | None:
    """The partitions of a node, in the project's time zone; None where it has none.

    A span of time is one of them when it has ended.
    """
    if node.partitions is None:
        return None
    if node.partitions.span is None:
        return dg.StaticPartitionsDefinition(list(node.partitions.static or ()))
    span, unit = node.partitions.span, node.partitions.unit
    return windows(unit, span.start, span.end, project.config.dagster.timezone)


@cache
def windows(
    unit: str, start: date, end: date | None, timezone: str
) -> dg.TimeWindowPartitionsDefinition:
    """One object for all nodes that have them; a week begins on the weekday of its `start`."""
    first, last = _at_midnight(start), end and _at_midnight(end)
    offset = {"day_offset": start.isoweekday() % 7} if unit == "weekly" else {}
    return _DEFINITIONS[unit](
        start_date=first, end_date=last, timezone=timezone, fmt=KEY_FORMATS[unit], **offset
    )


def _at_midnight(day: date) -> datetime:
    return day if isinstance(day, datetime) else datetime(day.year, day.month, day.day)


def of_run(project: Project, node: Node, context: dg.AssetExecutionContext) -> tuple[Project, Node]:
    """Project and node for the partition of the run, where the node has any.

    dg.Failure where the run is of none, or of several: each is staged and published for itself.
    """
    if node.partitions is None:
        return project, node
    key = context.run.tags.get(PARTITION_NAME_TAG)
    defined = partitions_def(project, node)
    # a tag is anybody's text, and the key becomes a part of paths
    if key is None or defined is None or not defined.has_partition_key(key):
        several = ASSET_PARTITION_RANGE_START_TAG in context.run.tags
        what = "this run is of several: launch one run for each" if several else "choose one"
        msg = f"node {node.id} runs one of its partitions ({node.partitions}); {what}"
        metadata = {"odibi/exit_code": ConfigError.exit_code}
        raise dg.Failure(msg, metadata=metadata, allow_retries=False)
    narrowed = project.at(key)
    return narrowed, narrowed.nodes[node.id]


def key_for(context: dg.AssetExecutionContext, node: Node, asset: dg.AssetKey) -> str | None:
    """The partition of a Python asset that a node reads; None where that asset has none.

    DataReadError where the node has none: nobody says how all of them are one frame.
    """
    layer = context.job_def.asset_layer
    if not layer.has(asset) or layer.get(asset).partitions_def is None:
        return None
    if node.partition is None:
        name = asset.to_user_string()
        msg = f"the Python asset {name} has partitions; give node {node.id} the same ones"
        raise DataReadError(msg)
    return node.partition


def requests_for(defined: dg.PartitionsDefinition[Any]) -> Callable[..., Any]:
    """What a schedule asks for: the last span of time that had ended when it was due, or each key.

    It asks again where it is due more than once for the same.
    """

    def requests(
        context: dg.ScheduleEvaluationContext,
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        if not isinstance(defined, dg.TimeWindowPartitionsDefinition):
            for key in defined.get_partition_keys():
                # a tick asks for each of them once
                due = context.scheduled_execution_time.isoformat()
                yield dg.RunRequest(run_key=f"{due} {key}", partition_key=key)
        elif (last := last_ended(defined, context.scheduled_execution_time)) is not None:
            yield dg.RunRequest(partition_key=last)
        else:
            yield dg.SkipReason(f"no partition had ended: the first begins at {defined.start}")

    return requests


def last_ended(defined: dg.TimeWindowPartitionsDefinition, at: datetime) -> str | None:
    """The key of the last span of time that had ended at that moment; None before there is one."""
    with partition_loading_context(effective_dt=at):
        return defined.get_last_partition_key()
