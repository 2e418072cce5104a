"""Parquet: one file, or a directory of files in hive folders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from odibi_dagster.core.model import Model
from odibi_dagster.formats import types
from odibi_dagster.formats.base import Size, formats
from odibi_dagster.formats.errors import check_names, reading, writing
from odibi_dagster.formats.expiry import expire_files, withdraw_files
from odibi_dagster.formats.file_format import FileFormat
from odibi_dagster.formats.footers import facts_of
from odibi_dagster.formats.hive import remember_types, types_of
from odibi_dagster.formats.keys import Keys
from odibi_dagster.formats.parquet_files import SINK, about_rows, check_ends, scan_parquet
from odibi_dagster.formats.sources import files_of, root_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import narwhals.stable.v2 as nw

    from odibi_dagster.connections.base import Location
    from odibi_dagster.core.facts import Facts
    from odibi_dagster.core.frame import Frame
    from odibi_dagster.engines.base import Engine
    from odibi_dagster.formats.base import Published, Staged


class ParquetReadOptions(Model):
    """`read.options` of Parquet: there are none, the file says all.

    ```yaml
    read: {connection: lake, format: parquet, path: orders/*.parquet}
    ```
    """


class ParquetWriteOptions(Model):
    """`write.options` of Parquet. Overwritten without `partition_by`, a table is one file.

    ```yaml
    write:
      connection: lake
      format: parquet
      path: orders
      mode: append_once
      options: {keys: [order_id]}
    ```
    """

    keys: Keys = ()
    """The columns that identify a row, for `append_once` and `upsert`."""


@formats.register("parquet")
class Parquet(FileFormat):
    """Parquet files; a directory may be partitioned by hive folders (`day=2013-01-01`)."""

    modes = frozenset({"overwrite", "append", "append_once", "upsert"})
    read_options = ParquetReadOptions
    write_options = ParquetWriteOptions
    suffixes = (".parquet", ".pq", ".parq")
    conversions = types.PARQUET
    partitions = True
    expires = True

    def scan(
        self,
        engine: Engine,
        location: Location,
        options: Any = None,  # noqa: ARG002
        declared: Mapping[str, nw.dtypes.DType] | None = None,
    ) -> Frame:
        """See `Format.scan`. The files say their types; `declared` is for hive columns only."""
        files = files_of(location, self.suffixes)
        with reading(location, self.kind):
            for file in files:
                check_ends(file)
            root = root_of(location)
            frame = scan_parquet(engine, files, root, types_of(root, files, declared or {}))
        check_names(frame.collect_schema().names(), location)
        return frame

    def size(self, location: Location, options: Any = None) -> Size:  # noqa: ARG002
        """See `Format.size`: the footers know the rows."""
        with reading(location, self.kind):
            return about_rows(files_of(location, self.suffixes))

    def scan_staged(self, engine: Engine, staged: Staged) -> Frame:
        """See `Format.scan_staged`: columns in their staged order, with their staged types."""
        hive = {name: staged.schema[name] for name in _folders(staged)}
        frame = scan_parquet(engine, staged.files, staged.folder, hive, staged.native_schema)
        # hive columns come last; a select that nothing needs keeps filters from the scan
        return frame.select(*staged.schema) if hive else frame

    def facts(self, engine: Engine, staged: Staged) -> Facts | None:
        """See `Format.facts`: what the footers say."""
        return facts_of(engine, staged, _folders(staged))

    def sink_words(
        self,
        engine: Engine,
        options: Any,  # noqa: ARG002
        columns: int,  # noqa: ARG002
    ) -> tuple[str, dict[str, Any]]:
        """See `FileFormat.sink_words`."""
        return "parquet", dict(SINK[engine.name])

    def expire(self, location: Location, column: str, before: str) -> None:
        """See `Format.expire`: whole files of a directory go."""
        with writing(location):
            expire_files(location, self.suffixes, column, before)

    def withdraw(self, location: Location, column: str, text: str) -> None:
        """See `Format.withdraw`."""
        with writing(location):
            withdraw_files(location, self.suffixes, column, text)

    def publish(self, engine: Engine, staged: Staged) -> Published:
        """See `Format.publish`; the types of partition columns are kept beside the folders."""
        if not self.exists(staged.location):
            # a kill before the types are said would leave folders whose types are guessed
            _remember_types(staged)
        published = super().publish(engine, staged)
        _remember_types(staged)
        return published


def _folders(staged: Staged) -> tuple[str, ...]:
    """The columns that lie in hive folders; without a row there are no folders."""
    in_folders = any(file.parent != staged.folder for file in staged.files)
    return staged.partition_by if in_folders else ()


def _remember_types(staged: Staged) -> None:
    if staged.partition_by:
        with writing(staged.location):
            remember_types(staged.location.path, staged.schema, staged.partition_by)
