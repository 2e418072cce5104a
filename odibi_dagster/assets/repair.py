"""What the target itself says, where state and target contradict each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from odibi_dagster.assets.mends import Mends
from odibi_dagster.core import clock
from odibi_dagster.errors import StateMismatchError
from odibi_dagster.plan.window import Cursor
from odibi_dagster.state.commands import state_command

if TYPE_CHECKING:
    from odibi_dagster.config.project import Node
    from odibi_dagster.plan.planner import Planner
    from odibi_dagster.state.admin import Row
    from odibi_dagster.state.marks import Mark
    from odibi_dagster.state.store import Store


@dataclass(frozen=True)
class Found:
    """The mark that fits the target as it is, and the last batch that the target names."""

    mark: Mark | None
    in_target: int
    target: str
    is_there: bool = True


def examine(store: Store, row: Row, node: Node, planner: Planner) -> Found:
    """Where the target is at: by the batch that it names, else by the cursor of its rows.

    Rows that were read and not stored (filtered out, or rejected) leave no trace in a target: where
    its batch is not remembered, they are read once more. StateMismatchError where neither says it.
    """
    target = node.target
    if target is None or node.incremental is None:
        msg = (
            f"node {node.id} is not incremental, so there is no mark to repair; "
            f"{state_command('reset', row.identity)} forgets its batches"
        )
        raise StateMismatchError(msg)
    uri = target.location.uri
    if not target.format.exists(target.location):
        return Found(None, 0, uri, is_there=False)
    there = target.format.published(target.location, row.name) or 0
    if there and (batch := store.window(row.identity, there)) and batch.upper is not None:
        return Found(batch.upper, there, uri)
    frame = planner.result(node.id)
    missing = set(node.incremental.columns) - set(frame.collect_schema().names())
    if missing:
        raise _unsaid(row, node, f"has no column '{missing.pop()}' that would say what was read")
    timezone = planner.project.config.dagster.timezone
    cursor = Cursor(planner.engine, frame, node.incremental, timezone)
    mark = cursor.look(None, clock.now(), None).upper
    if mark is None:
        raise _unsaid(row, node, "has no row that would say what was read")
    return Found(mark, there, uri)


def _unsaid(row: Row, node: Node, why: str) -> StateMismatchError:
    mends = Mends(node.id, row.identity)
    target = node.target and node.target.location
    return StateMismatchError(
        f"{target} names no batch that is remembered, and {why}; {mends.anew}, or {mends.set_mark}"
    )
