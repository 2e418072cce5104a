"""Staged rows become visible in a table: all of a batch and its number, or nothing."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl
import pyarrow.parquet as pq
import sqlalchemy as sa

from odibi_dagster.formats.database import published
from odibi_dagster.formats.database.dialect import execute, plain
from odibi_dagster.formats.database.dialects import dialect_of
from odibi_dagster.formats.database.errors import reading_from, writing_to
from odibi_dagster.formats.database.read import source_of
from odibi_dagster.formats.fit import fits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from odibi_dagster.connections.database import TableLocation
    from odibi_dagster.formats.base import Staged
    from odibi_dagster.formats.database.dialect import Dialect

_ROWS = 20_000
"""In memory while they are loaded."""
_STAGED = "odibi_staged"


@dataclass(frozen=True)
class Done:
    """What a publish did: an earlier one may have done it all."""

    adopted: bool = False
    counts: dict[str, int] = field(default_factory=dict)


def exists(location: TableLocation) -> bool:
    """Whether there is such a table."""
    if location.connection.is_missing(location.root):
        return False
    with reading_from(location), dialect_of(location).reading(location.engine()) as connection:
        return _has(connection, location)


def last_batch(location: TableLocation, owner: str) -> int | None:
    """The number of the owner's last batch in the table; None where there is no table."""
    if location.connection.is_missing(location.root):
        return None
    with reading_from(location), dialect_of(location).reading(location.engine()) as connection:
        if not _has(connection, location):
            return None
        last = published.last_batch(connection, location, owner)
        return _latest(last, dialect_of(location).begins_with(connection, location, owner))


def publish(staged: Staged, location: TableLocation) -> Done:
    """One transaction: the batch's number is looked up, rows are loaded, the number is written."""
    dialect = dialect_of(location)
    with writing_to(location), dialect.writing(location.engine(), location) as connection:
        there = _has(connection, location)
        if there and staged.mode != "overwrite" and staged.rows == 0:
            return Done()
        owner, number = staged.batch.owner, staged.batch.number
        last = published.claim(connection, location, owner)
        if there:
            last = _latest(last, dialect.begins_with(connection, location, owner))
            if last is not None and last >= number:
                published.record(connection, location, owner, last)
                return Done(adopted=True)
        done = _Publisher(dialect, connection, location, staged).run(there=there)
        if not there or staged.mode == "overwrite":
            published.unseat(connection, location, owner)
        published.record(connection, location, owner, number)
        return done


def delete(location: TableLocation, column: str, compared: str, text: str) -> None:
    """Delete rows by the text of a column, in one transaction; nothing where there is no table."""
    dialect = dialect_of(location)
    with writing_to(location), dialect.writing(location.engine(), location) as connection:
        if not _has(connection, location):
            return
        table, name = dialect.table(location), dialect.names([column])
        statement = sa.text(plain(f"DELETE FROM {table} WHERE {name} {compared} ") + ":text")
        connection.execute(statement, {"text": text})


def _latest(recorded: int | None, begun: int | None) -> int | None:
    """The later one of what is recorded and what the table itself says; see `published.unseat`."""
    if recorded is not None and recorded < 0:
        return begun if begun is not None and begun > -recorded else None
    return max((number for number in (recorded, begun) if number is not None), default=None)


def _has(connection: sa.Connection, location: TableLocation) -> bool:
    return sa.inspect(connection).has_table(location.name, location.schema)


@dataclass(frozen=True)
class _Publisher:
    """One batch on its way into one table, inside a transaction."""

    dialect: Dialect
    connection: sa.Connection
    location: TableLocation
    staged: Staged

    def run(self, *, there: bool) -> Done:
        """Do what the mode says."""
        if not there:
            return self._replace()
        self.dialect.vet(self.connection, self.location)
        if self.staged.mode == "append":
            return self._add()
        self.dialect.hold(self.connection, self._table)
        if self.staged.mode != "overwrite":
            return self._merge()
        if not self._same_columns():
            return self._replace()
        execute(self.connection, f"DELETE FROM {self._table}")
        return self._add()

    @property
    def _table(self) -> str:
        return self.dialect.table(self.location)

    def _add(self) -> Done:
        self._load(self._table)
        return Done()

    def _load(self, table: str) -> None:
        self.dialect.load(self.connection, table, self.staged.schema, _batches(self.staged))

    def _same_columns(self) -> bool:
        """Whether the rows fit the columns that the table has: then it keeps them."""
        stored = self.dialect.describe(self.connection, source_of(self.location))
        types = {column.name: column.dtype for column in stored}
        schema = self.staged.schema
        return types.keys() == schema.keys() and all(fits(schema[n], types[n]) for n in types)

    def _replace(self) -> Done:
        """A new table is made aside and takes the place of the old one."""
        side = f"odibi_new_{hashlib.sha256(self.location.name.encode()).hexdigest()[:12]}"
        table = self.dialect.table(self.location, side)
        execute(self.connection, f"DROP TABLE IF EXISTS {table}")
        statement = self.dialect.create(table, self.staged.schema, self.staged.batch)
        execute(self.connection, statement)
        self._load(table)
        self.dialect.swap(self.connection, self.location, side)
        return Done()

    def _merge(self) -> Done:
        """By way of a temporary table: what is there is updated (`upsert`), the rest inserted."""
        dialect, keys, columns = self.dialect, self.staged.keys, list(self.staged.schema)
        stored = dialect.describe(self.connection, source_of(self.location))
        execute(self.connection, dialect.create_staged(_STAGED, self._table, stored, keys))
        self._load(_STAGED)
        dialect.settle(self.connection, _STAGED, keys)
        counts, rest = {}, [name for name in columns if name not in keys]
        if self.staged.mode == "upsert":
            statement = dialect.update(self._table, _STAGED, keys, rest or keys)
            counts["updated_rows"] = execute(self.connection, statement).rowcount
        execute(self.connection, dialect.drop_known(_STAGED, self._table, keys))
        names = dialect.names(columns)
        statement = f"INSERT INTO {self._table} ({names}) SELECT {names} FROM {_STAGED}"
        counts["inserted_rows"] = execute(self.connection, statement).rowcount
        return Done(counts=counts)


def _batches(staged: Staged) -> Iterator[pl.DataFrame]:
    """The staged rows, some at a time, with the columns in their order."""
    for file in staged.files:
        for batch in pq.ParquetFile(file).iter_batches(_ROWS, columns=list(staged.schema)):
            frame = pl.from_arrow(batch)
            assert isinstance(frame, pl.DataFrame)  # noqa: S101  (a batch is no single column)
            yield frame.select(*staged.schema)
