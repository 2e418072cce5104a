"""`odibi-dagster quarantine replay`: rejected rows, corrected, are published once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from odibi_dagster.cli.partition import known_key
from odibi_dagster.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from odibi_dagster.cli.quarantine_rows import Quarantines
    from odibi_dagster.config.project import Node
    from odibi_dagster.core.frame import Frame

_FILES = {".parquet": "parquet", ".csv": "csv"}
_MOST = 10_000
"""Batches that one call replays."""


def replay(quarantines: Quarantines) -> int:
    """Batch by batch; what was replayed stays so where a later one is still broken."""
    import narwhals.stable.v2 as nw

    from odibi_dagster.assets.identity import identity_of
    from odibi_dagster.assets.memory import Memory
    from odibi_dagster.assets.replay import BATCH, replay, replayable
    from odibi_dagster.cli.asking import agreed
    from odibi_dagster.cli.state_rows import open_state, who
    from odibi_dagster.plan.planner import Planner
    from odibi_dagster.state.admin import Admin

    args, node, line = quarantines.args, quarantines.node, quarantines.terminal.line
    if reason := replayable(node):
        msg = f"rows of {node.id} cannot be replayed: {reason}"
        raise ConfigError(msg)
    if node.partitions is not None and node.partition is None:
        known_key(quarantines.project, node, None)  # rows come back into one of them
    stored = quarantines.rows(node)
    there = _batches(quarantines, stored)
    rows = _corrected(quarantines, node, stored)
    batches = _wanted(quarantines, there, rows)
    if not batches:
        line(f"{node.id}: nothing to replay")
        return 0
    if not agreed(args, quarantines.terminal, f"replay {len(batches)} batches of {node.id}"):
        return 1
    store, identity = open_state(args, quarantines.project), identity_of(quarantines.project, node)
    admin = Admin(store, quarantines.project.config.project, who())
    memory = Memory(store, identity, f"replay-{uuid4().hex[:8]}", f"replay-{uuid4().hex}")
    for batch in batches:
        # each is planned anew: the one before has left the quarantine and is in the target
        planner = Planner(quarantines.project, quarantines.planner.engine)
        rows = _corrected(quarantines, node, quarantines.rows(node))
        own = rows.filter(nw.col(BATCH) == batch) if BATCH in rows.collect_schema() else rows
        # of a node with privacy, a file brings what came in: nothing else is anonymised
        raw = args.file is not None and node.config.privacy is not None
        done = replay(node, planner, memory, batch, own, raw=raw, is_there=batch in there)
        said = "published before" if done.rows is None else f"{done.rows:,} rows published"
        if batch in there:
            admin.remark(identity, "replay", f"batch {batch}: {said}")
        line(f"{node.id}: batch {batch} replayed, {said}", "green")
    return 0


def _batches(quarantines: Quarantines, stored: Frame | None) -> list[str]:
    """The batches that have rows in the quarantine, the oldest first."""
    from odibi_dagster.assets.replay import BATCH

    if stored is None:
        return []
    found = stored.select(BATCH).unique()
    return sorted(row[BATCH] for row in quarantines.planner.engine.fetch(found, _MOST))


def _corrected(quarantines: Quarantines, node: Node, stored: Frame | None) -> Frame:
    """The rows to publish: those of the file, or of the quarantine itself."""
    text = quarantines.args.file
    if text is not None:
        return _of_file(quarantines, Path(text))
    if stored is None:
        msg = f"nothing of {node.id} was rejected yet"
        raise ConfigError(msg)
    if node.config.privacy is not None and any(c.on_fail == "quarantine" for c in node.contracts):
        msg = (
            f"rows of {node.id} were anonymised before they were set aside, so the steps cannot "
            "take them; give the corrected rows with --from FILE"
        )
        raise ConfigError(msg)
    return stored


def _of_file(quarantines: Quarantines, path: Path) -> Frame:
    from odibi_dagster.connections.base import Location
    from odibi_dagster.formats.base import formats

    if path.suffix not in _FILES:
        msg = f"{path}: write a file that ends in {' or '.join(_FILES)}"
        raise ConfigError(msg)
    return formats[_FILES[path.suffix]]().scan(
        quarantines.planner.engine, Location(path.absolute())
    )


def _wanted(quarantines: Quarantines, there: list[str], rows: Frame) -> list[str]:
    """Which batches are meant: the one that is named, else those that the rows are of."""
    from odibi_dagster.assets.replay import BATCH

    named = quarantines.args.batch
    if named is not None and named not in there:
        hint = did_you_mean(named, there) if there else "the quarantine is empty"
        msg = f"no batch '{named}' in the quarantine; {hint}"
        raise ConfigError(msg)
    if BATCH not in rows.collect_schema():
        if named is None and len(there) > 1:
            msg = f"the file does not say which batch its rows are of; add {BATCH}, or --batch ID"
            raise ConfigError(msg)
        return there if named is None else [named]
    told = {
        row[BATCH] for row in quarantines.planner.engine.fetch(rows.select(BATCH).unique(), _MOST)
    }
    if None in told:
        msg = f"some rows of the file have no {BATCH}; write the batch they are of"
        raise ConfigError(msg)
    # first those that left the quarantine: nothing changes where one of them was never replayed
    wanted = sorted(told, key=lambda batch: (batch in there, batch))
    return [batch for batch in wanted if named in (None, batch)]
