"""Runs that repeat each other: what they publish is one batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from dagster import DagsterInstance, DagsterRun

_ENDED_BADLY = (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)


def run_key_of(run: DagsterRun, instance: DagsterInstance) -> str:
    """The first run of a chain in which each runs again what failed before it, as a key.

    A step retried by Dagster stays in its run. A run retried by Dagster, or by hand, names the run
    it repeats: where that one failed, its rows may be visible although it never said so, and must
    not be added twice. What repeats a successful run is a batch of its own.
    """
    while run.parent_run_id and (parent := instance.get_run_by_id(run.parent_run_id)):
        if parent.status not in _ENDED_BADLY:
            break
        run = parent
    return short(run.run_id)


def short(run_id: str) -> str:
    """A run in 16 characters: part of file names.

    >>> short("0b0c14f6-9a5e-4c3e-8c1a-1d2e3f405162")
    '0b0c14f69a5e4c3e'
    """
    return run_id.replace("-", "")[:16]
