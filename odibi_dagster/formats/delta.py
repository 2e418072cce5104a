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
from odibi_dagster.formats.base import KEYED, Published, Size, Staged, formats
from odibi_dagster.formats.delta_commit import (
    add_with_columns,
    commit,
    create,
    delete,
    expire,
    grows,
    last_batch,
    literal,
    merge,
)
from odibi_dagster.formats.delta_guard import refuse_broken, refuse_features, refuse_nulls
from odibi_dagster.formats.delta_scan import empty, scan_version
from odibi_dagster.formats.errors import writing
from odibi_dagster.formats.file_format import check_partitions
from odibi_dagster.formats.fit import fitted, with_types_for_nulls
from odibi_dagster.formats.keys import Keys, require_keys, without
from odibi_dagster.formats.parquet import Parquet
from odibi_dagster.formats.parquet_files import SINK

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import narwhals.stable.v2 as nw
    from deltalake import DeltaTable

    from odibi_dagster.connections.base import Location
    from odibi_dagster.core.batch import Batch
    from odibi_dagster.core.frame import Frame
    from odibi_dagster.engines.base import Engine


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
    write: {connection: lake, format: delta, table: orders, mode: upsert, options: {keys: order_id}}
    ```
    """

    keys: Keys = ()
    """The columns that identify a row, for `append_once` and `upsert`."""
    overwriteSchema: bool = True  # noqa: N815
    mergeSchema: bool = False  # noqa: N815
    """Whether rows that are added may bring new columns: null in the rows that are there."""


@dataclass(frozen=True)
class DeltaStaged(Staged):
    """Staged rows, and the table as it was then: only on top of that may they be published."""

    snapshot: DeltaTable | None = None
    grown: bool = False
    """Whether they have columns that the table lacks."""


@formats.register("delta")
class Delta(Parquet):
    """A Delta table. A scan stays on its version; an overwrite is one atomic commit."""

    atomic_partitions = True
    grows = True
    read_options = DeltaReadOptions  # type: ignore[assignment]
    write_options = DeltaWriteOptions  # type: ignore[assignment]
    conversions = types.DELTA
    title = "Delta"

    def exists(self, location: Location) -> bool:
        """See `Format.exists`."""
        from deltalake import DeltaTable

        return location.path.is_dir() and DeltaTable.is_deltatable(str(location.path))

    def published(self, location: Location, owner: str) -> int | None:
        """See `Format.published`: the version of the owner's transaction."""
        return last_batch(_open(location), owner) if self.exists(location) else None

    def newest(self, location: Location) -> datetime | None:
        """See `Format.newest`: when the newest file of the current version was written."""
        if not self.exists(location):
            return None
        actions = _open(location).get_add_actions(flatten=True)
        times: list[int] = actions.column("modification_time").to_pylist()
        return datetime.fromtimestamp(max(times) / 1000, UTC) if times else None

    def size(self, location: Location, options: Any = None) -> Size:
        """See `Format.size`: the log knows bytes, and rows where writers have counted them."""
        snapshot = _open(location, options.version if options else None)
        actions = snapshot.get_add_actions(flatten=True)
        sizes, rows = (actions.column(name).to_pylist() for name in ("size_bytes", "num_records"))
        return Size(None if None in rows else sum(rows), sum(sizes))

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
        return scan_version(engine, location, snapshot)

    def stage(
        self,
        engine: Engine,
        frame: Frame,
        location: Location,
        *,
        batch: Batch,
        mode: str = "overwrite",
        partition_by: tuple[str, ...] = (),
        options: Any = None,
    ) -> Staged:
        """See `Format.stage`. Remembers the table's version: a later commit is not overwritten."""
        _check_path(location)
        options = options or self.write_options()
        with writing(location), staging.staging(location, str(batch)) as folder:
            snapshot = _open(location) if self.exists(location) else None
            stored = self._columns(engine, frame, location, snapshot, mode, options)
            _check(location, snapshot, stored, partition_by, mode)
            grown = snapshot is not None and mode != "overwrite" and grows(snapshot, stored)
            # a merge decides itself which partition a row belongs to, and so does whoever writes
            # rows with new columns
            folders = () if grown or (snapshot and mode == "upsert") else partition_by
            kind, words = "parquet", dict(SINK[engine.name])
            rows = engine.sink(stored, kind, folder, partition_by=folders, **words)
            staging.escape_folders(folder)
            _refuse_empty_text(folder)
            return DeltaStaged(
                **self._facts(engine, stored, folder),
                rows=rows,
                location=location,
                batch=batch,
                mode=mode,
                partition_by=folders,
                options=options,
                snapshot=snapshot,
                grown=grown,
            )

    def _columns(
        self,
        engine: Engine,
        frame: Frame,
        location: Location,
        snapshot: DeltaTable | None,
        mode: str,
        options: Any,
    ) -> Frame:
        """The rows as they will be stored, without those that `append_once` finds there."""
        if mode in KEYED:
            require_keys(frame, options.keys)
        if mode == "overwrite" or snapshot is None:
            return self.conform(frame)
        table = scan_version(engine, location, snapshot)
        stored = table.collect_schema()
        rows = self.conform(with_types_for_nulls(frame, stored))
        rows = fitted(engine, rows, stored, grows=options.mergeSchema)
        return without(rows, table, options.keys) if mode == "append_once" else rows

    def scan_staged(self, engine: Engine, staged: Staged) -> Frame:
        """See `Format.scan_staged`."""
        if staged.files:
            return super().scan_staged(engine, staged)
        return empty(engine, staged.native_schema)

    def vet(self, engine: Engine, staged: Staged) -> None:
        """See `Format.vet`; and what the table itself allows in no row."""
        super().vet(engine, staged)
        assert isinstance(staged, DeltaStaged)  # noqa: S101
        if staged.snapshot is None or not staged.rows:
            return
        rows = self.scan_staged(engine, staged)
        refuse_broken(engine, rows, staged.snapshot)
        if staged.mode != "overwrite":
            refuse_nulls(engine, rows, staged.snapshot)

    def expire(self, location: Location, column: str, before: str) -> None:
        """See `Format.expire`: one commit; the files stay until the table is vacuumed."""
        with writing(location):
            expire(_open(location), location.path, column, before)

    def withdraw(self, location: Location, column: str, text: str) -> None:
        """See `Format.withdraw`: one commit; the files stay until the table is vacuumed."""
        with writing(location):
            delete(_open(location), location.path, f"`{column}` = {literal(text)}")

    def publish(self, engine: Engine, staged: Staged) -> Published:  # noqa: ARG002
        """See `Format.publish`: one commit. WriteError where the table changed since staging."""
        assert isinstance(staged, DeltaStaged)  # noqa: S101
        metadata: dict[str, int] = {}
        with writing(staged.location):
            now = self._now(staged)
            last = last_batch(now, staged.batch.owner)
            adopted = last is not None and last >= staged.batch.number
            if not adopted and not (now and staged.mode != "overwrite" and staged.rows == 0):
                metadata = _commit(staged)
            staging.drop(staged.folder)
        table = _newest(staged.location, now)
        return Published(
            staged.location,
            staged.rows,
            staged.bytes,
            staged.schema,
            {"version": table.version(), **metadata},
            total=_rows(table),
            adopted=adopted,
        )

    def _now(self, staged: DeltaStaged) -> DeltaTable | None:
        """The table as it is: opened anew only where something was committed since staging."""
        if not self.exists(staged.location):
            return None
        if (
            staged.snapshot is not None
            and not _next_commit(staged.snapshot, staged.location).exists()
        ):
            return staged.snapshot
        return _open(staged.location)


def _next_commit(snapshot: DeltaTable, location: Location) -> Path:
    return location.path / "_delta_log" / f"{snapshot.version() + 1:020}.json"


def _newest(location: Location, table: DeltaTable | None) -> DeltaTable:
    """The newest version: following the log from a known one is cheaper than reading all of it."""
    if table is None:
        return _open(location)
    table.update_incremental()
    return table


def _commit(staged: DeltaStaged) -> dict[str, int]:
    if staged.snapshot is None:
        create(staged)
    elif staged.mode == "upsert":
        return merge(staged, staged.snapshot)
    elif staged.grown:
        add_with_columns(staged, staged.snapshot)
    else:
        files = staging.move_in(staged.location.path, staged.folder, staged.files)
        commit(staged, staged.snapshot, files)
    return {}


def _rows(table: DeltaTable) -> int | None:
    """How many rows the table has; None where a file does not say."""
    counts = table.get_add_actions(flatten=True).column("num_records").to_pylist()
    return None if None in counts else sum(counts)


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


def _check(
    location: Location,
    snapshot: DeltaTable | None,
    frame: Frame,
    partition_by: tuple[str, ...],
    mode: str,
) -> None:
    """What a commit would accept and readers would not: found before anything runs."""
    check_partitions(frame, partition_by)
    _refuse_names(frame.collect_schema().names(), mode)
    if snapshot is None:
        _refuse_other_content(location.path)
        return
    refuse_features(snapshot, mode)
    before = snapshot.metadata().partition_columns
    if list(partition_by) != before:
        msg = (
            f"the table is partitioned by {before} and partition_by says {list(partition_by)}; "
            "keep its partitions, or write to another path"
        )
        raise SchemaContractError(msg)


def _refuse_names(names: Sequence[str], mode: str) -> None:
    """Columns that Delta cannot tell apart, or a merge cannot name."""
    seen: dict[str, str] = {}
    for name in names:
        if (other := seen.setdefault(name.casefold(), name)) != name:
            msg = f"columns '{other}' and '{name}' are one column to Delta; rename one of them"
            raise SchemaContractError(msg)
        if mode == "upsert" and "`" in name:
            msg = f"column '{name}': a name with a back-tick cannot be upserted; rename it"
            raise SchemaContractError(msg)


def _refuse_other_content(root: Path) -> None:
    """Rows that lie there in another format would be lost to whoever reads the table."""
    if root.is_file():
        msg = "a file lies there; a Delta table is a directory: choose another path"
        raise WriteError(msg)
    if root.is_dir() and (other := next(root.iterdir(), None)):
        msg = (
            f"a directory lies there that is no Delta table and holds '{other.name}'; choose "
            "another path, or empty the directory"
        )
        raise WriteError(msg)


def _refuse_empty_text(folder: Path) -> None:
    for path in folder.rglob("*="):
        column = path.name.removesuffix("=")
        msg = (
            f"column '{column}' holds empty strings, which Delta stores as null in a partition "
            "column; replace them, or leave the column out of partition_by"
        )
        raise SchemaContractError(msg)
