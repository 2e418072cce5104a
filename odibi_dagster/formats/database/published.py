"""Which batches a table holds: a row of the table `odibi_published` in the same schema.

It is written by the very transaction that loads the batch, so either both are there or neither.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite

from odibi_dagster.formats.database.dialects import dialect_of

if TYPE_CHECKING:
    from odibi_dagster.connections.database import TableLocation

NAME = "odibi_published"


def ledger_of(location: TableLocation) -> sa.Table:
    """The table of batches; one row for each table and owner."""
    return sa.Table(
        NAME,
        sa.MetaData(schema=location.schema),
        sa.Column("target", sa.String(64), primary_key=True),
        sa.Column("owner_key", sa.String(64), primary_key=True),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("number", sa.BigInteger),
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
    )


def last_batch(connection: sa.Connection, location: TableLocation, owner: str) -> int | None:
    """The number of the owner's last batch; None where there is none, see `unseat` for others."""
    if not sa.inspect(connection).has_table(NAME, location.schema):
        return None
    ledger = ledger_of(location)
    number: int | None = connection.scalar(
        sa.select(ledger.c.number).where(*_is(ledger, location, owner))
    )
    return number


def claim(connection: sa.Connection, location: TableLocation, owner: str) -> int | None:
    """The number of the owner's last batch, in a row that nobody else changes before the end."""
    ledger = ledger_of(location)
    if not sa.inspect(connection).has_table(NAME, location.schema):
        dialect_of(location).make_room(connection)
        connection.execute(sa.schema.CreateTable(ledger, if_not_exists=True))
    row = {"target": location.name, "owner_key": _key(owner), "owner": owner}
    connection.execute(_insert(connection, ledger).values(row))
    number: int | None = connection.scalar(
        sa.select(ledger.c.number).where(*_is(ledger, location, owner)).with_for_update()
    )
    return number


def unseat(connection: sa.Connection, location: TableLocation, owner: str) -> None:
    """Say that no batch of others is left: the table was made, or replaced, without them.

    The number turns negative: up to there they are gone, whatever the table says it began with.
    """
    ledger = ledger_of(location)
    target, key = _is(ledger, location, owner)
    others = sa.update(ledger).where(target, sa.not_(key), ledger.c.number > 0)
    connection.execute(others.values(number=-ledger.c.number))


def record(connection: sa.Connection, location: TableLocation, owner: str, number: int) -> None:
    """Say that the table holds the owner's batch of this number, and none after it."""
    ledger = ledger_of(location)
    connection.execute(sa.update(ledger).where(*_is(ledger, location, owner)).values(number=number))


def _insert(connection: sa.Connection, ledger: sa.Table) -> sa.Insert:
    """A row that is there already stays."""
    match connection.dialect.name:
        case "postgresql":
            return postgresql.insert(ledger).on_conflict_do_nothing()
        case "sqlite":
            return sqlite.insert(ledger).on_conflict_do_nothing()
        case _:
            return mysql.insert(ledger).prefix_with("IGNORE")


def _is(
    ledger: sa.Table, location: TableLocation, owner: str
) -> tuple[sa.ColumnElement[bool], ...]:
    return ledger.c.target == location.name, ledger.c.owner_key == _key(owner)


def _key(owner: str) -> str:
    """An owner in 64 characters: an index has its limits."""
    return hashlib.sha256(owner.encode()).hexdigest()
