"""The protocol in words that need neither files nor processes: what a plain list would hold."""

from __future__ import annotations

from dataclasses import dataclass, field

LAG = 5
"""Seconds that `append_once` reads again."""
Row = tuple[int, int]
"""A row: its key, and its cursor in seconds after the first."""


@dataclass
class Pending:
    """A batch that was announced."""

    number: int
    upper: int | None
    lower: int | None = None
    full: bool = False


@dataclass
class Target:
    rows: list[Row] | None = None
    """None: it is not there."""
    batches: dict[str, int] = field(default_factory=dict)
    """The last batch of each owner that it names."""


@dataclass
class State:
    """What is remembered of one node."""

    owner: str
    """The name that the node had when it was first remembered."""
    mark: int | None = None
    last: int = 0
    in_target: int = 0
    pending: Pending | None = None

    @property
    def is_blank(self) -> bool:
        """Whether the node was only ever refused."""
        return not self.last and self.mark is None and self.pending is None


class Refused(Exception):
    """It must stop with a StateMismatchError."""


@dataclass
class Model:
    """A node under one of two names, its source and its target."""

    names_overwrites: bool
    names_known_rows: bool
    """Whether a batch is named of which every row was stored before."""
    once: bool
    """Whether keys that are stored are recognised, and late rows within the lag are read."""
    node: str = "orders"
    source: list[Row] = field(default_factory=list)
    target: Target = field(default_factory=Target)
    states: dict[str, State] = field(default_factory=dict)

    @property
    def state(self) -> State:
        """Of the node, by the name that it has now."""
        return self.states.setdefault(self.node, State(self.node))

    @property
    def other(self) -> str:
        """The name that the node does not have now."""
        return "sales" if self.node == "orders" else "orders"

    def rename(self) -> bool:
        """Carry on from what is remembered under the other name, if anything is. Refused."""
        if self.other not in self.states:
            return False
        if self.node in self.states and not self.states[self.node].is_blank:
            raise Refused
        self.states[self.node] = self.states.pop(self.other)
        return True

    def run(self, *, full: bool = False, until: str = "") -> bool:
        """One run, that dies at a point; whether it came there. Refused."""
        batch = self._due(full=full)
        if batch is None:
            return False
        if until == "before intend":
            return True
        self.state.pending = batch
        if until == "after intend":
            return True
        self._publish(batch)
        if until == "after publish":
            return True
        self._confirm(batch)
        return False

    @property
    def _there(self) -> int:
        """The last batch of ours that the target names."""
        return self.target.batches.get(self.state.owner, 0)

    def _due(self, *, full: bool) -> Pending | None:
        """The batch to publish now; None where nothing is new."""
        state, pending = self.state, self.state.pending
        if pending is not None and pending.number == self._there:
            self._confirm(pending)
            pending = None
        used = max(state.last, self._there, pending.number if pending else 0)
        if full:
            return Pending(used + 1, self._latest(None), full=True)
        if pending is not None and pending.full:
            number = pending.number if used <= pending.number else used + 1
            return Pending(number, pending.upper, full=True)
        self._refuse()
        if pending is not None:
            return pending
        lower = None if state.mark is None else state.mark - (LAG if self.once else 0)
        upper = self._latest(lower)
        if upper is None and self.target.rows is not None:
            return None
        return Pending(used + 1, upper, lower)

    def _refuse(self) -> None:
        state, there = self.state, self.target.rows is not None
        unread = not self.once and there and not state.last and state.pending is None
        if (state.last and not there) or self._there != state.in_target or unread:
            raise Refused

    def _latest(self, lower: int | None) -> int | None:
        return max((at for _, at in self._within(lower, None)), default=None)

    def _within(self, lower: int | None, upper: int | None) -> list[Row]:
        return [
            row
            for row in self.source
            if (lower is None or row[1] > lower) and (upper is None or row[1] <= upper)
        ]

    def _publish(self, batch: Pending) -> None:
        rows = self._within(batch.lower, batch.upper) if batch.upper is not None else []
        named = {self.state.owner: batch.number}
        if batch.full or self.target.rows is None:
            # whoever wrote there before has no batch in it any more
            self.target = Target(rows, named if self.names_overwrites or not batch.full else {})
            return
        known = {key for key, _ in self.target.rows} if self.once else set()
        new = [row for row in rows if row[0] not in known]
        if new or (rows and self.names_known_rows):
            self.target = Target([*self.target.rows, *new], self.target.batches | named)

    def _confirm(self, batch: Pending) -> None:
        state = self.state
        old = None if batch.full else state.mark
        marks = [each for each in (old, batch.upper) if each is not None]
        state.mark, state.pending = max(marks, default=None), None
        state.last, state.in_target = batch.number, self._there
