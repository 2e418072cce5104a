"""Reading one version of a Delta table, whatever is committed meanwhile."""

from __future__ import annotations

import json
from glob import has_magic
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from odibi_dagster.errors import DataReadError
from odibi_dagster.formats.parquet_files import scan_parquet
from odibi_dagster.formats.sources import HIVE_FOLDER

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from deltalake import DeltaTable

    from odibi_dagster.connections.base import Location
    from odibi_dagster.core.frame import Frame
    from odibi_dagster.engines.base import Engine

_PLAIN = {"timestampNtz", "appendOnly", "invariants", "v2Checkpoint"}
"""Table features under which the rows are just those of the active files."""


def scan_version(engine: Engine, location: Location, snapshot: DeltaTable) -> Frame:
    """The rows of this very version, lazily. DataReadError where a table feature is not known."""
    return _SCAN[engine.name](engine, location, snapshot)


def files_of(snapshot: DeltaTable) -> set[str]:
    """The paths of a version's files, below the table's folder."""
    paths = snapshot.get_add_actions(flatten=True).column("path").to_pylist()
    return {unquote(path) for path in paths}


def empty(engine: Engine, native_schema: Any) -> Frame:
    """A lazy frame without rows."""
    return _EMPTY[engine.name](engine, native_schema)


def _scan_polars(engine: Engine, location: Location, snapshot: DeltaTable) -> Frame:
    import polars as pl

    if _native_scan_finds(location.path):
        return engine.wrap(pl.scan_delta(snapshot))
    return _scan_files(engine, location, snapshot, pl.Schema(snapshot.schema()))


def _native_scan_finds(root: Path) -> bool:
    """`scan_delta` takes the URL-encoded path for the path, stars for globs, `a=b` for hive."""
    hive = any(HIVE_FOLDER.fullmatch(part) for part in root.parts)
    return quote(str(root)) == str(root) and not has_magic(str(root)) and not hive


def _scan_spark(engine: Engine, location: Location, snapshot: DeltaTable) -> Frame:
    from pyspark.sql.types import StructType

    schema = StructType.fromJson(json.loads(snapshot.schema().to_json()))
    return _scan_files(engine, location, snapshot, schema)


def _scan_files(engine: Engine, location: Location, snapshot: DeltaTable, schema: Any) -> Frame:
    """The version's files, read as Parquet."""
    others = set(snapshot.protocol().reader_features or ()) - _PLAIN
    if others or snapshot.protocol().min_reader_version == 2:
        what = ", ".join(sorted(others)) or "column mapping"
        msg = f"{location} is a Delta table with {what}, which is not supported here"
        raise DataReadError(msg)
    paths = files_of(snapshot)
    if not paths:
        return empty(engine, schema)
    types = empty(engine, schema).collect_schema()
    hive = {name: types[name] for name in snapshot.metadata().partition_columns}
    files = sorted(location.path / path for path in paths)
    names = [field.name for field in snapshot.schema().fields]
    return scan_parquet(engine, files, location.path, hive, schema, grown=True).select(*names)


_SCAN: Mapping[str, Callable[[Engine, Location, DeltaTable], Frame]] = {
    "polars": _scan_polars,
    "spark": _scan_spark,
}


def _empty_polars(engine: Engine, schema: Any) -> Frame:
    import polars as pl

    return engine.wrap(pl.LazyFrame(schema=schema))


def _empty_spark(engine: Engine, schema: Any) -> Frame:
    return engine.wrap(engine.session.createDataFrame([], schema))  # type: ignore[attr-defined]


_EMPTY: Mapping[str, Callable[[Engine, Any], Frame]] = {
    "polars": _empty_polars,
    "spark": _empty_spark,
}
