"""What csv, json and parquet share: a table is a file, or a directory of files."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import narwhals.stable.v2 as nw

from odibi_dagster.errors import ConfigError, DataReadError, SchemaContractError, did_you_mean
from odibi_dagster.formats import files
from odibi_dagster.formats.base import Format, Published, Staged
from odibi_dagster.formats.errors import writing
from odibi_dagster.formats.sources import files_of, newest_of
from odibi_dagster.formats.types import Conversions, conformed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from pathlib import Path

    from odibi_dagster.connections.base import Location
    from odibi_dagster.core.frame import Frame
    from odibi_dagster.engines.base import Engine

NATIVE_SCHEMA: Mapping[str, Callable[[Any], Any]] = {
    "polars": lambda native: native.collect_schema(),
    "spark": lambda native: native.schema,
}
"""The schema of a native frame, per engine."""


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

    def newest(self, location: Location) -> datetime | None:
        """See `Format.newest`: the modification time of the newest file."""
        found = self._files(location)
        return newest_of(found) if found else None

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
        batch: str,
        partition_by: tuple[str, ...] = (),
        options: Any = None,
    ) -> Staged:
        """See `Format.stage`. The rows lie in a hidden folder beside the target."""
        if partition_by and not self.partitions:
            msg = f"{self.kind} cannot be partitioned; write format: parquet or delta"
            raise ConfigError(msg)
        options = options or self.write_options()
        with writing(location), files.staging(location, batch) as folder:
            stored = self.conform(frame)
            check_partitions(stored, partition_by)
            rows = self._sink(engine, stored, folder, partition_by, options)
            return self._staged(engine, stored, location, folder, rows, partition_by, options)

    def _sink(
        self,
        engine: Engine,
        frame: Frame,
        folder: Path,
        partition_by: tuple[str, ...],
        options: Any,
    ) -> int:
        kind, words = self.sink_words(engine, options, len(frame.collect_schema()))
        rows = engine.sink(frame, kind, folder, partition_by=partition_by, **words)
        files.escape_folders(folder)
        if not files.staged_files(folder, self.suffixes):
            # No row, so no hive folder: one empty file keeps the schema.
            engine.sink(frame.head(0), kind, folder, **words)
        return rows

    def _staged(
        self,
        engine: Engine,
        frame: Frame,
        location: Location,
        folder: Path,
        rows: int,
        partition_by: tuple[str, ...],
        options: Any,
    ) -> Staged:
        found = files.staged_files(folder, self.suffixes)
        return Staged(
            location=location,
            folder=folder,
            files=found,
            rows=rows,
            bytes=sum(file.stat().st_size for file in found),
            schema=dict(frame.collect_schema()),
            partition_by=partition_by,
            native_schema=NATIVE_SCHEMA[engine.name](frame.to_native()),
            options=options,
        )

    def publish(self, staged: Staged) -> Published:
        """See `Format.publish`: one file by renaming, a directory file by file."""
        with writing(staged.location):
            files.publish_files(
                staged.location,
                staged.folder,
                staged.files,
                as_directory=bool(staged.partition_by),
                suffixes=self.suffixes,
            )
        return Published(staged.location, staged.rows, staged.bytes, staged.schema)

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
