"""Rows of old batches, or of one, leave a directory of files.

Doing it twice changes nothing, so a kill in between is made good by the next time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from odibi_dagster.formats import files as staging
from odibi_dagster.formats.disk import alone
from odibi_dagster.formats.swap import mend, swap

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from odibi_dagster.connections.base import Location

    Keep = Callable[[Any], Any]
    """Which of the texts of a column stay: a mask, by an Arrow array."""


def expire_files(location: Location, suffixes: tuple[str, ...], column: str, before: str) -> None:
    """Remove the rows of Parquet files in which the text in `column` is less than `before`.

    All rows of a batch are of one age, so most files go or stay as a whole. Those that were written
    after the first one that stays are not looked at.
    """
    import pyarrow.compute as pc

    _rewrite(location, suffixes, column, lambda texts: pc.greater_equal(texts, before), until=True)


def withdraw_files(location: Location, suffixes: tuple[str, ...], column: str, text: str) -> None:
    """Remove the rows of Parquet files in which this is the text in `column`."""
    import pyarrow.compute as pc

    _rewrite(location, suffixes, column, lambda texts: pc.not_equal(texts, text), until=False)


def _rewrite(
    location: Location, suffixes: tuple[str, ...], column: str, keep: Keep, *, until: bool
) -> None:
    """Where no row of any file is left the newest file stays, empty.

    It knows the columns, and which batch was the last. A file without the column stays.
    """
    target = location.path
    if not target.exists():
        return
    with staging.staging(location, "rewritten") as folder, alone(target.parent):
        mend(target)
        files = staging.old_files(target, suffixes) if target.is_dir() else {target}
        ordered = sorted(files, key=lambda file: file.stat().st_mtime)
        gone: list[Path] = []
        rewritten: dict[Path, Path] = {}
        for file in ordered:
            left = _left(file, column, keep)
            if left is None:
                if until:
                    break
            elif left.num_rows:
                rewritten[_written(left, folder, file)] = file
            else:
                gone.append(file)
        if gone and len(gone) == len(ordered):
            newest = gone.pop()
            rewritten[_written(_left(newest, column, keep), folder, newest)] = newest
        if gone or rewritten:
            swap(target, rewritten, {*gone, *rewritten.values()})
    staging.drop(folder)


def _left(file: Path, column: str, keep: Keep) -> Any:
    """The rows of a file that stay, as an Arrow table; None where all of them do."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    if column not in pq.read_schema(file).names:
        return None
    stays = pc.fill_null(keep(pq.read_table(file, columns=[column])[column]), True)
    if pc.all(stays).as_py() is not False:
        return None
    return pq.read_table(file).filter(stays)


def _written(table: Any, folder: Path, file: Path) -> Path:
    import pyarrow.parquet as pq

    path = folder / file.name
    pq.write_table(table, path, compression="zstd")
    return path
