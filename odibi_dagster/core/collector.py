"""Python's garbage collector, paused while many objects are made."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MANY_NODES = 200


@contextmanager
def collector_paused() -> Iterator[None]:
    """Loading builds many small objects and no garbage: collecting doubles its time (measured).

    Nested, the outermost counts: what is allocated meanwhile is walked once, at its end.
    """
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


def settle(nodes: int) -> None:
    """Tell the collector, while it is paused, that a large project is here to stay.

    Definitions live as long as their process, and every full collection would walk all of them:
    with 1,000 nodes that takes a third of the time in which Dagster builds its repository
    (measured). A small project is not worth touching the collector for.
    """
    if nodes >= MANY_NODES:
        gc.freeze()


def resume() -> None:
    """Collect again where our own process had stopped it, and walk only what comes after this."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
