"""What the store is told and says: a lease, a batch that is intended, what is known of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from odibi_dagster.errors import FencedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from odibi_dagster.state.identity import Identity
    from odibi_dagster.state.marks import Mark


@dataclass(frozen=True)
class Intent:
    """A batch about to be published: its number, its window, and the run it belongs to.

    The window are the rows with `lower < cursor <= upper`; None is no bound. `run_key` is the same
    for every run that repeats a failed one.
    """

    number: int
    run_key: str
    lower: Mark | None = None
    upper: Mark | None = None
    full: bool = False
    """Whether it replaces the target by everything up to `upper`."""


@dataclass(frozen=True)
class Remembered:
    """What a row says when a lease is taken."""

    name: str
    """Whose batches the target holds."""
    mark: Mark | None
    batch: int
    """The number of the last batch that was confirmed; 0 before the first."""
    used: int
    """The highest number that a batch ever had, also before a reset."""
    in_target: int
    """The number of the last batch that the target named then."""
    run_key: str | None
    """Of the run that published it."""
    intent: Intent | None
    """A batch that was about to be published and never confirmed."""
    target: str | None


@dataclass(frozen=True)
class Lease:
    """The right to change one row, until the fence is raised by somebody else."""

    identity: Identity
    owner: str
    fence: int
    remembered: Remembered

    @property
    def held(self) -> dict[str, Any]:
        """What the row must still say for this lease to be one: see `state.statements`."""
        return {"key": self.identity.key, "held": self.fence}

    def fenced(self) -> FencedError:
        """What a run is told whose node another one has taken over."""
        return FencedError(
            f"{self.identity} was taken over by another run while run {self.owner} paused; nothing "
            "more is published by this one"
        )


@dataclass(frozen=True)
class Facts:
    """What is known of a published batch; None is unknown."""

    rows: int | None = None
    quarantined: int | None = None
    bytes: int | None = None
    seconds: float | None = None
    adopted: bool = False
    in_target: int = 0
    """The last batch that the target names now."""
    metrics: Mapping[str, Mapping[str, float]] | None = None
    """By check name and metric."""
