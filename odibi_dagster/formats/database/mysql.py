"""MySQL and MariaDB: loaded by inserts of many rows; a new table takes its place by a rename."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import polars as pl
import sqlalchemy as sa

from odibi_dagster.core.batch import PATTERN, tag
from odibi_dagster.errors import WriteError
from odibi_dagster.formats.database.dialect import (
    Column,
    Dialect,
    driver,
    execute,
    number,
    one_of_two,
    refuse_floats,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from odibi_dagster.connections.database import TableLocation
    from odibi_dagster.core.batch import Batch
    from odibi_dagster.core.types import DType

_UNSIGNED = 32
_BINARY = 63
"""The character set of what is no text."""
_WHOLE: Mapping[int, tuple[DType, DType]] = {
    1: (nw.Int8(), nw.Int16()),
    2: (nw.Int16(), nw.Int32()),
    3: (nw.Int32(), nw.Int64()),
    8: (nw.Int64(), nw.Decimal(20, 0)),
    9: (nw.Int32(), nw.Int32()),
    13: (nw.Int16(), nw.Int16()),
}
"""Whole numbers by the code of their type: with a sign, and without."""
_TIMES: Mapping[int, DType] = {
    7: nw.Datetime("us", "UTC"),
    10: nw.Date(),
    12: nw.Datetime("us"),
}
_TINY, _FLOAT, _DOUBLE, _TIME, _BIT = 1, 4, 5, 11, 16
_DECIMALS = (0, 246)
_WRITTEN: Mapping[type[DType], str] = {
    nw.Boolean: "BOOLEAN",
    nw.Int16: "SMALLINT",
    nw.Int32: "INT",
    nw.Int64: "BIGINT",
    nw.Float64: "DOUBLE",
    nw.String: "LONGTEXT",
    nw.Binary: "LONGBLOB",
    nw.Date: "DATE",
}
_DOWN = frozenset({1040, 1053, 1077, 1158, 1159, 1160, 1161, 1205, 1213, 1927, 2002, 2003, 2006,
                   2013, 2055, 4031})  # fmt: skip
"""Codes of errors that pass: no connection, shutdown, lock, deadlock."""
_CHECKS = frozenset({3819, 4025})
"""Codes of a CHECK constraint that is broken: of MySQL, of MariaDB."""
_PATIENCE = 60
"""Seconds for which one publisher waits for another."""
_LONG = 764
"""Bytes; a column that is longer is indexed by its beginning."""
_INDEXED = 3
"""Columns of a key in the index: together they must not be too long either."""


class Mysql(Dialect):
    """See `Dialect`."""

    title = "MySQL"

    def quote(self, name: str) -> str:
        """See `Dialect.quote`."""
        return "`" + name.replace("`", "``") + "`"

    def describe(self, connection: sa.Connection, source: str) -> list[Column]:
        """See `Dialect.describe`: as the server describes its answer."""
        with driver(connection) as cursor:
            cursor.execute(f"SELECT * FROM {source} LIMIT 0")
            fields = cursor._result.fields
            return [self._column(field) for field in fields]

    def _column(self, field: Any) -> Column:
        name, code = field.name, field.type_code
        if code == _TINY and field.length == 1:
            return Column(name, nw.Boolean(), convert=one_of_two)
        if code in _WHOLE:
            signed, unsigned = _WHOLE[code]
            return Column(name, unsigned if field.flags & _UNSIGNED else signed)
        if code in _DECIMALS:
            signs = int(field.scale > 0) + int(not field.flags & _UNSIGNED)
            return Column(name, nw.Decimal(*number(field.length - signs, field.scale)))
        if code in (_FLOAT, _DOUBLE):
            # the server rounds a FLOAT to six digits when it sends one
            exact = f"CAST({self.quote(name)} AS DOUBLE)" if code == _FLOAT else None
            return Column(name, nw.Float64(), exact)
        if code in _TIMES:
            return Column(name, _TIMES[code])
        if code == _TIME:
            return Column(name, nw.String(), f"CAST({self.quote(name)} AS CHAR)")
        if code == _BIT:
            return Column(name, nw.Decimal(20, 0), f"{self.quote(name)} + 0")
        dtype = nw.Binary() if field.charsetnr == _BINARY else nw.String()
        return Column(name, dtype, wide=field.length > _LONG)

    def bound(self, dtypes: Sequence[DType], value: Any, end: str) -> Any:
        """See `Dialect.bound`. The driver would leave out the zone of a moment."""
        if isinstance(value, datetime) and value.tzinfo is not None:
            value = value.astimezone(UTC).replace(tzinfo=None)
        return super().bound(dtypes, value, end)

    def column_type(self, name: str, dtype: DType) -> str:
        """See `Dialect.column_type`."""
        if isinstance(dtype, nw.Decimal):
            return f"DECIMAL({dtype.precision}, {dtype.scale})"
        if isinstance(dtype, nw.Datetime):
            return "TIMESTAMP(6) NULL" if dtype.time_zone else "DATETIME(6)"
        return _WRITTEN[type(dtype)]

    def load(
        self,
        connection: sa.Connection,
        table: str,
        schema: Mapping[str, DType],
        batches: Iterable[pl.DataFrame],
    ) -> None:
        """See `Dialect.load`."""
        names = self.names(schema).replace("%", "%%")
        values = ", ".join(["%s"] * len(schema))
        statement = f"INSERT INTO {table.replace('%', '%%')} ({names}) VALUES ({values})"
        for batch in batches:
            refuse_floats(batch, self.title, infinite=True)
            if rows := _in_utc(batch).rows():
                connection.exec_driver_sql(statement, rows)

    @contextmanager
    def reading(self, engine: sa.Engine) -> Iterator[sa.Connection]:
        """See `Dialect.reading`."""
        with engine.connect() as connection:
            connection.exec_driver_sql("START TRANSACTION READ ONLY")
            yield connection

    @contextmanager
    def writing(self, engine: sa.Engine, location: TableLocation) -> Iterator[sa.Connection]:
        """See `Dialect.writing`: by a named lock, which statements about tables do not end."""
        digest = hashlib.sha256(location.path.name.encode()).hexdigest()[:32]
        lock = {"lock": f"odibi:{digest}", "seconds": _PATIENCE}
        with engine.connect() as connection:
            if not connection.scalar(sa.text("SELECT GET_LOCK(:lock, :seconds)"), lock):
                msg = f"another run publishes to {location.title} for more than {_PATIENCE} s"
                raise WriteError(msg)
            connection.commit()
            with connection.begin():
                yield connection

    def create(self, table: str, schema: Mapping[str, DType], batch: Batch) -> str:
        """See `Dialect.create`: the table bears its batch as a comment.

        Text is compared byte by byte, as everywhere else.
        """
        statement = super().create(table, schema, batch)
        options = "ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
        return f"{statement} {options} COMMENT = 'odibi {batch}'"

    def create_staged(
        self, name: str, table: str, columns: Sequence[Column], keys: Sequence[str]
    ) -> str:
        """See `Dialect.create_staged`: with an index, as it cannot be made later."""
        wide = {column.name for column in columns if column.wide}
        parts = (self.quote(key) + ("(191)" if key in wide else "") for key in keys[:_INDEXED])
        statement = super().create_staged(name, table, columns, keys)
        index = f"(INDEX odibi_keys ({', '.join(parts)}))"
        return statement.replace(f" {name} AS SELECT", f" {name} {index} AS SELECT", 1)

    def swap(self, connection: sa.Connection, location: TableLocation, side: str) -> None:
        """See `Dialect.swap`: one statement, at which no reader finds no table."""
        table, new = self.table(location), self.table(location, side)
        if not sa.inspect(connection).has_table(location.name, location.schema):
            execute(connection, f"RENAME TABLE {new} TO {table}")
            return
        old = self.table(location, f"{side}_old")
        execute(connection, f"DROP TABLE IF EXISTS {old}")
        execute(connection, f"RENAME TABLE {table} TO {old}, {new} TO {table}")
        execute(connection, f"DROP TABLE {old}")

    def begins_with(
        self, connection: sa.Connection, location: TableLocation, owner: str
    ) -> int | None:
        """See `Dialect.begins_with`: by its comment."""
        said = PATTERN.search(str(_about(connection, location).table_comment))
        return int(said["number"]) if said and said["tag"] == tag(owner) else None

    def vet(self, connection: sa.Connection, location: TableLocation) -> None:
        """See `Dialect.vet`."""
        engine = _about(connection, location).engine
        if engine != "InnoDB":
            msg = f"{location} has the engine {engine}, which knows no transactions; use InnoDB"
            raise WriteError(msg)

    def update(self, table: str, other: str, keys: Sequence[str], columns: Sequence[str]) -> str:
        """See `Dialect.update`."""
        sets = ", ".join(f"t.{self.quote(c)} = {other}.{self.quote(c)}" for c in columns)
        return f"UPDATE {table} AS t JOIN {other} ON {self.same('t', other, keys)} SET {sets}"

    def drop_known(self, staged: str, table: str, keys: Sequence[str]) -> str:
        """See `Dialect.drop_known`."""
        join = f"{table} AS t JOIN {staged} ON {self.same('t', staged, keys)}"
        return f"DELETE {staged} FROM {join}"

    def same(self, left: str, right: str, keys: Iterable[str]) -> str:
        """See `Dialect.same`: first as an index finds it, then byte by byte.

        Most collations take `a` for `A`, and `a` for `a` with spaces behind it.
        """
        exact = " AND ".join(
            f"BINARY {left}.{self.quote(key)} = BINARY {right}.{self.quote(key)}" for key in keys
        )
        return f"{super().same(left, right, keys)} AND {exact}"

    def is_of_rows(self, error: BaseException) -> bool:
        """See `Dialect.is_of_rows`. Its driver does not know that of every CHECK."""
        return super().is_of_rows(error) or (bool(error.args) and error.args[0] in _CHECKS)

    def is_down(self, error: BaseException) -> bool:
        """See `Dialect.is_down`."""
        return bool(error.args) and (error.args[0] in _DOWN or error.args[0] == 0)


def _about(connection: sa.Connection, location: TableLocation) -> sa.Row[Any]:
    """What the server knows of a table that is there."""
    statement = sa.text(
        "SELECT engine AS engine, table_comment AS table_comment FROM information_schema.tables "
        "WHERE table_schema = COALESCE(:schema, DATABASE()) AND table_name = :name"
    )
    return connection.execute(statement, {"schema": location.schema, "name": location.name}).one()


def _in_utc(batch: pl.DataFrame) -> pl.DataFrame:
    """Moments as the session reads them: in UTC, and without saying so."""
    zoned = [n for n, t in batch.schema.items() if isinstance(t, pl.Datetime) and t.time_zone]
    utc = pl.col(zoned).dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return batch.with_columns(utc) if zoned else batch
