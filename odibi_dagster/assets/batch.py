"""The name of a batch: the same for every try to publish the same rows."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import dagster as dg
    from dagster import DagsterInstance, DagsterRun


def batch_of(run: DagsterRun, instance: DagsterInstance, key: dg.AssetKey) -> str:
    """What the node of this asset adds in the first of the runs that each repeat the one before.

    A step retried by Dagster stays in its run. A run retried by Dagster, or by hand, names the run
    it repeats: where that one did not succeed (it failed, or was killed and never said so), its
    rows may be visible all the same and must not be added twice. What repeats a successful run is a
    batch of its own. The key is part of the name: nodes of two projects may add to one table.
    """
    while run.parent_run_id and (parent := instance.get_run_by_id(run.parent_run_id)):
        if parent.is_success:
            break
        run = parent
    node = hashlib.sha256(key.to_string().encode()).hexdigest()
    return f"{short(run.run_id)}_{node[:8]}"


def short(run_id: str) -> str:
    """A run in 16 characters: part of file names.

    >>> short("0b0c14f6-9a5e-4c3e-8c1a-1d2e3f405162")
    '0b0c14f69a5e4c3e'
    """
    return run_id.replace("-", "")[:16]
