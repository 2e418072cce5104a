"""Adding a batch to a directory of files, exactly once.

The files of a batch say in their names which batch they are of and how many there are:
`part-<owner>-<number>-00001-of-00007.parquet`. So the directory itself knows what it holds. A batch
of one file is visible as a whole or not at all; of several files some may be there after a kill:
the next publisher finds the batch incomplete and removes them first.
"""

from __future__ import annotations

import os
import re
import shutil
from collections import Counter
from typing import TYPE_CHECKING

from odibi_dagster.core.batch import PATTERN, tag
from odibi_dagster.errors import SchemaContractError
from odibi_dagster.formats import files as staging
from odibi_dagster.formats.hive import values_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from odibi_dagster.formats.base import Staged
    from odibi_dagster.formats.seen import Seen

_NAME = re.compile(rf"part-(?P<batch>{PATTERN.pattern})-\d{{5,}}-of-(?P<files>\d{{5,}})\.")
_FIRST = "part-first-00001-of-00001"
"""The name of the one file that a table was before it became a directory."""


def add_batch(staged: Staged, suffixes: tuple[str, ...], seen: Seen | None = None) -> bool:
    """Make the staged files part of the directory; False where this batch was there already.

    `seen` is what the target must still be: WriteError where it changed meanwhile.
    """
    target = staged.location.path
    with staging.alone(target.parent):
        there = staging.old_files(target, suffixes) if target.is_dir() else set()
        there -= _remove_incomplete(there)
        if (last := last_batch(there, staged.batch.owner)) and last >= staged.batch.number:
            return False
        if seen is not None:
            seen.refuse_change()
        _refuse_other_folders(target, there, staged.partition_by)
        final = _final_names(staged)
        if target.is_dir():
            staging.move_to(final)
        else:
            _create(target, staged.folder, final)
    return True


def _final_names(staged: Staged) -> dict[Path, Path]:
    count = len(staged.files)
    return {
        file: staged.location.path
        / file.relative_to(staged.folder).parent
        / f"part-{staged.batch}-{number:05}-of-{count:05}{''.join(file.suffixes[-1:])}"
        for number, file in enumerate(staged.files, 1)
    }


def last_batch(files: Iterable[Path], owner: str) -> int | None:
    """The highest number of the owner's batches of which every file is there."""
    named = [match for file in files if (match := _NAME.match(file.name))]
    counts = Counter(match["batch"] for match in named)
    whole = (
        int(match["number"])
        for match in named
        if match["tag"] == tag(owner) and counts[match["batch"]] == int(match["files"])
    )
    return max(whole, default=None)


def _remove_incomplete(files: Iterable[Path]) -> set[Path]:
    """Remove what a killed run published of a batch: it was never the whole batch."""
    named = {file: match for file in files if (match := _NAME.match(file.name))}
    counts = Counter(match["batch"] for match in named.values())
    torn = {f for f, match in named.items() if counts[match["batch"]] < int(match["files"])}
    for file in torn:
        file.unlink()
    for folder in {file.parent for file in torn}:
        staging.sync(folder)
    return torn


def _refuse_other_folders(
    target: Path, there: Iterable[Path], partition_by: tuple[str, ...]
) -> None:
    """Files of one table lie in folders of the same columns."""
    one = next(iter(there), None)
    columns = () if one is None else tuple(values_of(one.relative_to(target)))
    if one is not None and columns != partition_by:
        msg = (
            f"what is stored is partitioned by {list(columns)} and partition_by says "
            f"{list(partition_by)}; keep its partitions, or write to another path"
        )
        raise SchemaContractError(msg)


def _create(target: Path, folder: Path, final: dict[Path, Path]) -> None:
    """The directory is made aside and renamed; the one file that was the table moves into it."""
    keep = {}
    if target.is_file():
        first = folder / ".first"
        _link(target, first)
        keep[first] = target / f"{_FIRST}{target.suffix}"
    staging.create_directory(target, folder, final | keep)


def _link(file: Path, copy: Path) -> None:
    copy.unlink(missing_ok=True)
    try:
        os.link(file, copy)
    except OSError:
        # not every file system has hard links
        shutil.copy2(file, copy)
