"""PostgreSQL: loaded by COPY, and everything in one transaction."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import polars as pl
import sqlalchemy as sa

from odibi_dagster.formats.database.dialect import Column, Dialect, driver, execute, number

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from odibi_dagster.connections.database import TableLocation
    from odibi_dagster.core.types import DType

_READ: Mapping[int, DType] = {
    16: nw.Boolean(),
    17: nw.Binary(),
    18: nw.String(),
    19: nw.String(),
    20: nw.Int64(),
    21: nw.Int16(),
    23: nw.Int32(),
    25: nw.String(),
    26: nw.Int64(),
    700: nw.Float32(),
    701: nw.Float64(),
    1042: nw.String(),
    1043: nw.String(),
    1082: nw.Date(),
    1114: nw.Datetime("us"),
    1184: nw.Datetime("us", "UTC"),
}
"""By the number of a type in `pg_type`. Every other type is read as its text."""
_NUMERIC = 1700
_UNBOUND = 65_535
_WRITTEN: Mapping[type[DType], str] = {
    nw.Boolean: "boolean",
    nw.Int16: "smallint",
    nw.Int32: "integer",
    nw.Int64: "bigint",
    nw.Float64: "double precision",
    nw.String: "text",
    nw.Binary: "bytea",
    nw.Date: "date",
}
_DOWN = ("08", "40", "53", "57P", "55P03")
"""How codes of errors begin that pass: connection, deadlock, resources, shutdown, lock."""
_LOST = ("OperationalError", "InterfaceError", "DatabaseError")
"""The classes of errors without a code."""
_MOMENT = "%Y-%m-%d %H:%M:%S%.6f"


class Postgres(Dialect):
    """See `Dialect`."""

    title = "PostgreSQL"

    def describe(self, connection: sa.Connection, source: str) -> list[Column]:
        """See `Dialect.describe`."""
        with driver(connection) as cursor:
            cursor.execute(f"SELECT * FROM {source} LIMIT 0")
            return [self._column(each) for each in cursor.description or ()]

    def _column(self, said: Any) -> Column:
        if said.type_code == _NUMERIC:
            bound = said.precision != _UNBOUND
            precision, scale = number(*((said.precision, said.scale) if bound else (None, None)))
            return Column(said.name, nw.Decimal(precision, scale))
        if said.type_code in _READ:
            binary = said.type_code == 17
            return Column(said.name, _READ[said.type_code], convert=bytes if binary else None)
        return Column(said.name, nw.String(), f"{self.quote(said.name)}::text")

    def column_type(self, name: str, dtype: DType) -> str:
        """See `Dialect.column_type`."""
        if isinstance(dtype, nw.Decimal):
            return f"numeric({dtype.precision}, {dtype.scale})"
        if isinstance(dtype, nw.Datetime):
            return "timestamptz" if dtype.time_zone else "timestamp"
        return _WRITTEN[type(dtype)]

    def load(
        self,
        connection: sa.Connection,
        table: str,
        schema: Mapping[str, DType],
        batches: Iterable[pl.DataFrame],
    ) -> None:
        """See `Dialect.load`."""
        statement = f"COPY {table} ({self.names(schema)}) FROM STDIN WITH (FORMAT csv)"
        with driver(connection) as cursor:
            cursor.copy_expert(statement, _Stream(map(_csv, batches)), 1 << 20)

    @contextmanager
    def reading(self, engine: sa.Engine) -> Iterator[sa.Connection]:
        """See `Dialect.reading`: through a cursor of the server."""
        with engine.connect() as connection:
            yield connection.execution_options(
                postgresql_readonly=True, isolation_level="REPEATABLE READ"
            )

    @contextmanager
    def writing(self, engine: sa.Engine, location: TableLocation) -> Iterator[sa.Connection]:
        """See `Dialect.writing`: by a lock that ends with the transaction."""
        with engine.begin() as connection:
            connection.execute(sa.text("SET LOCAL lock_timeout = '60s'"))
            connection.execute(
                sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:table, 7106420137))"),
                {"table": location.path.name},
            )
            yield connection

    def hold(self, connection: sa.Connection, table: str) -> None:
        """See `Dialect.hold`. Readers go on."""
        execute(connection, f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")

    def make_room(self, connection: sa.Connection) -> None:
        """See `Dialect.make_room`."""
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(7106420137)"))

    def settle(self, connection: sa.Connection, staged: str, keys: Sequence[str]) -> None:
        """See `Dialect.settle`."""
        execute(connection, f"ANALYZE {staged}")

    def update(self, table: str, other: str, keys: Sequence[str], columns: Sequence[str]) -> str:
        """See `Dialect.update`."""
        sets = ", ".join(f"{self.quote(c)} = {other}.{self.quote(c)}" for c in columns)
        return f"UPDATE {table} AS t SET {sets} FROM {other} WHERE {self.same('t', other, keys)}"

    def drop_known(self, staged: str, table: str, keys: Sequence[str]) -> str:
        """See `Dialect.drop_known`."""
        return f"DELETE FROM {staged} USING {table} AS t WHERE {self.same('t', staged, keys)}"

    def is_down(self, error: BaseException) -> bool:
        """See `Dialect.is_down`. A connection that breaks has no code."""
        code = getattr(error, "pgcode", None)
        if code is not None:
            return str(code).startswith(_DOWN)
        text = str(error)
        permanent = "authentication failed" in text or "does not exist" in text
        return type(error).__name__ in _LOST and not permanent


def _csv(batch: pl.DataFrame) -> bytes:
    """Nulls are nothing, and every text is quoted: so an empty one is none, and `\\.` no end."""
    text = []
    for name, dtype in batch.schema.items():
        column = pl.col(name)
        if dtype == pl.Binary:
            text.append((pl.lit("\\x") + column.bin.encode("hex")).alias(name))
        elif isinstance(dtype, pl.Datetime):
            utc = "+00" if dtype.time_zone else ""
            text.append(column.dt.strftime(_MOMENT + utc))
    batch = batch.with_columns(text)
    return batch.write_csv(include_header=False, quote_style="non_numeric").encode()


class _Stream:
    """What COPY reads from: chunks, made as they are asked for."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")

    def read(self, size: int) -> bytes:
        if not self._rest:
            self._rest = memoryview(next(self._chunks, b""))
        taken, self._rest = self._rest[:size], self._rest[size:]
        return bytes(taken)
