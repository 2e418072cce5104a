"""A table or a query, read once and landed as Parquet: read again, it may say something else."""

from __future__ import annotations

import atexit
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import narwhals.stable.v2 as nw
import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from odibi_dagster.errors import DataReadError, did_you_mean
from odibi_dagster.formats import files as staging
from odibi_dagster.formats.base import Bounds
from odibi_dagster.formats.database.dialect import plain
from odibi_dagster.formats.database.dialects import dialect_of
from odibi_dagster.formats.database.errors import reading_from
from odibi_dagster.formats.errors import check_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from odibi_dagster.connections.database import TableLocation
    from odibi_dagster.core.types import DType
    from odibi_dagster.formats.database.dialect import Column, Dialect

_TAKEN = 10_000
"""Rows taken from the database at a time."""
_GROUP_ROWS, _GROUP_BYTES = 100_000, 64 << 20
"""A row group of the landed file is written when it has so much."""


def land(
    location: TableLocation,
    bounds: Bounds | None = None,
    declared: Mapping[str, DType] | None = None,
    columns: Sequence[str] | None = None,
) -> Path:
    """Run the query once; the Parquet file with its rows lives until the process ends.

    With `columns`, those of them that are there, and no others.

    DataReadError where there is no such table, the query is wrong, or a value is not of the type
    that the database says.
    """
    with staging.staging(location, f"read-{uuid4().hex[:8]}") as folder:
        file = folder / "part-00000.parquet"
        with reading_from(location):
            _land(location, bounds, declared or {}, columns, file)
    atexit.register(staging.drop, folder)
    return file


def columns_of(location: TableLocation) -> dict[str, DType]:
    """The columns of a table or a query; no row is read where the database can tell."""
    dialect = dialect_of(location)
    with reading_from(location), dialect.reading(location.engine()) as connection:
        columns = dialect.describe(connection, source_of(location))
    return {column.name: column.dtype for column in columns}


def source_of(location: TableLocation) -> str:
    """What stands behind FROM."""
    if location.query is None:
        return dialect_of(location).table(location)
    # on lines of its own: a query may end in a comment
    return f"(\n{location.query}\n) AS odibi_query"


def _land(
    location: TableLocation,
    bounds: Bounds | None,
    declared: Mapping[str, DType],
    wanted: Sequence[str] | None,
    file: Path,
) -> None:
    dialect = dialect_of(location)
    with dialect.reading(location.engine()) as connection:
        columns = dialect.describe(connection, source_of(location))
        check_names([column.name for column in columns], location)
        columns = [
            _as_declared(column, declared)
            for column in columns
            if wanted is None or column.name in wanted
        ]
        statement, values = _select(dialect, location, columns, bounds)
        result = connection.execution_options(stream_results=True, max_row_buffer=_TAKEN).execute(
            statement, values
        )
        rows = iter(result.partitions(_TAKEN))
        _write(file, columns, rows, location)


def _as_declared(column: Column, declared: Mapping[str, DType]) -> Column:
    """A decimal is read with the digits that odibi.yaml declares: the database may have none."""
    dtype = declared.get(column.name)
    both = isinstance(dtype, nw.Decimal) and isinstance(column.dtype, nw.Decimal)
    return replace(column, dtype=dtype) if dtype is not None and both else column


def _select(
    dialect: Dialect, location: TableLocation, columns: Sequence[Column], bounds: Bounds | None
) -> tuple[sa.TextClause, dict[str, Any]]:
    """The query, and the values that are bound to it."""
    selected = ", ".join(
        f"{column.expression} AS {dialect.quote(column.name)}"
        if column.expression
        else dialect.quote(column.name)
        for column in columns
    )
    statement = plain(f"SELECT {selected} FROM {source_of(location)}")
    condition, values = _within(dialect, location, columns, bounds or Bounds(()))
    return sa.text(f"{statement} WHERE {condition}" if condition else statement), values


def _within(
    dialect: Dialect, location: TableLocation, columns: Sequence[Column], bounds: Bounds
) -> tuple[str, dict[str, Any]]:
    """The condition, as far as the database judges it as we do, and the values bound to it."""
    known = {column.name: column.dtype for column in columns}
    if missing := [name for name in bounds.columns if name not in known]:
        msg = f"{location}: no column '{missing[0]}'; {did_you_mean(missing[0], known)}"
        raise DataReadError(msg)
    dtypes = [known[name] for name in bounds.columns]
    names = dialect.names(bounds.columns)
    cursor = f"COALESCE({names})" if len(bounds.columns) > 1 else names
    limits = {"lower": bounds.lower, "upper": bounds.upper}
    values = {
        end: bound
        for end, limit in limits.items()
        if limit is not None and (bound := dialect.bound(dtypes, limit, end)) is not None
    }
    above = ">=" if bounds.inclusive else ">"
    signs = {"lower": above, "upper": "<="}
    within = " AND ".join(f"{plain(cursor)} {signs[end]} :{end}" for end in values)
    kept = plain(dialect.unsure(cursor, dtypes))
    return f"({within}) OR {kept}" if within else "", values


def _write(
    file: Path,
    columns: Sequence[Column],
    parts: Iterator[Sequence[Sequence[Any]]],
    location: TableLocation,
) -> None:
    """Row by row from the database, in row groups to the file; memory holds one of them."""
    schema = pa.schema([(column.name, _arrow(column.dtype)) for column in columns])
    with pq.ParquetWriter(file, schema, compression="zstd", compression_level=1) as writer:
        held: list[pa.RecordBatch] = []
        for rows in parts:
            held.append(_batch(rows, columns, schema, location))
            if (
                sum(batch.num_rows for batch in held) >= _GROUP_ROWS
                or sum(batch.nbytes for batch in held) >= _GROUP_BYTES
            ):
                writer.write_table(pa.Table.from_batches(held, schema))
                held = []
        writer.write_table(pa.Table.from_batches(held, schema))


def _batch(
    rows: Sequence[Sequence[Any]],
    columns: Sequence[Column],
    schema: pa.Schema,
    location: TableLocation,
) -> pa.RecordBatch:
    arrays = [
        _array(column, values, field.type, location)
        for column, values, field in zip(columns, zip(*rows, strict=True), schema, strict=True)
    ]
    return pa.record_batch(arrays, schema=schema)


def _array(
    column: Column, values: Sequence[Any], dtype: pa.DataType, location: TableLocation
) -> pa.Array:
    try:
        if column.convert is not None:
            convert = column.convert
            values = [None if value is None else convert(value) for value in values]
        return pa.array(values, dtype)
    except (pa.ArrowException, ValueError, TypeError, ArithmeticError) as error:
        msg = (
            f"{location}: column '{column.name}' holds a value that is no {column.dtype} "
            f"({error}); declare its type under columns, or cast it in a query"
        )
        raise DataReadError(msg) from error


def _arrow(dtype: DType) -> pa.DataType:
    if isinstance(dtype, nw.Decimal):
        return pa.decimal128(dtype.precision, dtype.scale)
    if isinstance(dtype, nw.Datetime):
        return pa.timestamp("us", dtype.time_zone)
    return _ARROW[type(dtype)]


_ARROW: Mapping[type[DType], pa.DataType] = {
    nw.Boolean: pa.bool_(),
    nw.Int8: pa.int8(),
    nw.Int16: pa.int16(),
    nw.Int32: pa.int32(),
    nw.Int64: pa.int64(),
    nw.Float32: pa.float32(),
    nw.Float64: pa.float64(),
    nw.String: pa.string(),
    nw.Binary: pa.binary(),
    nw.Date: pa.date32(),
}
