"""What csv, json and parquet share: a table is a file, or a directory of files."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import narwhals.stable.v2 as nw

from odibi_dagster.errors import ConfigError, DataReadError, SchemaContractError, did_you_mean
from odibi_dagster.formats import files
from odibi_dagster.formats.base import APPENDING, KEYED, Format, Published, Size, Staged
from odibi_dagster.formats.batches import add_batch, published
from odibi_dagster.formats.errors import reading, writing
from odibi_dagster.formats.fit import fitted, with_types_for_nulls
from odibi_dagster.formats.keys import require_keys, without
from odibi_dagster.formats.seen import Seen
from odibi_dagster.formats.sources import files_of, newest_of
from odibi_dagster.formats.types import Conversions, conformed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from pathlib import Path

    from odibi_dagster.connections.base import Location
    from odibi_dagster.core.batch import Batch
    from odibi_dagster.core.frame import Frame
    from odibi_dagster.engines.base import Engine

NATIVE_SCHEMA: Mapping[str, Callable[[Any], Any]] = {
    "polars": lambda native: native.collect_schema(),
    "spark": lambda native: native.schema,
}
"""The schema of a native frame, per engine."""


@dataclass(frozen=True)
class FileStaged(Staged):
    """Staged files, and the target's files if the rows depend on them."""

    seen: Seen | None = None


class FileFormat(Format):
    """A format whose tables are plain files: staged aside, published by renaming."""

    suffixes: ClassVar[tuple[str, ...]]
    """How the names of its files end."""
    conversions: ClassVar[Conversions]
    title: ClassVar[str] = ""
    """Its name in messages, where that is not `kind`."""
    partitions: ClassVar[bool] = False
    """Whether it can be written with `partition_by`."""

    @abstractmethod
    def sink_words(self, engine: Engine, options: Any, columns: int) -> tuple[str, dict[str, Any]]:
        """What `engine.sink` is called with: the engine's format name and its options."""

    def exists(self, location: Location) -> bool:
        """See `Format.exists`."""
        return self._files(location) != ()

    def published(self, location: Location, owner: str) -> int | None:
        """See `Format.published`: the names of a directory's files say it."""
        if not location.path.is_dir():
            return None
        return published(location.path, self.suffixes, owner)

    def newest(self, location: Location) -> datetime | None:
        """See `Format.newest`: the modification time of the newest file."""
        found = self._files(location)
        return newest_of(found) if found else None

    def size(self, location: Location, options: Any = None) -> Size:  # noqa: ARG002
        """See `Format.size`: the bytes of the files, as they lie there."""
        with reading(location, self.kind):
            found = files_of(location, self.suffixes)
            return Size(None, sum(file.stat().st_size for file in found))

    def _files(self, location: Location) -> tuple[Path, ...]:
        try:
            return files_of(location, self.suffixes)
        except DataReadError:
            return ()

    def conform(self, frame: Frame) -> Frame:
        """See `Format.conform`."""
        return conformed(frame, self.conversions, self.title or self.kind)

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
        """See `Format.stage`. The rows lie in a hidden folder beside the target."""
        if partition_by and not self.partitions:
            msg = f"{self.kind} cannot be partitioned; write format: parquet or delta"
            raise ConfigError(msg)
        options = options or self.write_options()
        with writing(location), files.staging(location, str(batch)) as folder:
            seen = Seen(location, self.suffixes) if mode == "append_once" else None
            stored = self._stored(engine, frame, location, mode, options)
            check_partitions(stored, partition_by)
            kind, words = self.sink_words(engine, options, len(stored.collect_schema()))
            words["one_file"] = mode in APPENDING and not partition_by
            rows = engine.sink(stored, kind, folder, partition_by=partition_by, **words)
            files.escape_folders(folder)
            if not files.staged_files(folder, self.suffixes):
                # No row, so no hive folder: one empty file keeps the schema.
                engine.sink(stored.head(0), kind, folder, **words)
            return FileStaged(
                **self._facts(engine, stored, folder),
                rows=rows,
                location=location,
                batch=batch,
                mode=mode,
                partition_by=partition_by,
                options=options,
                seen=seen,
            )

    def _stored(
        self, engine: Engine, frame: Frame, location: Location, mode: str, options: Any
    ) -> Frame:
        """The rows as they will be stored, without those that `append_once` finds there."""
        if mode in KEYED:
            require_keys(frame, options.keys)
        if mode == "overwrite" or not self.exists(location):
            return self.conform(frame)
        stored = self.fit(engine, frame, location, options)
        if mode != "append_once":
            return stored
        return without(stored, self.scan(engine, location), options.keys)

    def fit(
        self,
        engine: Engine,
        frame: Frame,
        location: Location,
        options: Any,  # noqa: ARG002
    ) -> Frame:
        """The frame with the columns of the target; SchemaContractError where it has others."""
        stored = self.scan(engine, location).collect_schema()
        return fitted(engine, self.conform(with_types_for_nulls(frame, stored)), stored)

    def _facts(self, engine: Engine, frame: Frame, folder: Path) -> dict[str, Any]:
        """What is known of rows once they are staged."""
        found = files.staged_files(folder, self.suffixes)
        return {
            "folder": folder,
            "files": found,
            "bytes": sum(file.stat().st_size for file in found),
            "schema": dict(frame.collect_schema()),
            "native_schema": NATIVE_SCHEMA[engine.name](frame.to_native()),
        }

    def publish(self, engine: Engine, staged: Staged) -> Published:
        """See `Format.publish`: one file by renaming, a directory file by file."""
        with writing(staged.location):
            adopted = not self._publish(engine, staged)
            files.drop(staged.folder)
        return Published(
            staged.location,
            staged.rows,
            staged.bytes,
            staged.schema,
            total=staged.rows if staged.mode == "overwrite" else None,
            adopted=adopted,
        )

    def _publish(self, engine: Engine, staged: Staged) -> bool:
        """False where the batch was there already."""
        assert isinstance(staged, FileStaged)  # noqa: S101  (stage() made it)
        there = staged.mode != "overwrite" and self.exists(staged.location)
        if there and staged.rows == 0:
            return True
        if staged.mode in APPENDING:
            return self.add(staged)
        if there:
            self._upsert(engine, staged)
        else:
            self._replace(staged)
        return True

    def add(self, staged: FileStaged) -> bool:
        """Add the batch to what is stored; False where it is there already."""
        return add_batch(staged, self.suffixes, staged.seen)

    def _upsert(self, engine: Engine, staged: FileStaged) -> None:
        """Write the whole table anew: the rows whose keys are not in the batch, and the batch."""
        seen = Seen(staged.location, self.suffixes)
        batch = self.scan_staged(engine, staged)
        rest = without(self.scan(engine, staged.location), batch, staged.keys)
        try:
            whole = self.stage(
                engine,
                nw.concat([rest.select(*staged.schema), batch.select(*staged.schema)]),
                staged.location,
                batch=staged.batch,
                partition_by=staged.partition_by,
                options=staged.options,
            )
        except DataReadError:
            seen.refuse_change()
            raise
        try:
            self._replace(whole, seen)
        finally:
            self.discard(whole)

    def _replace(self, staged: Staged, seen: Seen | None = None) -> None:
        files.publish_files(
            staged.location,
            staged.folder,
            staged.files,
            as_directory=bool(staged.partition_by),
            suffixes=self.suffixes,
            seen=seen,
        )

    def discard(self, staged: Staged) -> None:
        """See `Format.discard`."""
        files.drop(staged.folder)


def check_partitions(frame: Frame, partition_by: tuple[str, ...]) -> None:
    """SchemaContractError where a partition column is missing, or nothing else would be stored."""
    schema = frame.collect_schema()
    names = schema.names()
    for column in partition_by:
        if column not in names:
            msg = f"partition_by: no column '{column}'; {did_you_mean(column, names)}"
            raise SchemaContractError(msg)
        if schema[column].is_nested() or schema[column] == nw.Binary:
            msg = f"partition_by: column '{column}' is {schema[column]}; a folder's name needs text"
            raise SchemaContractError(msg)
    if partition_by and set(names) == set(partition_by):
        msg = f"partition_by names every column ({', '.join(names)}); leave at least one out"
        raise SchemaContractError(msg)
