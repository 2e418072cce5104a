"""Old rows of a directory of batch files go: all of a batch is of one age, so its file goes whole.

Doing it twice changes nothing, so a kill in between is made good by the next time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from odibi_dagster.formats import files as staging
from odibi_dagster.formats.disk import alone
from odibi_dagster.formats.swap import mend, swap

if TYPE_CHECKING:
    from pathlib import Path

    from odibi_dagster.connections.base import Location


def expire_files(location: Location, suffixes: tuple[str, ...], column: str, before: str) -> None:
    """Remove the Parquet files in which every text in `column` is less than `before`.

    Where that is all of them the newest stays, without its rows: it knows the columns, and which
    batch was the last. A file without the column, or with nulls in it only, stays.
    """
    target = location.path
    if not target.is_dir():
        return
    with staging.staging(location, "expired") as folder, alone(target.parent):
        mend(target)
        files = sorted(staging.old_files(target, suffixes), key=lambda file: file.stat().st_mtime)
        old: list[Path] = []
        for file in files:
            newest = _newest(file, column)
            if newest is None:
                continue
            if newest >= before:
                break  # the others were written later
            old.append(file)
        if old:
            kept = {_emptied(old[-1], folder): old[-1]} if len(old) == len(files) else {}
            swap(target, kept, old)
    staging.drop(folder)


def _newest(file: Path, column: str) -> str | None:
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    if column not in pq.read_schema(file).names:
        return None
    text: str | None = pc.max(pq.read_table(file, columns=[column])[column]).as_py()
    return text


def _emptied(file: Path, folder: Path) -> Path:
    import pyarrow.parquet as pq

    empty = folder / file.name
    pq.write_table(pq.read_schema(file).empty_table(), empty)
    return empty
