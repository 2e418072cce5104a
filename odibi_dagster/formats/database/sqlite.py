"""SQLite: columns say in their declared types what their values are."""

from __future__ import annotations

import math
import re
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import polars as pl

from odibi_dagster.errors import DataReadError, SchemaContractError
from odibi_dagster.formats.database.dialect import (
    Column,
    Dialect,
    execute,
    one_of_two,
    refuse_floats,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import sqlalchemy as sa

    from odibi_dagster.connections.database import TableLocation
    from odibi_dagster.core.types import DType

_DIGITS = 15
"""SQLite keeps a number with a point in 64 bits: so many digits come back as they were."""
_WRITTEN: Mapping[type[DType], str] = {
    nw.Boolean: "BOOLEAN",
    nw.Int16: "SMALLINT",
    nw.Int32: "INT4",
    nw.Int64: "BIGINT",
    nw.Float64: "DOUBLE",
    nw.String: "TEXT",
    nw.Binary: "BLOB",
    nw.Date: "DATE",
}
_ISO_DAY = "-".join("[0-9]" * digits for digits in (4, 2, 2))
_MOMENT = "%Y-%m-%d %H:%M:%S%.6f"


class Sqlite(Dialect):
    """See `Dialect`."""

    title = "SQLite"

    def describe(self, connection: sa.Connection, source: str) -> list[Column]:
        """See `Dialect.describe`. A column without a declared type is read once to see its own."""
        execute(connection, f"CREATE TEMP VIEW odibi_source AS SELECT * FROM {source}")
        try:
            said = connection.exec_driver_sql("PRAGMA temp.table_info(odibi_source)").all()
            declared = {row.name: _declared(row.type) for row in said}
            unknown = [name for name, column in declared.items() if column is None]
            seen = self._seen(connection, unknown) if unknown else {}
        finally:
            connection.exec_driver_sql("DROP VIEW temp.odibi_source")
        known = {name: found or seen[name] for name, found in declared.items()}
        return [Column(name, dtype, None, convert) for name, (dtype, convert) in known.items()]

    def _seen(self, connection: sa.Connection, names: Sequence[str]) -> dict[str, _Known]:
        kinds = ", ".join(f"group_concat(DISTINCT typeof({self.quote(n)}))" for n in names)
        row = execute(connection, f"SELECT {kinds} FROM temp.odibi_source").one()
        return {name: _inferred(name, kind or "") for name, kind in zip(names, row, strict=True)}

    def bound(self, dtypes: Sequence[DType], value: Any, end: str) -> Any:
        """See `Dialect.bound`. A time is text: whole days are the same in all its spellings.

        A decimal is a float, which may be a little less or more.
        """
        if isinstance(value, Decimal):
            near = float(value)
            outward = math.nextafter(near, -math.inf if end == "lower" else math.inf)
            return near if Decimal(near) == value else outward
        if isinstance(value, date) and super().bound(dtypes, value, end) is not None:
            day = value.astimezone(UTC) if isinstance(value, datetime) and value.tzinfo else value
            day += timedelta(days=-1 if end == "lower" else 2)
            return date(day.year, day.month, day.day).isoformat()
        return super().bound(dtypes, value, end)

    def unsure(self, cursor: str, dtypes: Sequence[DType]) -> str:
        """See `Dialect.unsure`: a column of times holds anything, and only ISO text is in order."""
        if not any(isinstance(dtype, (nw.Date, nw.Datetime)) for dtype in dtypes):
            return super().unsure(cursor, dtypes)
        return f"typeof({cursor}) <> 'text' OR {cursor} NOT GLOB '{_ISO_DAY}*'"

    def column_type(self, name: str, dtype: DType) -> str:
        """See `Dialect.column_type`."""
        if isinstance(dtype, nw.Decimal):
            if dtype.precision > _DIGITS:
                msg = (
                    f"column '{name}': SQLite keeps {_DIGITS} digits of a number and {dtype} has "
                    f"more; cast it to decimal({_DIGITS}, {min(dtype.scale, _DIGITS)}) or string"
                )
                raise SchemaContractError(msg)
            return f"DECIMAL({dtype.precision}, {dtype.scale})"
        if isinstance(dtype, nw.Datetime):
            return "TIMESTAMPTZ" if dtype.time_zone else "DATETIME"
        return _WRITTEN[type(dtype)]

    def load(
        self,
        connection: sa.Connection,
        table: str,
        schema: Mapping[str, DType],
        batches: Iterable[pl.DataFrame],
    ) -> None:
        """See `Dialect.load`."""
        values = ", ".join(["?"] * len(schema))
        statement = f"INSERT INTO {table} ({self.names(schema)}) VALUES ({values})"
        for batch in batches:
            refuse_floats(batch, self.title, infinite=False)
            if rows := _as_stored(batch).rows():
                connection.exec_driver_sql(statement, rows)

    @contextmanager
    def reading(self, engine: sa.Engine) -> Iterator[sa.Connection]:
        """See `Dialect.reading`."""
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            yield connection

    @contextmanager
    def writing(self, engine: sa.Engine, location: TableLocation) -> Iterator[sa.Connection]:
        """See `Dialect.writing`: one writer at a time in the whole file."""
        Path(str(engine.url.database)).parent.mkdir(parents=True, exist_ok=True)
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection
            connection.commit()

    def settle(self, connection: sa.Connection, staged: str, keys: Sequence[str]) -> None:
        """See `Dialect.settle`."""
        index = f"CREATE INDEX temp.odibi_keys ON {staged} ({self.names(keys)})"
        execute(connection, index)

    def update(self, table: str, other: str, keys: Sequence[str], columns: Sequence[str]) -> str:
        """See `Dialect.update`."""
        sets = ", ".join(f"{self.quote(c)} = {other}.{self.quote(c)}" for c in columns)
        return f"UPDATE {table} AS t SET {sets} FROM {other} WHERE {self.same('t', other, keys)}"

    def drop_known(self, staged: str, table: str, keys: Sequence[str]) -> str:
        """See `Dialect.drop_known`."""
        join = f"{table} AS t JOIN {staged} ON {self.same('t', staged, keys)}"
        return f"DELETE FROM {staged} WHERE rowid IN (SELECT {staged}.rowid FROM {join})"

    def is_down(self, error: BaseException) -> bool:
        """See `Dialect.is_down`."""
        text = str(error)
        return any(
            word in text for word in ("locked", "disk I/O", "unable to open", "disk is full")
        )


_Known = tuple["DType", "Callable[[Any], Any] | None"]


def _declared(text: str) -> _Known | None:
    """What a declared type means; None where it says too little."""
    word = text.upper()
    if match := re.fullmatch(r"(?:DECIMAL|NUMERIC) ?\( ?(\d+) ?(?:, ?(\d+) ?)?\)", word):
        precision, scale = int(match[1]), int(match[2] or 0)
        return (nw.Decimal(precision, scale), _decimal) if precision <= 38 else None
    for part, known in _DECLARED.items():
        if part in word:
            return known
    return None


def _inferred(name: str, kinds: str) -> _Known:
    """The type of a column from the kinds of its values."""
    found = frozenset(kinds.split(",")) - {"null", ""}
    if found not in _INFERRED:
        msg = f"column '{name}' holds {' and '.join(sorted(found))}; cast it to one type in a query"
        raise DataReadError(msg)
    return _INFERRED[found]


def _decimal(value: Any) -> Decimal:
    return Decimal(str(value))


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    msg = f"{type(value).__name__} {value!r} is no text"
    raise ValueError(msg)


def _whole(value: Any) -> int:
    if isinstance(value, int):
        return value
    msg = f"{value!r} is no whole number"
    raise ValueError(msg)


def _moment(value: Any) -> datetime:
    moment = datetime.fromisoformat(_text(value))
    if moment.tzinfo is not None:
        msg = f"{value!r} names a zone"
        raise ValueError(msg)
    return moment


def _zoned(value: Any) -> datetime:
    moment = datetime.fromisoformat(_text(value))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _day(value: Any) -> date:
    return date.fromisoformat(_text(value))


_DECLARED: Mapping[str, _Known] = {
    "BOOL": (nw.Boolean(), one_of_two),
    "SMALLINT": (nw.Int16(), _whole),
    "INT4": (nw.Int32(), _whole),
    "INT": (nw.Int64(), _whole),
    "CHAR": (nw.String(), _text),
    "CLOB": (nw.String(), _text),
    "TEXT": (nw.String(), _text),
    "JSON": (nw.String(), _text),
    "BLOB": (nw.Binary(), bytes),
    "REAL": (nw.Float64(), float),
    "FLOA": (nw.Float64(), float),
    "DOUB": (nw.Float64(), float),
    "TIMESTAMPTZ": (nw.Datetime("us", "UTC"), _zoned),
    "WITH TIME ZONE": (nw.Datetime("us", "UTC"), _zoned),
    "TIMESTAMP": (nw.Datetime("us"), _moment),
    "DATETIME": (nw.Datetime("us"), _moment),
    "DATE": (nw.Date(), _day),
}
"""By a part of the declared type; the first one that is in it."""
_INFERRED: Mapping[frozenset[str], _Known] = {
    frozenset(): (nw.String(), _text),
    frozenset({"integer"}): (nw.Int64(), _whole),
    frozenset({"real"}): (nw.Float64(), float),
    frozenset({"integer", "real"}): (nw.Float64(), float),
    frozenset({"text"}): (nw.String(), _text),
    frozenset({"blob"}): (nw.Binary(), bytes),
}


def _as_stored(batch: pl.DataFrame) -> pl.DataFrame:
    """Times as text, decimals as numbers."""
    stored = []
    for name, dtype in batch.schema.items():
        column = pl.col(name)
        if isinstance(dtype, pl.Decimal):
            stored.append(column.cast(pl.Float64))
        elif isinstance(dtype, pl.Datetime):
            stored.append(column.dt.strftime(_MOMENT + ("+00:00" if dtype.time_zone else "")))
        elif dtype == pl.Date:
            stored.append(column.dt.strftime("%Y-%m-%d"))
    return batch.with_columns(stored)
