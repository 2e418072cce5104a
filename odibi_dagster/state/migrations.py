"""The tables brought to the version that this program knows, by one process at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import sqlalchemy as sa

from odibi_dagster.errors import StateVersionError, listing
from odibi_dagster.state import tables
from odibi_dagster.state.clock import Now
from odibi_dagster.state.database import first_start, insist

MIGRATIONS: Sequence[Callable[[sa.Connection], None]] = ()
"""What leads from version 1 to 2, from 2 to 3 and so on, each in one transaction."""


def bring_up(engine: sa.Engine) -> None:
    """Create the tables, or bring older ones up to date; cheap where nothing is to be done.

    StateVersionError where a newer program made them, or where they would change under runs that
    are at work with the older version.
    """
    insist(engine, lambda: _bring_up(engine))


def _bring_up(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        if _version(connection) == tables.VERSION:
            return
    with first_start(engine) as connection:
        found = _version(connection)
        if found is None:
            # MySQL commits each table by itself: a process killed there has made some of them
            tables.metadata.create_all(connection)
            connection.execute(tables.schema.insert().values(id=1, version=tables.VERSION))
            return
        _refuse(connection, found)
        for step in MIGRATIONS[found - 1 :]:
            step(connection)
        connection.execute(sa.update(tables.schema).values(version=tables.VERSION))


def _version(connection: sa.Connection) -> int | None:
    """The version of the tables; None where they are not all there yet."""
    if not sa.inspect(connection).has_table(tables.schema.name):
        return None
    found: int | None = connection.execute(sa.select(tables.schema.c.version)).scalar()
    return found


def refuse_newer(found: int) -> None:
    """StateVersionError where the tables, now at version `found`, are newer than this program.

    Ask with a row locked, and with `found` read after that: an upgrade locks them all, so it is
    over or has not begun.
    """
    if found > tables.VERSION:
        msg = (
            f"the state was written by a newer version of this program (tables {found}, known here "
            f"{tables.VERSION}); write 'pip install --upgrade odibi_dagster'"
        )
        raise StateVersionError(msg)


def _refuse(connection: sa.Connection, found: int) -> None:
    refuse_newer(found)
    s = tables.state.c
    # every row is locked, also those that nobody holds
    rows = connection.execute(sa.select(s.owner, s.lease_until > Now()).with_for_update()).all()
    held = listing(sorted({owner for owner, is_held in rows if is_held}), limit=5)
    if found < tables.VERSION and held:
        msg = (
            f"the state has to be upgraded and runs are at work with it: {held}; wait for them or "
            "stop them in Dagster, and try again"
        )
        raise StateVersionError(msg)
