"""What a Delta commit says about each file: its path, its partition and its statistics.

Statistics come from the Parquet footers, so nothing is read again. Only bounds that are true
for every row are said: floats have none (footers hide NaN), nor have booleans, bytes, decimals
and nested values; the upper bound of a timestamp is rounded up to its millisecond.
"""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from odibi_dagster.errors import SchemaContractError
from odibi_dagster.formats.footers import column_statistics
from odibi_dagster.formats.hive import values_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from deltalake import Schema
    from deltalake.transaction import AddAction
    from pyarrow.parquet import FileMetaData

_BOUNDED = (int, str, date, datetime)
_PRIMITIVES: Mapping[type[nw.dtypes.DType], str] = {
    nw.Int8: "byte",
    nw.Int16: "short",
    nw.Int32: "integer",
    nw.Int64: "long",
    nw.Float32: "float",
    nw.Float64: "double",
    nw.String: "string",
    nw.Boolean: "boolean",
    nw.Binary: "binary",
    nw.Date: "date",
}


def delta_schema(schema: Mapping[str, nw.dtypes.DType]) -> Schema:
    """The Delta schema of conformed columns; every column may be null."""
    from deltalake import Schema

    return Schema.from_json(json.dumps(_struct(schema.items())))


def _struct(fields: Any) -> dict[str, Any]:
    return {
        "type": "struct",
        "fields": [
            {"name": name, "type": _type(dtype, name), "nullable": True, "metadata": {}}
            for name, dtype in fields
        ],
    }


def _type(dtype: Any, column: str) -> Any:
    dtype = dtype() if isinstance(dtype, type) else dtype
    if isinstance(dtype, nw.Datetime):
        return "timestamp" if dtype.time_zone else "timestamp_ntz"
    if isinstance(dtype, nw.Decimal):
        return f"decimal({dtype.precision},{dtype.scale})"
    if isinstance(dtype, nw.Struct):
        return _struct((field.name, field.dtype) for field in dtype.fields)
    if isinstance(dtype, nw.List):
        return {"type": "array", "elementType": _type(dtype.inner, column), "containsNull": True}
    if type(dtype) not in _PRIMITIVES:
        msg = f"column '{column}': type {dtype} cannot be written to Delta; cast it first"
        raise SchemaContractError(msg)
    return _PRIMITIVES[type(dtype)]


def add_action(file: Path, root: Path, footer: FileMetaData) -> AddAction:
    """The commit's entry for one file, which lies below the table's root."""
    from deltalake.transaction import AddAction

    inner = file.relative_to(root)
    seen = file.stat()
    return AddAction(
        path=inner.as_posix(),  # the commit URL-encodes it
        size=seen.st_size,
        partition_values=values_of(inner),
        modification_time=int(seen.st_mtime * 1000),
        data_change=True,
        stats=json.dumps(statistics(footer)),
    )


def statistics(footer: FileMetaData) -> dict[str, Any]:
    """Row count, and per flat column null count and bounds where they hold for every row."""
    stats: dict[str, Any] = {
        "numRecords": footer.num_rows,
        "minValues": {},
        "maxValues": {},
        "nullCount": {},
    }
    for name, groups in column_statistics(footer).items():
        _add_column(stats, name, groups)
    return stats


def _add_column(stats: dict[str, Any], name: str, groups: list[Any]) -> None:
    stats["nullCount"][name] = sum(group.null_count for group in groups)
    valued = [group for group in groups if group.num_values]
    if not valued or not all(group.has_min_max and _bounded(group.min) for group in valued):
        return
    stats["minValues"][name] = _text(min(group.min for group in valued), up=False)
    stats["maxValues"][name] = _text(max(group.max for group in valued), up=True)


def _bounded(value: Any) -> bool:
    return isinstance(value, _BOUNDED) and not isinstance(value, bool)


def _text(value: Any, *, up: bool) -> Any:
    """A bound as JSON holds it; Delta keeps milliseconds, so an upper bound is rounded up."""
    if isinstance(value, datetime):
        rest = value.microsecond % 1000
        value += timedelta(microseconds=1000 - rest if up and rest else -rest)
        text = value.replace(tzinfo=None).isoformat(timespec="milliseconds")
        return f"{text}Z" if value.tzinfo else text
    return value.isoformat() if isinstance(value, date) else value
