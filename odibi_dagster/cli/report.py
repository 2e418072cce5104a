"""What is known of a run, node by node, in plain data: filled by events, shown by `progress`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from odibi_dagster.core.names import NodeId

WAITING, RUNNING, OK, VIEW = "waiting", "running", "ok", "view"
WARNED, FAILED, SKIPPED, STOPPED = "warned", "failed", "skipped", "stopped"

_RANK = (0, 1, 3, 2, 4)
"""Exit codes from harmless to final: where trying again will not help, it must not be tried."""


@dataclass(frozen=True)
class CheckReport:
    """One contract of one node: its result, and what it saw."""

    name: str
    passed: bool
    blocking: bool
    description: str
    metadata: Mapping[str, object] = field(default_factory=dict)

    @property
    def state(self) -> str:
        """`passed`, `warned` (published all the same), `failed` or `skipped`: not judged."""
        if self.passed:
            return "passed"
        if self.metadata.get("action") == SKIPPED:
            return SKIPPED
        return "failed" if self.blocking else "warned"


@dataclass
class NodeReport:
    """One node. `rows` is None where nothing was stored, `seconds` where nothing ran."""

    id: NodeId
    state: str = WAITING
    rows: int | None = None
    quarantined: int | None = None
    seconds: float | None = None
    checks: list[CheckReport] = field(default_factory=list)
    message: str = ""
    trace: str = ""
    exit_code: int = 0

    def counted(self, state: str) -> int:
        """How many checks are `passed`, `warned`, `failed` or `skipped`."""
        return sum(check.state == state for check in self.checks)

    @property
    def is_done(self) -> bool:
        """Whether nothing more will happen to it in this run."""
        return self.state not in (WAITING, RUNNING)


@dataclass
class RunReport:
    """All nodes of a run, in the order they were planned."""

    nodes: dict[NodeId, NodeReport]
    run_id: str = ""
    seconds: float = 0.0
    failure: str = ""
    """Why the run as a whole failed, where no node says it."""

    def __iter__(self) -> Iterator[NodeReport]:
        """Node by node."""
        return iter(self.nodes.values())

    def states(self) -> dict[str, int]:
        """How many nodes are in each state; a warned node and a view are `ok`."""
        counts = {OK: 0, FAILED: 0, SKIPPED: 0, STOPPED: 0}
        for node in self:
            state = OK if node.state in (WARNED, VIEW) else node.state
            counts[state] = counts.get(state, 0) + 1
        return counts

    def checks(self, state: str) -> int:
        """How many checks of the run are `passed`, `warned`, `failed` or `skipped`."""
        return sum(node.counted(state) for node in self)

    @property
    def rows(self) -> int:
        """Rows stored by this run, quarantines not counted."""
        return sum(node.rows or 0 for node in self)

    @property
    def quarantined(self) -> int:
        """Rows that went to a quarantine."""
        return sum(node.quarantined or 0 for node in self)

    @property
    def exit_code(self) -> int:
        """The gravest of the nodes: 4 (permanent) before 2, 3 (a contract) and 1 (transient)."""
        codes = [node.exit_code for node in self] + ([4] if self.failure else [])
        return max(codes, key=_RANK.index, default=0)
