"""Adding a batch to a directory of files, exactly once.

The files of a batch say in their names which batch they are of
(`part-<owner>-<number>-00001.parquet`). So the directory itself knows what it holds.
"""

from __future__ import annotations

import os
import re
import shutil
from typing import TYPE_CHECKING

from odibi_dagster.core.batch import PATTERN, tag
from odibi_dagster.errors import SchemaContractError
from odibi_dagster.formats.disk import alone
from odibi_dagster.formats.files import create_directory, old_files
from odibi_dagster.formats.hive import values_of
from odibi_dagster.formats.swap import mend, swap

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from odibi_dagster.formats.base import Staged
    from odibi_dagster.formats.seen import Seen

_NAME = re.compile(rf"part-{PATTERN.pattern}-\d{{5,}}\.")
_FIRST = "part-first-00001"
"""The name of the one file that a table was before it became a directory."""


def add_batch(staged: Staged, suffixes: tuple[str, ...], seen: Seen | None = None) -> bool:
    """Make the staged files part of the directory; False where this batch was there already.

    `seen` is what the target must still be: WriteError where it changed meanwhile.
    """
    target = staged.location.path
    with alone(target.parent):
        mend(target)
        there = _files(target, suffixes)
        if (last := last_batch(there, staged.batch.owner)) and last >= staged.batch.number:
            return False
        if seen is not None:
            seen.refuse_change()
        empty = _placeholders(target, there, staged.partition_by)
        final = _final_names(staged)
        if target.is_dir():
            swap(target, final, empty)
        else:
            _create(target, staged.folder, final, there - empty, suffixes)
    return True


def _files(target: Path, suffixes: tuple[str, ...]) -> set[Path]:
    if target.is_dir():
        return old_files(target, suffixes)
    return {target} if target.exists() else set()


def _final_names(staged: Staged) -> dict[Path, Path]:
    return {
        file: staged.location.path
        / file.relative_to(staged.folder).parent
        / f"part-{staged.batch}-{number:05}{''.join(file.suffixes[-1:])}"
        for number, file in enumerate(staged.files, 1)
    }


def published(target: Path, suffixes: tuple[str, ...], owner: str) -> int | None:
    """The number of the owner's last batch in a directory, after a killed swap was put right."""
    with alone(target.parent):
        mend(target)
        return last_batch(old_files(target, suffixes), owner)


def last_batch(files: Iterable[Path], owner: str) -> int | None:
    """The highest number among the owner's files; None where there is none."""
    named = (match for file in files if (match := _NAME.match(file.name)))
    numbers = (int(match["number"]) for match in named if match["tag"] == tag(owner))
    return max(numbers, default=None)


def _placeholders(target: Path, there: Iterable[Path], partition_by: tuple[str, ...]) -> set[Path]:
    """The one file of a table without rows, which lies in no folder, where rows will.

    SchemaContractError where rows lie in folders of other columns than `partition_by`.
    """
    others = set()
    for file in there:
        columns = tuple(values_of(file.relative_to(target)))
        if columns == partition_by:
            continue
        if columns or not _is_empty(file):
            msg = (
                f"what is stored is partitioned by {list(columns)} and partition_by says "
                f"{list(partition_by)}; keep its partitions, or write to another path"
            )
            raise SchemaContractError(msg)
        others.add(file)
    return others


def _is_empty(file: Path) -> bool:
    """Whether a file holds no row. Only Parquet is written with `partition_by`."""
    import pyarrow.parquet as pq

    rows: int = pq.read_metadata(file).num_rows
    return rows == 0


def _create(
    target: Path,
    folder: Path,
    final: dict[Path, Path],
    single: Iterable[Path],
    suffixes: tuple[str, ...],
) -> None:
    """The directory is made aside and renamed; the one file that was the table moves into it."""
    keep = {}
    for file in single:
        first = folder / ".first"
        _link(file, first)
        suffix = next((end for end in suffixes if file.name.endswith(end)), suffixes[0])
        keep[first] = target / f"{_FIRST}{suffix}"
    create_directory(target, folder, final | keep)


def _link(file: Path, copy: Path) -> None:
    copy.unlink(missing_ok=True)
    try:
        os.link(file, copy)
    except OSError:
        # not every file system has hard links
        shutil.copy2(file, copy)
