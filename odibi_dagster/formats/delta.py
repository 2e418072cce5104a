"""Delta: files staged beside the table, published by one commit."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydantic import AliasChoices, Field

from odibi_dagster.core.model import Model
from odibi_dagster.errors import ConfigError, DataReadError, SchemaContractError, WriteError
from odibi_dagster.formats import files as staging
from odibi_dagster.formats import types
from odibi_dagster.formats.base import Published, Staged, formats
from odibi_dagster.formats.delta_log import add_action, delta_schema
from odibi_dagster.formats.delta_scan import empty, files_of_version, scan_version
from odibi_dagster.formats.errors import writing
from odibi_dagster.formats.file_format import check_partitions
from odibi_dagster.formats.footers import with_footers
from odibi_dagster.formats.parquet import Parquet
from odibi_dagster.formats.parquet_files import SINK

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import narwhals.stable.v2 as nw
    from deltalake import DeltaTable

    from odibi_dagster.connections.base import Location
    from odibi_dagster.core.frame import Frame
    from odibi_dagster.engines.base import Engine

_STAGE = "odibi.stage"
"""The name in a commit's metadata that says which staged rows it published."""


class DeltaReadOptions(Model):
    """`read.options` of Delta.

    ```yaml
    read: {connection: lake, format: delta, path: orders, options: {versionAsOf: 3}}
    ```
    """

    version: int | None = Field(
        default=None, ge=0, validation_alias=AliasChoices("version", "versionAsOf")
    )
    """The table's version to read; without it, the newest one at the time of planning."""


class DeltaWriteOptions(Model):
    """`write.options` of Delta: `overwriteSchema` is what an overwrite does anyway.

    ```yaml
    write: {connection: lake, format: delta, table: orders, options: {overwriteSchema: true}}
    ```
    """

    overwriteSchema: bool = True  # noqa: N815


@dataclass(frozen=True)
class DeltaStaged(Staged):
    """Staged rows, and the table as it was then: only on top of that may they be published."""

    snapshot: DeltaTable | None = None


@formats.register("delta")
class Delta(Parquet):
    """A Delta table. A scan stays on its version; an overwrite is one atomic commit."""

    atomic_partitions = True
    read_options = DeltaReadOptions  # type: ignore[assignment]
    write_options = DeltaWriteOptions  # type: ignore[assignment]
    conversions = types.DELTA
    title = "Delta"

    def exists(self, location: Location) -> bool:
        """See `Format.exists`."""
        from deltalake import DeltaTable

        return location.path.is_dir() and DeltaTable.is_deltatable(str(location.path))

    def newest(self, location: Location) -> datetime | None:
        """See `Format.newest`: when the newest file of the current version was written."""
        if not self.exists(location):
            return None
        actions = _open(location).get_add_actions(flatten=True)
        times: list[int] = actions.column("modification_time").to_pylist()
        return datetime.fromtimestamp(max(times) / 1000, UTC) if times else None

    def scan(
        self,
        engine: Engine,
        location: Location,
        options: Any = None,
        declared: Mapping[str, nw.dtypes.DType] | None = None,  # noqa: ARG002
    ) -> Frame:
        """See `Format.scan`: pinned to the version it has now, or to `options.version`.

        The table says its types itself.
        """
        _check_path(location)
        if not self.exists(location):
            what = "is no Delta table" if location.path.exists() else "does not exist"
            msg = f"{location} {what}"
            raise DataReadError(msg)
        snapshot = _open(location, options.version if options else None)
        frame = scan_version(engine, location, snapshot)
        folders = snapshot.metadata().partition_columns
        return with_footers(frame, lambda: files_of_version(location, snapshot), folders)

    def stage(
        self,
        engine: Engine,
        frame: Frame,
        location: Location,
        *,
        batch: str,
        partition_by: tuple[str, ...] = (),
        options: Any = None,
    ) -> Staged:
        """See `Format.stage`. Remembers the table's version: a later commit is not overwritten."""
        _check_path(location)
        with writing(location), staging.staging(location, batch) as folder:
            snapshot = _open(location) if self.exists(location) else None
            stored = self.conform(frame)
            _check(location, snapshot, stored, partition_by)
            kind, words = "parquet", dict(SINK[engine.name])
            rows = engine.sink(stored, kind, folder, partition_by=partition_by, **words)
            staging.escape_folders(folder)
            _refuse_empty_text(folder)
            staged = self._staged(engine, stored, location, folder, rows, partition_by, options)
            return DeltaStaged(**vars(staged), snapshot=snapshot)

    def scan_staged(self, engine: Engine, staged: Staged) -> Frame:
        """See `Format.scan_staged`."""
        if staged.files:
            return super().scan_staged(engine, staged)
        return empty(engine, staged.native_schema)

    def publish(self, staged: Staged) -> Published:
        """See `Format.publish`: one commit. WriteError where the table changed since staging."""
        assert isinstance(staged, DeltaStaged)  # noqa: S101
        root, stamp = staged.location.path, staged.folder.name.rpartition(".staged-")[2]
        with writing(staged.location):
            if not self._is_published(staged, stamp):
                root.mkdir(exist_ok=True)
                final = staging.move_in(root, staged.folder, staged.files)
                _commit(staged, final, stamp)
            staging.drop(staged.folder)
        version = _open(staged.location).version()
        return Published(
            staged.location, staged.rows, staged.bytes, staged.schema, {"version": version}
        )

    def _is_published(self, staged: DeltaStaged, stamp: str) -> bool:
        if not self.exists(staged.location):
            return False
        return any(commit.get(_STAGE) == stamp for commit in _open(staged.location).history(10))


def _check_path(location: Location) -> None:
    """Delta's library decodes `%20` in any spelling of a path, and then looks elsewhere."""
    if found := re.search(r"%[0-9A-Fa-f]{2}", str(location.path)):
        msg = f"{location}: a Delta table cannot lie under a path with '{found[0]}'; rename it"
        raise ConfigError(msg)


def _open(location: Location, version: int | None = None) -> DeltaTable:
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    try:
        return DeltaTable(str(location.path), version=version)
    except DeltaError as error:
        what = "table" if version is None else f"table with a version {version}"
        msg = f"{location} is not a readable delta {what}: {error}"
        raise DataReadError(msg) from error


def _commit(staged: DeltaStaged, final: tuple[Path, ...], stamp: str) -> None:
    import pyarrow.parquet as pq
    from deltalake import CommitProperties
    from deltalake.exceptions import CommitFailedError, DeltaError
    from deltalake.transaction import create_table_with_add_actions

    root = staged.location.path
    adds = [add_action(file, root, pq.read_metadata(file)) for file in final]
    schema, partition_by = delta_schema(staged.schema), list(staged.partition_by)
    properties = CommitProperties(custom_metadata={_STAGE: stamp}, max_commit_retries=0)
    try:
        if staged.snapshot is None:
            create_table_with_add_actions(
                str(root), schema, adds, "error", partition_by, commit_properties=properties
            )
        else:
            _allow_naive_times(staged.snapshot, staged.schema)
            staged.snapshot.create_write_transaction(
                [*adds], "overwrite", schema, partition_by, commit_properties=properties
            )
    except CommitFailedError as error:
        msg = f"the table was changed by another writer since this run began ({error})"
        raise WriteError(msg) from error
    except DeltaError as error:
        raise WriteError(str(error)) from error
    staging.sync_newest(root / "_delta_log")


def _allow_naive_times(snapshot: DeltaTable, schema: Mapping[str, nw.dtypes.DType]) -> None:
    """Timestamps without a zone need a table feature; a table made without them learns it."""
    from deltalake import CommitProperties, TableFeatures

    naive = "timestamp_ntz" in delta_schema(schema).to_json()
    if naive and "timestampNtz" not in (snapshot.protocol().reader_features or ()):
        snapshot.alter.add_feature(
            TableFeatures.TimestampWithoutTimezone,
            allow_protocol_versions_increase=True,
            commit_properties=CommitProperties(max_commit_retries=0),
        )


def _check(
    location: Location, snapshot: DeltaTable | None, frame: Frame, partition_by: tuple[str, ...]
) -> None:
    """What a commit would accept and readers would not: found before anything runs."""
    check_partitions(frame, partition_by)
    if snapshot is None:
        if location.path.is_file():
            msg = "a file lies there; a Delta table is a directory: choose another path"
            raise WriteError(msg)
        return
    before = snapshot.metadata().partition_columns
    if list(partition_by) != before:
        msg = (
            f"the table is partitioned by {before} and partition_by says {list(partition_by)}; "
            "keep its partitions, or write to another path"
        )
        raise SchemaContractError(msg)


def _refuse_empty_text(folder: Path) -> None:
    for path in folder.rglob("*="):
        column = path.name.removesuffix("=")
        msg = (
            f"column '{column}' holds empty strings, which Delta stores as null in a partition "
            "column; replace them, or leave the column out of partition_by"
        )
        raise SchemaContractError(msg)
