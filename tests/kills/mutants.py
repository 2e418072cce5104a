"""The protocol broken on purpose, each in one way: every one of these must be found out."""

from __future__ import annotations

import inspect
import sys
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from odibi_dagster.assets.memory import Session
from odibi_dagster.formats import delta
from odibi_dagster.state import database, statements
from odibi_dagster.state.store import Facts, Store


def write_then_mark() -> None:
    """Nothing is announced, and the target does not say which batches it holds."""
    owner, confirm = f"somebody {uuid.uuid4()}", Store.confirm

    def forgetful(self: Store, lease: Any, intent: Any, facts: Facts, **more: Any) -> None:
        confirm(self, lease, intent, replace(facts, in_target=0), **more)

    _set(Session, "owner", property(lambda _: owner, lambda *_: None))
    _set(Session, "_refuse_mismatch", lambda *_: None)
    _set(Store, "intend", lambda *_: None)
    _set(Store, "confirm", forgetful)


def mark_then_write() -> None:
    """The mark moves before the rows are visible."""
    intend = Session.intend

    def hasty(self: Any, window: Any) -> None:
        intend(self, window)
        facts = Facts(in_target=self._expected)
        self._memory.store.confirm(self._lease, self.intent, facts, release=False)

    _set(Session, "intend", hasty)


def fresh_snapshot() -> None:
    """Delta publishes on top of whatever the table is by then, not of what was checked."""
    commit = delta.commit

    def careless(staged: Any, snapshot: Any, files: Any) -> None:
        location = staged.location
        fresh = delta._open(location) if delta.Delta().exists(location) else None
        commit(staged, fresh, files)

    _set(delta, "commit", careless)


def no_fence() -> None:
    """A run that lost its lease goes on changing the row."""
    fenced = '_S.c.fence == sa.bindparam("held")'
    right = inspect.getsource(statements)
    assert fenced in right
    wrong = right.replace(fenced, 'sa.bindparam("held").is_not(None)')
    exec(compile(wrong, statements.__file__, "exec"), vars(statements))


def no_transaction() -> None:
    """SQLite commits each statement by itself."""

    def prepare(engine: sa.Engine) -> None:
        @sa.event.listens_for(engine, "connect")
        def _set_up(connection: Any, _: Any) -> None:
            connection.isolation_level = None

    _set(database, "_prepare_sqlite", prepare)


def no_flush() -> None:
    """What is published may still be in memory when the mark moves."""
    for name, module in list(sys.modules.items()):
        if name.startswith("odibi_dagster.formats.") and hasattr(module, "sync"):
            _set(module, "sync", lambda _: None)


def _set(owner: Any, name: str, value: Any) -> None:
    setattr(owner, name, value)


MUTANTS: dict[str, Callable[[], None]] = {
    each.__name__: each
    for each in (
        write_then_mark, mark_then_write, fresh_snapshot, no_fence, no_transaction, no_flush
    )
}  # fmt: skip
