"""What becomes visible in a Delta table does so by one commit, which names its batch.

Its number is the version of a transaction in the commit itself, whose id is the owner: it tells a
later try that the batch is in, and makes two tries at once conflict.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

from odibi_dagster.errors import WriteError
from odibi_dagster.formats.delta_guard import refuse_other_schema
from odibi_dagster.formats.delta_log import add_action, delta_schema
from odibi_dagster.formats.delta_scan import files_of
from odibi_dagster.formats.disk import sync, synced
from odibi_dagster.formats.files import move_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import narwhals.stable.v2 as nw
    from deltalake import CommitProperties, DeltaTable
    from deltalake.transaction import AddAction
    from pyarrow import RecordBatchReader

    from odibi_dagster.core.batch import Batch
    from odibi_dagster.core.frame import Frame
    from odibi_dagster.formats.base import Staged

_RETRIES = {"append": 15}
"""Appends do not mind what others commit meanwhile; every other mode was planned on one version."""
_CONFIGURATION = {"delta.checkpointInterval": "10"}
"""As Spark does by itself: whoever opens a table reads every commit since the last checkpoint."""


def last_batch(snapshot: DeltaTable | None, owner: str) -> int | None:
    """The number of the owner's last batch in this version of the table."""
    last = None if snapshot is None else snapshot.transaction_version(_transaction(owner))
    return last or None  # 0: what there was is replaced


def create(staged: Staged) -> None:
    """The table is made aside, with its first commit in it, and renamed: a kill leaves nothing.

    WriteError where another writer was first.
    """
    from deltalake.transaction import create_table_with_add_actions

    root, fresh = staged.location.path, staged.folder / ".table"
    fresh.mkdir(exist_ok=True)
    adds = _adds(staged, move_in(fresh, staged.folder, staged.files), fresh)
    with synced(fresh / "_delta_log"):
        _committed(
            lambda: create_table_with_add_actions(
                str(fresh),
                delta_schema(staged.schema),
                adds,
                "error",
                list(staged.partition_by),
                configuration=_CONFIGURATION,
                commit_properties=_properties(staged.batch, 0),
            )
        )
    sync(fresh)
    try:
        fresh.rename(root)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        msg = "another writer made a table there since this run began"
        raise WriteError(msg) from error
    sync(root.parent)


def commit(staged: Staged, snapshot: DeltaTable, files: tuple[Path, ...]) -> None:
    """Add the files, which lie in the table's folder; an overwrite removes all others.

    WriteError where the table is not what `snapshot` says and that matters.
    """
    root = staged.location.path
    adds, mode = _adds(staged, files, root), "overwrite" if staged.mode == "overwrite" else "append"
    gone = staged.batch.unseats if staged.mode == "overwrite" else ()
    properties = _properties(staged.batch, _RETRIES.get(staged.mode, 0), gone)
    _allow_naive_times(snapshot, staged.schema)
    with synced(root / "_delta_log"):
        _committed(
            lambda: snapshot.create_write_transaction(
                [*adds],
                mode,
                delta_schema(staged.schema),
                list(staged.partition_by),
                commit_properties=properties,
            )
        )


def _adds(staged: Staged, files: tuple[Path, ...], root: Path) -> list[AddAction]:
    import pyarrow.parquet as pq

    footers = {file: pq.read_metadata(file) for file in files}
    for file, footer in footers.items():
        refuse_other_schema(file, footer, staged.schema, staged.partition_by)
    return [add_action(file, root, footer) for file, footer in footers.items()]


def grows(snapshot: DeltaTable, frame: Frame) -> bool:
    """Whether the frame has columns that this version of the table lacks."""
    known = {field.name for field in snapshot.schema().fields}
    return any(name not in known for name in frame.collect_schema())


def add_with_columns(staged: Staged, snapshot: DeltaTable) -> None:
    """Add rows and the columns that come with them: null in all rows that are there, one commit.

    The rows are written once more, by Delta's own library: it alone can do both at once.
    """
    from deltalake import WriterProperties, write_deltalake

    root, before = staged.location.path, files_of(snapshot)
    with synced(root / "_delta_log"):
        _committed(
            lambda: write_deltalake(
                snapshot,
                _rows_of(staged),
                mode="append",
                schema_mode="merge",
                writer_properties=WriterProperties(compression="ZSTD", compression_level=1),
                commit_properties=_properties(staged.batch, 0),
            )
        )
        _sync_new(root, snapshot, before)  # what the log names is on the disk before the log


def _rows_of(staged: Staged) -> RecordBatchReader:
    """The staged rows, batch by batch."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sources = [pq.ParquetFile(file) for file in staged.files]
    for place, source in zip(staged.files, sources, strict=True):
        refuse_other_schema(place, source.metadata, staged.schema, staged.partition_by)
    rows = (part for source in sources for part in source.iter_batches())
    return pa.RecordBatchReader.from_batches(sources[0].schema_arrow, rows)


def _sync_new(root: Path, snapshot: DeltaTable, before: set[str]) -> None:
    new = [root / file for file in sorted(files_of(snapshot) - before)]
    folders = (folder for file in new for folder in file.parents if folder.is_relative_to(root))
    for path in (*new, *dict.fromkeys(folders)):
        sync(path)


def merge(staged: Staged, snapshot: DeltaTable) -> dict[str, int]:
    """Update the rows with the keys of the batch and insert the others; how many of each."""
    from deltalake import WriterProperties

    root = staged.location.path
    before = files_of(snapshot)
    same = " AND ".join(f"target.{_quoted(key)} = source.{_quoted(key)}" for key in staged.keys)
    merger = snapshot.merge(
        _rows_of(staged),
        same,
        merge_schema=staged.options.mergeSchema,
        source_alias="source",
        target_alias="target",
        writer_properties=WriterProperties(compression="ZSTD", compression_level=1),
        commit_properties=_properties(staged.batch, 0),
    )
    with synced(root / "_delta_log"):
        told = _committed(merger.when_matched_update_all().when_not_matched_insert_all().execute)
        _sync_new(root, snapshot, before)
    return {
        "updated_rows": told["num_target_rows_updated"],
        "inserted_rows": told["num_target_rows_inserted"],
    }


def expire(snapshot: DeltaTable, root: Path, column: str, before: str) -> None:
    """Delete the rows with a lesser text in one commit; none where the log knows of no such row."""
    actions = snapshot.get_add_actions(flatten=True)
    if f"min.{column}" not in actions.column_names:
        return
    if not any(least and least < before for least in actions.column(f"min.{column}").to_pylist()):
        return
    delete(snapshot, root, f"{_quoted(column)} < {literal(before)}")


def delete(snapshot: DeltaTable, root: Path, which: str) -> None:
    """Delete the rows for which the condition holds, in one commit."""
    from deltalake import CommitProperties

    properties = CommitProperties(max_commit_retries=_RETRIES["append"])
    before = files_of(snapshot)
    with synced(root / "_delta_log"):
        _committed(lambda: snapshot.delete(which, commit_properties=properties))
        _sync_new(root, snapshot, before)  # files in which other rows stay are written anew


def literal(text: str) -> str:
    """A text as Delta's SQL writes it."""
    escaped = text.replace("'", "''")
    return f"'{escaped}'"


def _quoted(column: str) -> str:
    return f"`{column}`"


def _transaction(owner: str) -> str:
    return f"odibi:{owner}"


def _properties(batch: Batch, retries: int, gone: Sequence[str] = ()) -> CommitProperties:
    """What a commit says: the owner's batch, and that no batch of those who are gone is left."""
    from deltalake import CommitProperties, Transaction

    said = [Transaction(_transaction(batch.owner), batch.number)]
    said += [Transaction(_transaction(owner), 0) for owner in gone if owner != batch.owner]
    return CommitProperties(app_transactions=said, max_commit_retries=retries)


def _committed(attempt: Callable[[], Any]) -> Any:
    from deltalake.exceptions import CommitFailedError, DeltaError

    try:
        return attempt()
    except CommitFailedError as error:
        msg = f"the table was changed by another writer since this run began ({error})"
        raise WriteError(msg) from error
    except DeltaError as error:
        raise WriteError(str(error)) from error


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
