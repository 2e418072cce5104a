"""What we remember, and who may change it: leases, intents, marks and batches.

Every statement that changes a row names the fence of the lease it was made under, so a run that
slept through its lease changes nothing. A row is locked for one short transaction at a time.
"""

from __future__ import annotations

import json
import time
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from odibi_dagster.errors import LeaseHeldError
from odibi_dagster.state import statements, tables
from odibi_dagster.state.clock import Now
from odibi_dagster.state.commands import state_command
from odibi_dagster.state.database import connect, patiently
from odibi_dagster.state.history import history, siblings
from odibi_dagster.state.marks import Mark, decode, encode, later
from odibi_dagster.state.migrations import bring_up, refuse_newer
from odibi_dagster.state.records import Facts, Intent, Lease, Remembered

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from odibi_dagster.core.history import Lookback, Past
    from odibi_dagster.state.identity import Identity

T = TypeVar("T")
LEASE_SECONDS = 30.0
WAIT_SECONDS = 60.0
KEPT_SECONDS = 400 * 86_400.0
KEPT_BATCHES = 50
_STATE = tables.state


class Store:
    """The state in one database. Safe to share between threads and after a fork of none."""

    def __init__(self, url: str, *, lease_seconds: float = LEASE_SECONDS) -> None:
        self._engine = connect(url)
        self.lease_seconds = lease_seconds
        bring_up(self._engine)

    def acquire(self, identity: Identity, owner: str, *, wait: float = WAIT_SECONDS) -> Lease:
        """The lease on a row, which is made where there is none; LeaseHeldError after `wait` s.

        A lease that ran out is taken over, and so is one that an earlier try of the same run
        (`owner`) holds.
        """
        until = time.monotonic() + wait
        while True:
            found = self._run(lambda connection: self._try_lease(connection, identity, owner))
            if isinstance(found, Lease):
                return found
            if time.monotonic() >= until:
                holder, seconds = found
                msg = (
                    f"{identity} is being materialized by run {holder} (lease for another "
                    f"{max(seconds, 0):.0f} s); wait for it or stop that run in Dagster, "
                    f"{state_command('show', identity)} says when it is free"
                )
                raise LeaseHeldError(msg)
            time.sleep(min(0.2, max(until - time.monotonic(), 0)))

    def renew(self, lease: Lease) -> None:
        """Another `lease_seconds`; FencedError where somebody else has the lease by now."""
        values = {"run": lease.owner, "seconds": self.lease_seconds}
        self._run(lambda connection: _change(connection, statements.RENEW, lease, values))

    def intend(self, lease: Lease, intent: Intent, target: str) -> None:
        """Say which batch is about to be published, and where; FencedError as in `renew`."""
        values = {"said": _intent_text(intent), "where": target}
        self._run(lambda connection: _change(connection, statements.INTEND, lease, values))

    def confirm(self, lease: Lease, intent: Intent, facts: Facts, *, release: bool = True) -> None:
        """The batch is published: mark, batch, metrics and run in one transaction.

        The mark becomes the intent's upper bound unless it is beyond that already (an intent that
        replaces the target replaces the mark as well). Saying it twice
        changes nothing. FencedError as in `renew`.
        """

        def work(connection: sa.Connection) -> None:
            row = connection.execute(statements.LOCK, lease.held).first()
            if row is None:
                raise lease.fenced()
            if row.batch >= intent.number:
                # said before: by an earlier try, or by this one whose answer was lost
                _change(connection, statements.CONFIRMED[release], lease)
                return
            reached = later(None if intent.full else _decoded(row.mark), intent.upper)
            values = {
                "number": intent.number,
                "named": facts.in_target,
                "run": intent.run_key,
                "reached": _encoded(reached),
            }
            _change(connection, statements.CONFIRM[release], lease, values)
            _remember(connection, lease, intent, facts)

        self._run(work)

    def release(self, lease: Lease, message: str = "") -> bool:
        """Let the next one in; a `message` says why the run failed. False where it was fenced.

        An intent stays for the next run: nobody knows whether its batch will not become visible.
        """

        def work(connection: sa.Connection) -> bool:
            if message:
                _note(connection, lease, "failed", message=message)
            return connection.execute(statements.RELEASE, lease.held).rowcount == 1

        return self._run(work)

    def window(self, identity: Identity, number: int) -> Intent | None:
        """A confirmed batch as it was intended; None where it is forgotten."""
        b = tables.batches

        def work(connection: sa.Connection) -> Intent | None:
            row = connection.execute(
                sa.select(b).where(b.c.state_id == identity.key, b.c.number == number)
            ).first()
            return (
                None
                if row is None
                else Intent(number, row.run_key, _decoded(row.lower), _decoded(row.upper))
            )

        return self._run(work)

    def history(
        self,
        identity: Identity,
        wanted: Mapping[str, Lookback],
        *,
        before: int,
        windowed: bool | None = False,
    ) -> dict[str, tuple[Past, ...]]:
        """What checks remember of published batches: see `state.history`."""
        return self._run(
            lambda connection: history(
                connection, identity.key, wanted, before=before, windowed=windowed
            )
        )

    def siblings(
        self, identity: Identity, wanted: Mapping[str, Lookback], *, windowed: bool = False
    ) -> dict[str, tuple[Past, ...]]:
        """The same of other partitions of a node: see `state.history`."""
        return self._run(
            lambda connection: siblings(connection, identity, wanted, windowed=windowed)
        )

    @property
    def engine(self) -> sa.Engine:
        """For what administers the state."""
        return self._engine

    def _run(self, work: Callable[[sa.Connection], T]) -> T:
        return patiently(self._engine, work)

    def _try_lease(
        self, connection: sa.Connection, identity: Identity, owner: str
    ) -> Lease | tuple[str, float]:
        values = {"key": identity.key, "run": owner, "seconds": self.lease_seconds}
        taken = connection.execute(statements.TAKE, values).rowcount == 1
        row = connection.execute(statements.LOOK, values).first()
        if row is None:
            _insert(connection, identity)
            taken = connection.execute(statements.TAKE, values).rowcount == 1
            row = connection.execute(statements.LOOK, values).one()
        refuse_newer(row.tables)
        if not taken:
            return row.owner or "unknown", (row.lease_until or row.now) - row.now
        return Lease(
            identity,
            owner,
            row.fence,
            Remembered(
                row.name,
                _decoded(row.mark),
                row.batch,
                row.batch or _used(connection, identity),
                row.in_target,
                row.run_key,
                _intent(row.intent),
                row.target,
            ),
        )


def _used(connection: sa.Connection, identity: Identity) -> int:
    return connection.execute(statements.USED, {"key": identity.key}).scalar() or 0


def _change(
    connection: sa.Connection,
    statement: sa.Update,
    lease: Lease,
    values: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    if connection.execute(statement, {**lease.held, **values}).rowcount != 1:
        raise lease.fenced()


def _remember(connection: sa.Connection, lease: Lease, intent: Intent, facts: Facts) -> None:
    key = lease.identity.key
    batch = {
        "state_id": key,
        "number": intent.number,
        "run_key": intent.run_key,
        "lower": _encoded(intent.lower),
        "upper": _encoded(intent.upper),
        "row_count": facts.rows,
        "quarantined": facts.quarantined,
        "bytes": facts.bytes,
        "seconds": facts.seconds,
        "adopted": facts.adopted,
    }
    connection.execute(statements.BATCH, batch)
    seen = [
        {"state_id": key, "number": intent.number, "check_name": check, "metric": metric,
         "value": value}
        for check, values in (facts.metrics or {}).items()
        for metric, value in values.items()
    ]  # fmt: skip
    if seen:
        connection.execute(statements.METRIC, seen)
    _note(connection, lease, "published", number=intent.number)
    if intent.number % KEPT_BATCHES == 0:
        prune(connection, key, intent.number)


def _note(
    connection: sa.Connection,
    lease: Lease,
    action: str,
    *,
    number: int | None = None,
    message: str | None = None,
) -> None:
    said = {"run_id": lease.owner, "action": action, "number": number, "message": message}
    connection.execute(statements.NOTE, {"state_id": lease.identity.key, **said})


def prune(
    connection: sa.Connection,
    key: str,
    newest: int,
    seconds: float = KEPT_SECONDS,
    batches: int = KEPT_BATCHES,
) -> int:
    """Forget batches older than so many seconds, but none of the newest; how many were."""
    b, m, r = tables.batches, tables.metrics, tables.runs
    before = sa.select(sa.func.max(b.c.number)).where(
        b.c.state_id == key, b.c.published_at < Now() - seconds
    )
    last = min(connection.execute(before).scalar() or 0, newest - max(batches, 1))
    if last <= 0:
        return 0
    for table in (m, b):
        done = connection.execute(
            sa.delete(table).where(table.c.state_id == key, table.c.number <= last)
        )
    connection.execute(sa.delete(r).where(r.c.state_id == key, r.c.at < Now() - seconds))
    return done.rowcount


def _insert(connection: sa.Connection, identity: Identity) -> None:
    """A fresh row; nothing where another process was quicker."""
    values = {
        "id": identity.key,
        "project": identity.project,
        "environment": identity.environment,
        "key_prefix": identity.key_prefix,
        "pipeline": identity.pipeline,
        "node": identity.node,
        "partition_key": identity.partition,
        "name": str(identity),
        # a row that was forgotten and is made anew: no lease of the old one has such a fence
        "fence": sa.cast(Now() * 1000, sa.BigInteger),
    }
    if connection.dialect.name == "mysql":
        connection.execute(_STATE.insert().prefix_with("IGNORE").values(values))
    elif connection.dialect.name == "sqlite":
        connection.execute(sqlite.insert(_STATE).values(values).on_conflict_do_nothing())
    else:
        connection.execute(postgresql.insert(_STATE).values(values).on_conflict_do_nothing())


def _encoded(mark: Mark | None) -> str | None:
    return None if mark is None else encode(mark)


def _decoded(text: str | None) -> Mark | None:
    return None if text is None else decode(text)


def _intent_text(intent: Intent) -> str:
    bounds = {"lower": _encoded(intent.lower), "upper": _encoded(intent.upper)}
    return json.dumps(vars(intent) | bounds)


def _intent(text: str | None) -> Intent | None:
    if text is None:
        return None
    said = json.loads(text)
    return Intent(**said | {"lower": _decoded(said["lower"]), "upper": _decoded(said["upper"])})
