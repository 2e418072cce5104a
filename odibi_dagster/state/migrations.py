"""The tables brought to the version that this program knows, by one process at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import sqlalchemy as sa

from odibi_dagster.errors import StateVersionError
from odibi_dagster.state import tables
from odibi_dagster.state.clock import Now
from odibi_dagster.state.database import first_start

MIGRATIONS: Sequence[Callable[[sa.Connection], None]] = ()
"""What leads from version 1 to 2, from 2 to 3 and so on, each in one transaction."""


def bring_up(engine: sa.Engine) -> None:
    """Create the tables, or bring older ones up to date; cheap where nothing is to be done.

    StateVersionError where a newer program made them, or where they would change under runs that
    are at work with the older version.
    """
    if _version(engine) == tables.VERSION:
        return
    with first_start(engine) as connection:
        if not sa.inspect(connection).has_table(tables.schema.name):
            tables.metadata.create_all(connection)
            connection.execute(tables.schema.insert().values(id=1, version=tables.VERSION))
            return
        found = connection.execute(sa.select(tables.schema.c.version)).scalar_one()
        _refuse(connection, found)
        for step in MIGRATIONS[found - 1 :]:
            step(connection)
        connection.execute(sa.update(tables.schema).values(version=tables.VERSION))


def _version(engine: sa.Engine) -> int | None:
    """The version of the tables; None where there are none yet."""
    with engine.connect() as connection:
        if not sa.inspect(connection).has_table(tables.schema.name):
            return None
        found: int | None = connection.execute(sa.select(tables.schema.c.version)).scalar()
        return found


def _refuse(connection: sa.Connection, found: int) -> None:
    if found > tables.VERSION:
        msg = (
            f"the state was written by a newer version of this program (tables {found}, known "
            f"here {tables.VERSION}); update odibi_dagster"
        )
        raise StateVersionError(msg)
    busy = sa.select(sa.func.count()).where(tables.state.c.lease_until > Now())
    if found < tables.VERSION and connection.execute(busy).scalar_one():
        msg = "the state has to be upgraded while runs are at work with it; stop them and try again"
        raise StateVersionError(msg)
