"""What a run of a node remembers: its lease, its batch, its window; and what a dead run left.

lease -> recover -> fix the window and say what is about to be published (the intent) -> ... publish
with the batch's number inside the target -> confirm. Whatever is killed in between: the target says
whether the number is in it, and the next run either adopts the batch or publishes the same window.
"""

from __future__ import annotations

import functools
import threading
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from odibi_dagster.assets.mends import Mends
from odibi_dagster.core.batch import Batch
from odibi_dagster.errors import FencedError, OdibiError, StateMismatchError, StateUnavailableError
from odibi_dagster.formats.base import Bounds
from odibi_dagster.plan.window import Window, earlier
from odibi_dagster.state.marks import later
from odibi_dagster.state.records import Facts, Intent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from odibi_dagster.config.incremental import Incremental
    from odibi_dagster.config.project import Node, Target
    from odibi_dagster.core.history import Lookback, Past
    from odibi_dagster.plan.window import Cursor
    from odibi_dagster.state.admin import Row
    from odibi_dagster.state.identity import Identity
    from odibi_dagster.state.marks import Mark
    from odibi_dagster.state.records import Lease
    from odibi_dagster.state.store import Store

_MAX_FUTURE = timedelta(days=1)
_MARGIN = timedelta(days=2)
_NO_BATCH = 2**31 - 1
"""More than any number of a batch."""


@dataclass(frozen=True)
class Memory:
    """Where a node's state lies, and on whose behalf it is changed."""

    store: Store
    identity: Identity
    run_id: str
    run_key: str
    """The same for every run that repeats a failed one."""
    full_refresh: bool = False
    """Read everything and replace the target."""

    @contextmanager
    def session(self, node: Node) -> Iterator[Session]:
        """The node for this run alone; what an error ends is noted, and the next one let in."""
        assert node.target is not None  # noqa: S101  (a view has no state)
        lease = self.store.acquire(self.identity, self.run_id)
        stopped = threading.Event()
        beating = threading.Thread(target=self._beat, args=(lease, stopped), daemon=True)
        beating.start()
        session = None
        try:
            session = Session(self, lease, node, node.target)
            yield session
        except FencedError as error:
            raise self._fenced(lease, node) from error
        except BaseException as error:
            is_over = session is not None and session.is_over  # what was published stays published
            if not is_over and not self._end(lease, error) and isinstance(error, OdibiError):
                # it only shows what others did meanwhile
                raise self._fenced(lease, node) from error
            raise
        finally:
            stopped.set()
        if not session.is_over:
            self.store.release(lease)

    def of_tables(
        self, node: Node, wanted: Mapping[str, Lookback]
    ) -> Mapping[str, tuple[Past, ...]]:
        """The last published batches, by check name, where each of them was the whole table.

        Of a node that adds to its table there is none: no batch can be compared with a table.
        """
        wanted = {name: look for name, look in wanted.items() if not look.beneath}
        if not wanted or node.target is None or node.target.mode != "overwrite":
            return {}
        return self.store.history(self.identity, wanted, before=_NO_BATCH, windowed=False)

    def _fenced(self, lease: Lease, node: Node) -> FencedError:
        return FencedError(f"{lease.fenced()}; {Mends(node.id, self.identity).again} goes on")

    def _end(self, lease: Lease, error: BaseException) -> bool:
        """Let the next one in; False where it is in already."""
        try:
            return self.store.release(lease, str(error)[:2_000] or type(error).__name__)
        except StateUnavailableError as also:
            error.add_note(f"and the lease could not be ended, it runs out by itself: {also}")
            return True

    def _beat(self, lease: Lease, stopped: threading.Event) -> None:
        """Keep the lease while the node is at work."""
        while not stopped.wait(self.store.lease_seconds / 3):
            try:
                self.store.renew(lease)
            except StateUnavailableError:
                continue  # it may answer the next time
            except OdibiError:
                return  # the run finds out itself before it publishes


class Session:
    """One run of one node, from its lease to what is confirmed."""

    def __init__(self, memory: Memory, lease: Lease, node: Node, target: Target) -> None:
        self._memory, self._lease, self._node = memory, lease, node
        self.owner = lease.remembered.name
        self.mark: Mark | None = lease.remembered.mark
        self.is_over = False
        self._intended = False
        self.last = lease.remembered.batch
        """The number of the last batch that was published; 0 before the first."""
        self._expected = lease.remembered.in_target
        self.repeats = False
        """Whether this batch was published, or about to be, by an earlier try."""
        self.intent = self._recovered(target)
        full = memory.full_refresh or self.intent.full
        self.target = replace(target, mode="overwrite") if full else target

    @property
    def batch(self) -> Batch:
        """The batch of this run."""
        unseats = (row.name for row in self._others) if self.intent.full else ()
        return Batch(self.owner, self.intent.number, tuple(unseats))

    @property
    def is_in_target(self) -> bool:
        """Whether an earlier try has published this very batch: its rows stand there already."""
        if not self.repeats:
            return False
        there = self.target.format.published(self.target.location, self.owner) or 0
        return there >= self.intent.number

    @property
    def is_first(self) -> bool:
        """Whether nothing was read before: neither is there a mark, nor has somebody said one."""
        return not self.last and self.mark is None

    def reach(self, incremental: Incremental, at: datetime) -> Bounds:
        """What a source that filters by itself has to give: the window can only be narrower.

        Times reach back two days more: a day, a zone or its absence is a matter of the cursor.
        """
        lower, back = self.mark, incremental.watermark_lag
        if self.repeats or self.intent.full or self.is_first:
            lower, back = self.intent.lower, timedelta(0)
        elif not incremental.is_stateful:
            lower, back = at, incremental.span
        if isinstance(lower, date):
            lower = earlier(lower, back + _MARGIN)
        return Bounds(incremental.columns, lower)

    @property
    def loads_all(self) -> bool:
        """Whether the target is made by this batch: there is none yet, or it is replaced."""
        return self.intent.full or not self.target.format.exists(self.target.location)

    def window(
        self,
        cursor: Cursor,
        incremental: Incremental,
        at: datetime,
        max_future: timedelta | None,
    ) -> Window:
        """Which rows are new. CursorError or StateMismatchError where that cannot be said."""
        first = self.is_first or self.intent.full
        mark = None if self.intent.full else self._fitted(cursor, self.mark)
        if self.repeats:
            lower, upper = (self._fitted(cursor, m) for m in (self.intent.lower, self.intent.upper))
            return Window(lower, upper, mark, later(mark, upper), first)
        if not incremental.is_stateful:
            lower = None if first else cursor.since(at, incremental.span)
            return Window(lower, is_first=first)
        lower = cursor.before(mark, incremental.watermark_lag)
        seen = cursor.look(lower, at, max_future or _MAX_FUTURE)
        is_empty = seen.upper is None and not (first and seen.rows)
        return Window(lower, seen.upper, mark, later(mark, seen.upper), first, seen.nulls, is_empty)

    def _fitted(self, cursor: Cursor, mark: Mark | None) -> Mark | None:
        """The mark in the cursor's own type; StateMismatchError where it has none."""
        fitted = None if mark is None else cursor.fitted(mark)
        if mark is not None and fitted is None:
            column = self._node.incremental and self._node.incremental.column
            reason = f"the mark is {mark} and '{column}' is of another type"
            self._refuse(reason, self._mends.set_mark, self._mends.anew)
        return fitted

    def history(
        self, wanted: Mapping[str, Lookback], window: Window | None
    ) -> Mapping[str, tuple[Past, ...]]:
        """The last published batches before this one, by check name; nothing is read for nobody.

        What came after a mark is compared with its like, and so is what was loaded as a whole; and
        what an increment is added to is whatever was published before it. The first batch of a
        span of time is compared with the last batches of others.
        """
        if not wanted:
            return {}
        windowed = window is not None and window.lower is not None
        added = windowed and self.target.mode != "overwrite" and not self.loads_all
        beneath = {name: look for name, look in wanted.items() if look.beneath and added}
        like = {name: look for name, look in wanted.items() if not look.beneath}
        return {**self._like(like, windowed=windowed), **self._published(beneath, windowed=None)}

    def _like(
        self, wanted: Mapping[str, Lookback], *, windowed: bool
    ) -> Mapping[str, tuple[Past, ...]]:
        own, partitions = self._published(wanted, windowed=windowed), self._node.partitions
        if any(own.values()) or not wanted or partitions is None or partitions.span is None:
            return own
        memory = self._memory
        return memory.store.siblings(memory.identity, wanted, windowed=windowed)

    def _published(
        self, wanted: Mapping[str, Lookback], *, windowed: bool | None
    ) -> Mapping[str, tuple[Past, ...]]:
        if not wanted:
            return {}
        memory = self._memory
        return memory.store.history(
            memory.identity, wanted, before=self.intent.number, windowed=windowed
        )

    def beside(self, quarantine: Target) -> Target:
        """The quarantine: replaced where the target is."""
        full = self.target.mode == "overwrite"
        return replace(quarantine, mode="overwrite") if full else quarantine

    def intend(self, window: Window | None) -> None:
        """Say what is about to be published; FencedError where another run has taken over."""
        if window is not None and not self.repeats:
            self.intent = replace(self.intent, lower=window.lower, upper=window.upper)
        self._memory.store.intend(self._lease, self.intent, self.target.location.uri)
        self._intended = True

    def confirm(self, **facts: Any) -> None:
        """What was published is remembered: mark, batch and run at once.

        Where there was nothing to publish only the lease ends.
        """
        if self._intended:
            in_target = self.target.format.published(self.target.location, self.owner) or 0
            self._memory.store.confirm(
                self._lease, self.intent, Facts(in_target=in_target, **facts)
            )
        else:
            self._memory.store.release(self._lease)
        self.is_over = True

    @property
    def _mends(self) -> Mends:
        return Mends(self._node.id, self._memory.identity)

    @functools.cached_property
    def _others(self) -> list[Row]:
        """What the project remembers of other nodes that wrote the same target."""
        # as the store itself: a process that only loads has no use for a database's driver
        from odibi_dagster.state.admin import Admin

        mine, uri = self._memory.identity, self._node.target and self._node.target.location.uri
        rows = Admin(self._memory.store, mine.project, self._memory.run_id).rows()
        return [row for row in rows if row.target == uri and row.identity != mine]

    def _recovered(self, target: Target) -> Intent:
        """The batch to publish now, after what an earlier run left has been settled."""
        memory, told = self._memory, self._lease.remembered
        there = target.format.published(target.location, self.owner) or 0
        pending = told.intent
        published = pending is not None and there == pending.number
        if pending is not None and published:
            # published and never confirmed: the target knows better
            facts = Facts(adopted=True, in_target=there)
            memory.store.confirm(self._lease, pending, facts, release=False)
            self.last = self._expected = there
            self.mark = later(None if pending.full else self.mark, pending.upper)
        if memory.full_refresh:
            # no number that a run which sleeps since then could still publish rows under
            used = max(self._used(there), pending.number if pending else 0)
            return Intent(used + 1, memory.run_key, full=True)
        if pending is not None and pending.full and not published:
            # whatever is there now will be replaced, also what an older state does not know of
            used = self._used(there)
            number = pending.number if used <= pending.number else used + 1
            return self._again(replace(pending, number=number))
        self._refuse_mismatch(target, there)
        if pending is not None and (not published or self._is_mine(pending.run_key)):
            return self._again(pending)
        if self._is_mine(told.run_key) and (
            confirmed := memory.store.window(memory.identity, self.last)
        ):
            return self._again(confirmed)
        return Intent(self._used(there) + 1, memory.run_key)

    def _used(self, there: int) -> int:
        """The highest number that state, target or quarantine knows: the next batch is beyond it.

        Else one of them would take it for a batch that it holds already: after a reset, or where
        one of the three was restored or removed.
        """
        numbers = [self._lease.remembered.used, self.last, there]
        if self._node.quarantine is not None:
            rejects = self._node.quarantine.target
            numbers.append(rejects.format.published(rejects.location, self.owner) or 0)
        return max(numbers)

    def _again(self, intent: Intent) -> Intent:
        self.repeats = True
        return replace(intent, run_key=self._memory.run_key)

    def _is_mine(self, run_key: str | None) -> bool:
        """Whether an earlier try of this very run published the last batch, and only said so here.

        An overwrite is simply done again.
        """
        adds = self._node.target is not None and self._node.target.mode != "overwrite"
        return adds and run_key == self._memory.run_key

    def _refuse_mismatch(self, target: Target, there: int) -> None:
        """A mark is only worth something beside the very rows that it stands for."""
        told, mends = self._lease.remembered, self._mends
        if self._node.incremental is None or not self._node.incremental.is_stateful:
            return
        uri, exists = target.location.uri, target.format.exists(target.location)
        if self.last and told.target not in (None, uri):
            reason = f"the mark belongs to {told.target}, and the node writes {uri} now"
            self._refuse(reason, mends.repair, mends.anew)
        if target.mode == "overwrite":
            return
        if self.last and not exists:
            reason = f"{target.location} is gone, and the state is at batch {self.last}"
            self._refuse(reason, mends.reset, mends.anew)
        if exists and there != self._expected:
            reason = f"target is at batch {there}, state at {self._expected}"
            self._refuse(reason, mends.repair, mends.anew)
        if target.mode == "append" and exists and self.is_first and told.intent is None:
            reason = f"{target.location} holds rows, and no mark says which of them were read"
            before = [mends.rename(row.identity) for row in self._others]
            self._refuse(reason, *before, mends.repair, mends.anew)

    def _refuse(self, reason: str, *mends: str) -> NoReturn:
        msg = f"{reason}; {', or '.join(mends)}"
        raise StateMismatchError(msg)
