"""`odibi-dagster state reset`, `repair`, `rename`, `forget` and `prune`: asked for first."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date, datetime
from typing import TYPE_CHECKING

from odibi_dagster.cli.asking import agreed
from odibi_dagster.errors import ConfigError, StateMismatchError
from odibi_dagster.state.commands import state_command

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from odibi_dagster.cli.state_rows import States
    from odibi_dagster.state.admin import Row
    from odibi_dagster.state.identity import Identity
    from odibi_dagster.state.marks import Mark


def reset(states: States) -> int:
    """Set the mark, or forget it."""
    row, to = states.row(), states.args.to
    mark = None if to is None else parse_mark(to)
    what = "forget the mark" if mark is None else f"set the mark to {mark}"
    if not agreed(states.args, states.terminal, f"{what} of {row.identity} (it is {row.mark})"):
        return 1
    node = states.node_of(row)
    there = None
    if mark is not None and node is not None and node.target is not None:
        # beside the mark that somebody says, the target is as it is
        there = node.target.format.published(node.target.location, row.name) or 0
    states.admin.reset(row.identity, mark, there)
    return _done(states, row)


def repair(states: States) -> int:
    """Take the target as it is."""
    from odibi_dagster.assets.repair import examine
    from odibi_dagster.engines.base import get_engine
    from odibi_dagster.plan.planner import Planner

    row = states.row()
    node = states.node_of(row)
    if node is None:
        msg = (
            f"{row.identity} is no node of the file, so it has no target to look at; "
            f"{state_command('rename', row.identity, 'PIPELINE/NODE')} gives it its new name, "
            f"{state_command('forget', row.identity)} removes it"
        )
        raise StateMismatchError(msg)
    project = states.project.at(node.partition) if node.partition else states.project
    planner = Planner(project, get_engine(project.engine))
    found = examine(states.store, row, node, planner)
    line = states.terminal.line
    line(f"state:  mark {row.mark}, batch {row.in_target} in the target")
    line(f"target: mark {found.mark}, batch {found.in_target}, {found.target}")
    if not agreed(states.args, states.terminal, f"take the target of {row.identity} as it is"):
        return 1
    states.admin.repair(
        row.identity,
        mark=found.mark,
        in_target=found.in_target,
        target=found.target if found.is_there else None,
    )
    return _done(states, row)


def rename(states: States) -> int:
    """Let another node carry on, with all of its partitions or the one that is named."""
    nodes = states.args.nodes
    if len(nodes) != 2 or nodes[1].count("/") != 1:
        msg = "state rename takes the old and the new PIPELINE/NODE"
        raise ConfigError(msg)
    rows = states.parts()
    news = [_named(states, row, nodes[1]) for row in rows]
    if news[0] == rows[0].identity:
        msg = f"{news[0]} has that name already; write the old and the new PIPELINE/NODE"
        raise ConfigError(msg)
    if not agreed(states.args, states.terminal, f"let {news[0]} carry on where {_these(rows)} is"):
        return 1
    for row, new in zip(rows, news, strict=True):
        states.admin.rename(row.identity, new)
        _done(states, row)
    return 0


def _named(states: States, row: Row, name: str) -> Identity:
    """Whose state a node of this name has: its own, or that of its `state_key`."""
    from odibi_dagster.assets.identity import identity_of

    pipeline, node = name.split("/")
    for each in states.project.nodes.values():
        if str(each.id) == name:
            node = identity_of(states.project, each).node
    return replace(row.identity, pipeline=pipeline, node=node)


def forget(states: States) -> int:
    """Remove everything that is remembered of a node, or of one partition of it."""
    rows = states.parts()
    if not agreed(
        states.args, states.terminal, f"forget everything of {_these(rows)}; its data stays"
    ):
        return 1
    for row in rows:
        states.admin.forget(row.identity)
        _done(states, row)
    return 0


def _these(rows: Sequence[Row]) -> str:
    more = f" and {len(rows) - 1} more partitions" if len(rows) > 1 else ""
    return f"{rows[0].identity}{more}"


def prune(states: States) -> int:
    """Forget old batches, but none of the newest."""
    from odibi_dagster.core.units import parse_duration

    age, keep = states.args.older_than, states.args.keep
    try:
        seconds = parse_duration(age).total_seconds()
    except ValueError as error:
        raise ConfigError(str(error)) from None
    if not agreed(
        states.args,
        states.terminal,
        f"forget the batches older than {age}, but the newest {keep} of each node",
    ):
        return 1
    gone = states.admin.prune([row.identity for row in states.rows], seconds, keep)
    states.terminal.line(f"{gone:,} {'batch' if gone == 1 else 'batches'} forgotten")
    return 0


CHANGES: Mapping[str, Callable[[States], int]] = {
    "reset": reset,
    "repair": repair,
    "rename": rename,
    "forget": forget,
    "prune": prune,
}


def parse_mark(text: str) -> Mark:
    """A mark as somebody types it.

    >>> parse_mark("2024-01-31T12:00:00")
    datetime.datetime(2024, 1, 31, 12, 0)
    """
    for read in (int, float, date.fromisoformat, datetime.fromisoformat):
        try:
            mark: Mark = read(text)
        except ValueError:
            continue
        if not isinstance(mark, float) or math.isfinite(mark):
            return mark
    msg = f"{text!r} is no mark; write a number, 2024-01-31 or 2024-01-31T12:00:00"
    raise ConfigError(msg)


def _done(states: States, row: Row) -> int:
    states.terminal.line(f"{row.identity}: {states.args.action} done", "green")
    return 0
