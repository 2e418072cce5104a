"""`read`, `inputs` and `write`: what the user says about storage."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Discriminator, Tag

from odibi_dagster.config.incremental import Incremental
from odibi_dagster.core.fate import Choice, NoEffect, NotYet
from odibi_dagster.core.model import Model
from odibi_dagster.core.names import ColumnName

Later = Annotated[Any, NotYet()]

MODES = ("overwrite", "append", "append_once", "upsert", "merge")


class ReadConfig(Model):
    """A source in storage: a file, a folder, a glob, a Delta table, or rows of a database.

    ```yaml
    read: {connection: landing, format: csv, path: flights/*.csv, options: {sep: ";"}}
    ```
    """

    connection: str | None = None
    format: str
    path: str | None = None
    table: str | None = None
    options: dict[str, Any] = {}
    query: str | None = None
    """SQL for the database, in its own words; only where the connection is one."""
    sql_file: Later = None
    filter: Annotated[Any, NotYet("write a filter_rows step")] = None
    incremental: Incremental | None = None
    time_travel: Later = None
    streaming: Later = False
    schema_ddl: Annotated[Any, NotYet("write the types under columns")] = None
    archive_options: Later = {}


class AssetInput(Model):
    """A source that a Python asset makes.

    ```yaml
    inputs:
      raw: {asset: team/raw_orders}
    ```
    """

    asset: str | list[str]

    @property
    def key(self) -> tuple[str, ...]:
        """The asset key, part by part."""
        return tuple(self.asset.split("/") if isinstance(self.asset, str) else self.asset)


def _input_kind(value: Any) -> str:
    if isinstance(value, str):
        return "reference"
    return "asset" if isinstance(value, dict) and "asset" in value else "stored"


InputConfig = Annotated[
    Annotated[str, Tag("reference")]
    | Annotated[AssetInput, Tag("asset")]
    | Annotated[ReadConfig, Tag("stored")],
    Discriminator(_input_kind),
]
"""`$pipeline.node`, `{asset: key}`, or what `read` takes."""


def _columns(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class AddMetadata(Model):
    """Columns that say where rows came from; `add_metadata: true` adds the first two.

    ```yaml
    write:
      connection: lake
      format: delta
      table: flights
      add_metadata: {source_connection: true}
    ```
    """

    extracted_at: bool = True
    """`_extracted_at`: when the node ran, in UTC."""
    source_file: bool = True
    """`_source_file`: the `path` that was read; only where a path was."""
    source_connection: bool = False
    """`_source_connection`: the connection that was read."""
    source_table: bool = False
    """`_source_table`: the `table` that was read; only where a table was."""


def _metadata(value: Any) -> Any:
    return ({} if value else None) if isinstance(value, bool) else value


class WriteConfig(Model):
    """The target of a node.

    ```yaml
    write: {connection: lake, format: delta, table: flights, mode: overwrite}
    ```
    """

    connection: str
    format: str
    path: str | None = None
    table: str | None = None
    mode: Annotated[str, Choice(MODES)] = "overwrite"
    partition_by: Annotated[list[ColumnName], BeforeValidator(_columns)] = []
    options: dict[str, Any] = {}
    register_table: Later = None
    table_properties: Later = {}
    merge_schema: bool = False
    """Whether rows that are added may bring new columns; `options.mergeSchema` of Delta."""
    overwrite_schema: Later = False
    first_run_query: str | None = None
    """Read instead of `read.table` or `read.query` while the target is not there, and by a full
    refresh."""
    add_metadata: Annotated[AddMetadata | None, BeforeValidator(_metadata)] = None
    skip_if_unchanged: Later = False
    skip_hash_columns: Later = None
    skip_hash_sort_columns: Later = None
    streaming: Later = None
    merge_keys: Annotated[list[ColumnName], BeforeValidator(_columns)] = []
    """The columns that identify a row, for `merge`: what Odibi calls an upsert into a database."""
    merge_options: Later = None
    overwrite_options: Later = None
    zorder_by: Annotated[Any, NoEffect("it changes speed, not rows")] = []
    auto_optimize: Annotated[Any, NoEffect("optimize and vacuum the table yourself")] = None
