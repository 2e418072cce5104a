"""Tables of a database: PostgreSQL, MySQL or MariaDB, SQLite."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from odibi_dagster.connections.database import TableLocation
from odibi_dagster.core.model import Model
from odibi_dagster.formats import files as staging
from odibi_dagster.formats import types
from odibi_dagster.formats.base import KEYED, Bounds, Published, Staged, formats
from odibi_dagster.formats.errors import writing
from odibi_dagster.formats.fit import fitted, with_types_for_nulls
from odibi_dagster.formats.keys import Keys, require_keys
from odibi_dagster.formats.parquet import Parquet
from odibi_dagster.formats.parquet_files import SINK, scan_parquet
from odibi_dagster.formats.types import as_declared, conformed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    import narwhals.stable.v2 as nw

    from odibi_dagster.connections.base import Location
    from odibi_dagster.core.batch import Batch
    from odibi_dagster.core.frame import Frame
    from odibi_dagster.core.types import DType
    from odibi_dagster.engines.base import Engine


class SqlReadOptions(Model):
    """`read.options` of a database: there are none; write `table`, or `query`.

    ```yaml
    read: {connection: shop, format: sql, query: SELECT * FROM orders WHERE amount > 0}
    ```
    """


class SqlWriteOptions(Model):
    """`write.options` of a database.

    ```yaml
    write:
      connection: shop
      format: sql
      table: mart.orders
      mode: upsert
      options: {keys: [order_id]}
    ```
    """

    keys: Keys = ()
    """The columns that identify a row, for `append_once` and `upsert`."""


@formats.register("sql")
class Sql(Parquet):
    """A table of a database. Rows come and go by way of Parquet in the project's own storage."""

    in_database = True
    modes = Parquet.modes | {"merge"}
    partitions = False
    read_options = SqlReadOptions  # type: ignore[assignment]
    write_options = SqlWriteOptions  # type: ignore[assignment]
    conversions = types.SQL
    title = "a database"

    def exists(self, location: Location) -> bool:
        """See `Format.exists`."""
        from odibi_dagster.formats.database.publish import exists

        return exists(_table(location))

    def published(self, location: Location, owner: str) -> int | None:
        """See `Format.published`: a row in the same schema says it."""
        from odibi_dagster.formats.database.publish import last_batch

        return last_batch(_table(location), owner)

    def size(self, location: Location, options: Any = None) -> None:  # type: ignore[override]  # noqa: ARG002
        """See `Format.size`: nothing is known before the query is run."""
        return

    def newest(self, location: Location) -> datetime | None:  # noqa: ARG002
        """See `Format.newest`: a database does not say."""
        return None

    def scan(
        self,
        engine: Engine,
        location: Location,
        options: Any = None,
        declared: Mapping[str, nw.dtypes.DType] | None = None,
    ) -> Frame:
        """See `Format.scan`. The query is run now, once: what it gave is the frame for good."""
        return self.scan_within(engine, location, Bounds(()), options, declared)

    def scan_within(
        self,
        engine: Engine,
        location: Location,
        bounds: Bounds,
        options: Any = None,  # noqa: ARG002
        declared: Mapping[str, nw.dtypes.DType] | None = None,
    ) -> Frame:
        """See `Format.scan_within`: the database itself leaves out the other rows."""
        from odibi_dagster.formats.database.read import land

        file = land(_table(location), bounds, declared)
        return as_declared(scan_parquet(engine, [file], file.parent, {}), declared)

    def read_columns(
        self,
        engine: Engine,
        location: Location,
        options: Any,  # noqa: ARG002
        schema: Callable[[], Mapping[str, DType] | None],  # noqa: ARG002
        columns: Sequence[str],
    ) -> Frame | None:
        """See `Format.read_columns`: the database is asked for no other column."""
        from odibi_dagster.formats.database.read import land

        if not set(columns) & set(self.stored_schema(engine, location)):
            return None
        file = land(_table(location), columns=columns)
        return scan_parquet(engine, [file], file.parent, {})

    def stored_schema(
        self,
        engine: Engine,  # noqa: ARG002
        location: Location,
        options: Any = None,  # noqa: ARG002
        schema: Callable[[], Mapping[str, DType] | None] = lambda: None,  # noqa: ARG002
    ) -> Mapping[str, DType]:
        """See `Format.stored_schema`."""
        from odibi_dagster.formats.database.read import columns_of

        return columns_of(_table(location))

    def stage(
        self,
        engine: Engine,
        frame: Frame,
        location: Location,
        *,
        batch: Batch,
        mode: str = "overwrite",
        partition_by: tuple[str, ...] = (),  # noqa: ARG002
        options: Any = None,
    ) -> Staged:
        """See `Format.stage`. Which keys are stored is seen when the rows are published."""
        options = options or self.write_options()
        table = _table(location)
        with writing(location), staging.staging(location, str(batch)) as folder:
            rows = self._columns(engine, frame, table, mode, options)
            count = engine.sink(rows, "parquet", folder, **SINK[engine.name])
            return Staged(
                **self._facts(engine, rows, folder),
                rows=count,
                location=location,
                batch=batch,
                mode=mode,
                options=options,
            )

    def _columns(
        self, engine: Engine, frame: Frame, table: TableLocation, mode: str, options: Any
    ) -> Frame:
        """The rows with the columns of the table; of a new one, with those it can have."""
        from odibi_dagster.formats.database.dialects import dialect_of

        dialect = dialect_of(table)
        if mode in KEYED:
            require_keys(frame, options.keys)
        if mode != "overwrite" and self.exists(table):
            stored = self.stored_schema(engine, table)
            frame = conformed(with_types_for_nulls(frame, stored), self.conversions, dialect.title)
            return fitted(engine, frame, stored)
        frame = conformed(frame, self.conversions, dialect.title)
        for name, dtype in frame.collect_schema().items():
            dialect.column_type(name, dtype)
        return frame

    def expire(self, location: Location, column: str, before: str) -> None:
        """See `Format.expire`: one DELETE."""
        from odibi_dagster.formats.database.publish import delete

        with writing(location):
            delete(_table(location), column, "<", before)

    def withdraw(self, location: Location, column: str, text: str) -> None:
        """See `Format.withdraw`: one DELETE."""
        from odibi_dagster.formats.database.publish import delete

        with writing(location):
            delete(_table(location), column, "=", text)

    def publish(self, engine: Engine, staged: Staged) -> Published:  # noqa: ARG002
        """See `Format.publish`: rows and batch in one transaction."""
        from odibi_dagster.formats.database.publish import publish

        with writing(staged.location):
            done = publish(staged, _table(staged.location))
            staging.drop(staged.folder)
        return Published(
            staged.location,
            staged.rows,
            staged.bytes,
            staged.schema,
            done.counts,
            total=staged.rows if staged.mode == "overwrite" else None,
            adopted=done.adopted,
        )


def _table(location: Location) -> TableLocation:
    """The location as what it is: odibi.yaml gives this format no other."""
    assert isinstance(location, TableLocation)  # noqa: S101
    return location
