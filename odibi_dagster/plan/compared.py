"""The tables that the contracts of a node compare its rows with."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from odibi_dagster.checks.tables import Standing, Tables
from odibi_dagster.config.project import Upstream
from odibi_dagster.formats.keys import without

if TYPE_CHECKING:
    from collections.abc import Sequence

    from odibi_dagster.config.project import Node, Target
    from odibi_dagster.core.facts import Facts
    from odibi_dagster.core.frame import Frame
    from odibi_dagster.formats.base import Staged
    from odibi_dagster.plan.planner import Planner


def compared(
    planner: Planner, node: Node, frame: Frame | None = None, held: Standing | None = None
) -> Tables:
    """The tables that contracts of the node name; its own one is `frame` and what stands there.

    `frame` are the rows that are published beside `held`, of which an upsert replaces those with
    the same keys.
    """
    frames, missing = planner.references(node)
    if held is not None and held.gives_way and frame is not None:
        held = replace(held, frame=without(held.frame, frame, held.apart))
    own = {name for name, source in node.references.items() if source == Upstream(node.id)}
    if frame is not None:
        whole = frame if held is None else _whole(frame, held.frame)
        frames |= dict.fromkeys(own, whole)
    return Tables(frames, missing, held, frozenset(own))


def looked_at(node: Node, staged: Staged) -> list[str]:
    """The staged columns that are compared with what is stored: those of rules, and write keys."""
    columns = [name for contract in node.tests for name in contract.compares()]
    return [name for name in dict.fromkeys((*columns, *staged.keys)) if name in staged.schema]


def standing(
    planner: Planner,
    staged: Staged,
    target: Target,
    columns: Sequence[str],
    facts: Facts | None,
    *,
    again: bool = False,
) -> Standing | None:
    """The stored rows before the staged ones are published; None where none of them stays.

    Of `columns` those that are stored. `again`: an earlier try has published this batch.
    """
    if target.mode == "overwrite" or not target.format.exists(target.location):
        return None
    stored = target.format.read_columns(
        planner.engine, target.location, target.options, lambda: staged.schema, columns
    )
    if stored is None:
        return None
    gives_way, has_batch = target.mode == "upsert", again and target.mode == "append"
    return Standing(stored, staged.keys, gives_way, has_batch, facts)


def _whole(batch: Frame, held: Frame) -> Frame:
    """The rows of both, in the columns that both have."""
    known = held.collect_schema()
    common = [name for name, dtype in batch.collect_schema().items() if known.get(name) == dtype]
    return nw.concat([batch.select(*common), held.select(*common)], how="vertical")
