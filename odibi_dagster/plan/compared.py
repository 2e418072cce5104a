"""The tables that the contracts of a node compare its rows with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from odibi_dagster.checks.tables import Standing, Tables
from odibi_dagster.config.project import Upstream
from odibi_dagster.formats.keys import without

if TYPE_CHECKING:
    from collections.abc import Iterable

    from odibi_dagster.config.project import Node, Target
    from odibi_dagster.core.facts import Facts
    from odibi_dagster.core.frame import Frame
    from odibi_dagster.formats.base import Staged
    from odibi_dagster.plan.planner import Planner


def compared(
    planner: Planner, node: Node, frame: Frame | None = None, held: Standing | None = None
) -> Tables:
    """The tables that contracts of the node name; its own one is `frame` and what stands there."""
    frames, missing = planner.references(node)
    for name, source in node.references.items():
        if source == Upstream(node.id) and frame is not None:
            frames[name] = frame if held is None else _whole(frame, held.frame)
    return Tables(frames, missing, held)


def standing(
    planner: Planner,
    staged: Staged,
    target: Target,
    columns: Iterable[str],
    facts: Facts | None,
    *,
    again: bool = False,
) -> Standing | None:
    """The stored rows that stay when the staged ones are published; None where none does.

    Of these and of the write keys, the columns that are stored.

    An upsert replaces those with the keys of the batch. A row of the batch that is set aside
    replaces none, which is not known yet: its stored row counts as replaced. `again`: an earlier
    try has published this batch.
    """
    if target.mode == "overwrite" or not target.format.exists(target.location):
        return None
    engine = planner.engine
    wanted = [name for name in dict.fromkeys((*columns, *staged.keys)) if name in staged.schema]
    stored = target.format.read_columns(
        engine, target.location, target.options, lambda: staged.schema, wanted
    )
    if stored is None:
        return None
    if target.mode == "upsert":
        stored = without(stored, target.format.scan_staged(engine, staged), staged.keys)
    return Standing(stored, staged.keys, again and target.mode == "append", facts)


def _whole(batch: Frame, held: Frame) -> Frame:
    """The rows of both, in the columns that both have."""
    known = held.collect_schema()
    common = [name for name, dtype in batch.collect_schema().items() if known.get(name) == dtype]
    return nw.concat([batch.select(*common), held.select(*common)], how="vertical")
