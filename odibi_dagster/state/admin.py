"""The state as people look at it and mend it. Every change leaves a row that says who did what."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from odibi_dagster.errors import StateMismatchError
from odibi_dagster.state import statements, tables
from odibi_dagster.state.clock import Now
from odibi_dagster.state.commands import state_command
from odibi_dagster.state.database import patiently
from odibi_dagster.state.identity import Identity
from odibi_dagster.state.marks import Mark, decode, encode
from odibi_dagster.state.store import KEPT_BATCHES, KEPT_SECONDS, prune

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from odibi_dagster.state.records import Lease, Remembered
    from odibi_dagster.state.store import Store

_S, _B, _R = tables.state, tables.batches, tables.runs


@dataclass(frozen=True)
class Row:
    """What is remembered of one identity; times are seconds since 1970."""

    identity: Identity
    name: str
    """Whose batches the target holds."""
    mark: Mark | None
    batch: int
    in_target: int
    pending: bool
    target: str | None
    holder: str | None
    """The run that has the lease right now."""
    updated_at: float | None


@dataclass(frozen=True)
class Batched:
    """One batch that was published; what is None is unknown."""

    identity: Identity
    number: int
    run_key: str
    lower: str | None
    upper: str | None
    rows: int | None
    quarantined: int | None
    bytes: int | None
    seconds: float | None
    adopted: bool
    published_at: float


@dataclass(frozen=True)
class Noted:
    """What was tried or changed by hand."""

    action: str
    run_id: str
    number: int | None
    message: str | None
    at: float


class Admin:
    """Looks at the state of a project, and changes it on somebody's word."""

    def __init__(self, store: Store, project: str, who: str) -> None:
        self._store, self._project, self._who = store, project, who

    def rows(self) -> list[Row]:
        """Everything that is remembered of the project, by name."""
        query = (
            sa.select(_S, Now().label("now"))
            .where(_S.c.project == self._project)
            .order_by(
                _S.c.pipeline, _S.c.node, _S.c.environment, _S.c.key_prefix, _S.c.partition_key
            )
        )
        found = patiently(self._store.engine, lambda c: c.execute(query).all())
        return [
            Row(
                _identity(row),
                row.name,
                None if row.mark is None else decode(row.mark),
                row.batch,
                row.in_target,
                row.intent is not None,
                row.target,
                row.owner if row.owner and row.lease_until > row.now else None,
                row.updated_at,
            )
            for row in found
        ]

    def batches(self, identities: Sequence[Identity], last: int) -> list[Batched]:
        """The last batches of these identities together, the newest first."""
        by_key = {identity.key: identity for identity in identities}
        query = (
            sa.select(_B)
            .where(_B.c.state_id.in_(by_key))
            .order_by(_B.c.published_at.desc())
            .limit(last)
        )
        return [
            Batched(
                by_key[row.state_id], row.number, row.run_key, row.lower, row.upper,
                row.row_count, row.quarantined, row.bytes, row.seconds, bool(row.adopted),
                row.published_at,
            )
            for row in patiently(self._store.engine, lambda c: c.execute(query).all())
        ]  # fmt: skip

    def notes(self, identity: Identity, last: int) -> list[Noted]:
        """What was tried with an identity, and changed by hand, the newest first."""
        query = (
            sa.select(_R).where(_R.c.state_id == identity.key).order_by(_R.c.id.desc()).limit(last)
        )
        rows = patiently(self._store.engine, lambda c: c.execute(query).all())
        return [Noted(row.action, row.run_id, row.number, row.message, row.at) for row in rows]

    def reset(self, identity: Identity, mark: Mark | None, in_target: int | None = None) -> None:
        """Set the mark, or forget it: then everything is read anew.

        `in_target` is the last batch that the target names, where somebody has looked.
        """
        said = None if mark is None else encode(mark)
        values: dict[str, object] = {"mark": said, "intent": None, "target": None}
        if mark is None:
            values |= {"batch": 0, "run_key": None}
        if in_target is not None:
            values["in_target"] = in_target
        self._change(identity, "reset", f"mark: {mark}", values)

    def repair(
        self, identity: Identity, *, mark: Mark | None, in_target: int, target: str | None
    ) -> None:
        """Take the target as it is: `in_target` is the last batch that it names.

        `target` is None where there is none: then everything is read anew.
        """
        said = f"mark: {mark}, batch in the target: {in_target}, target: {target}"
        values = {
            "mark": None if mark is None else encode(mark),
            "in_target": in_target,
            "batch": sa.case((_S.c.batch > in_target, _S.c.batch), else_=in_target)
            if target
            else 0,
            "intent": None,
            "target": target,
            "run_key": None,
        }
        self._change(identity, "repair", said, values)

    def remark(self, identity: Identity, action: str, said: str) -> None:
        """Note what somebody has done that changes nothing here."""
        self._change(identity, action, said, {})

    def rename(self, old: Identity, new: Identity) -> None:
        """Let another node carry on from here; StateMismatchError where that has a state.

        A node that was only ever refused has none: its row makes room.
        """
        with self._held(old) as mine, self._held(new) as other:
            if not _is_blank(other.remembered):
                msg = f"{new} has a state of its own; {state_command('forget', new)} removes it"
                raise StateMismatchError(msg)
            values = {
                "id": new.key,
                "project": new.project,
                "environment": new.environment,
                "key_prefix": new.key_prefix,
                "pipeline": new.pipeline,
                "node": new.node,
                "partition_key": new.partition,
                "owner": None,
                "lease_until": None,
                # no run that sleeps under either name goes on
                "fence": max(mine.fence, other.fence) + 1,
            }

            def work(connection: sa.Connection) -> None:
                _require(connection, mine)
                _require(connection, other)
                connection.execute(sa.delete(_S).where(_S.c.id == new.key))
                connection.execute(sa.update(_S).where(_S.c.id == old.key).values(**values))
                for table in (_B, _R, tables.metrics):
                    connection.execute(
                        sa.update(table).where(table.c.state_id == old.key).values(state_id=new.key)
                    )
                self._note(connection, new, "rename", f"was {old}")

            patiently(self._store.engine, work)

    def forget(self, identity: Identity) -> None:
        """Remove everything that is remembered of an identity."""

        def work(connection: sa.Connection) -> None:
            for table in (_B, tables.metrics):
                connection.execute(sa.delete(table).where(table.c.state_id == identity.key))
            connection.execute(sa.delete(_S).where(_S.c.id == identity.key))
            self._note(connection, identity, "forget", str(identity))

        self._alone(identity, work)

    def prune(
        self,
        identities: Sequence[Identity],
        seconds: float = KEPT_SECONDS,
        batches: int = KEPT_BATCHES,
    ) -> int:
        """Forget batches older than that, but none of the newest; how many were."""

        def work(connection: sa.Connection) -> int:
            total = 0
            for identity in identities:
                query = sa.select(_S.c.batch).where(_S.c.id == identity.key)
                newest = connection.execute(query).scalar() or 0
                if gone := prune(connection, identity.key, newest, seconds, batches):
                    self._note(connection, identity, "prune", f"batches: {gone}")
                    total += gone
            return total

        return patiently(self._store.engine, work)

    def _change(
        self, identity: Identity, action: str, said: str, values: Mapping[str, object]
    ) -> None:
        def work(connection: sa.Connection) -> None:
            connection.execute(
                sa.update(_S)
                .where(_S.c.id == identity.key)
                .values(**values, version=_S.c.version + 1, updated_at=Now())
            )
            self._note(connection, identity, action, said)

        self._alone(identity, work)

    def _alone(self, identity: Identity, work: Callable[[sa.Connection], None]) -> None:
        """Change a row while no run is at work with it; LeaseHeldError where one is.

        FencedError where a run took over while this process slept: then nothing is changed.
        """
        with self._held(identity) as lease:

            def alone(connection: sa.Connection) -> None:
                _require(connection, lease)
                work(connection)

            patiently(self._store.engine, alone)

    @contextmanager
    def _held(self, identity: Identity) -> Iterator[Lease]:
        lease = self._store.acquire(identity, self._who, wait=0)
        try:
            yield lease
        finally:
            self._store.release(lease)

    def _note(
        self, connection: sa.Connection, identity: Identity, action: str, message: str
    ) -> None:
        connection.execute(
            _R.insert().values(
                state_id=identity.key, run_id=self._who, action=action, message=message, at=Now()
            )
        )


def _require(connection: sa.Connection, lease: Lease) -> None:
    """FencedError where a run took the row over since; else it waits until this transaction ends.

    A pause of this process may take longer than its lease.
    """
    if connection.execute(statements.LOCK, lease.held).first() is None:
        raise lease.fenced()


def _is_blank(told: Remembered) -> bool:
    """Whether nothing is remembered but that the node was refused."""
    return not told.used and told.mark is None and told.intent is None


def _identity(row: sa.Row[Any]) -> Identity:
    return Identity(
        row.project, row.pipeline, row.node, row.environment, row.key_prefix, row.partition_key
    )
