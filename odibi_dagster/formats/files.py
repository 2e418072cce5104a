"""Staging and publishing files: written aside, then renamed into place.

Staged rows lie in a hidden folder beside the target, so on the same filesystem. One file for a
target that is no directory: a rename, atomic to every reader. Otherwise a directory: the new
files are renamed in, named by their batch, and then the old ones removed.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from odibi_dagster.core.names import slug
from odibi_dagster.errors import WriteError
from odibi_dagster.formats.disk import alone, hold, is_held, sync
from odibi_dagster.formats.sources import HIVE_FOLDER, is_hidden
from odibi_dagster.formats.swap import is_torn, mend, move_to, swap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from odibi_dagster.connections.base import Location
    from odibi_dagster.formats.seen import Seen

LEFTOVER_SECONDS = 86_400
_BEFORE = ".before"
_TRIES = 5
_GLOB = re.compile(r"[*?\[\]]")
_live: dict[Path, int] = {}
"""Folders that this process staged and has neither published nor discarded, and how it holds them.

A run that slept through its lease would else sweep up what the one that took over has staged.
"""


@contextmanager
def staging(location: Location, batch: str) -> Iterator[Path]:
    """An empty hidden folder beside the target; gone again when staging fails."""
    prefix = f".{location.path.name}.staged-"
    location.path.parent.mkdir(parents=True, exist_ok=True)
    _mend_killed(location.path, prefix)
    _sweep(location.path.parent, prefix, slug(batch))
    folder = location.path.parent / f"{prefix}{slug(batch)}-{uuid4().hex[:8]}"
    try:
        folder.mkdir()
        _live[folder] = hold(folder)
        yield folder
    except BaseException:
        _drop_for_good(folder)
        raise


def drop(folder: Path) -> None:
    """Remove a staging folder; fine where it is gone already."""
    with suppress(FileNotFoundError):
        shutil.rmtree(folder)
    if (handle := _live.pop(folder, None)) is not None:
        os.close(handle)


def _drop_for_good(folder: Path) -> None:
    """Remove a folder in which threads of a failed sink may still be finishing."""
    for _ in range(_TRIES):
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(0.01)
    drop(folder)


def _mend_killed(target: Path, prefix: str) -> None:
    """Put right what a publisher left that was killed half-way through a directory.

    A single file that was to make room for the directory comes back.
    """
    if is_torn(target):
        with alone(target.parent):
            mend(target)
    if target.exists():
        return
    for before in target.parent.glob(f"{escape(prefix)}*/{_BEFORE}"):
        with alone(target.parent):
            if before.exists() and not target.exists():
                before.replace(target)


def _sweep(parent: Path, prefix: str, batch: str) -> None:
    """Remove what dead runs left here: of this very batch, or older than a day."""
    for folder in parent.iterdir():
        if not folder.name.startswith(prefix):
            continue
        same = folder.name.rsplit("-", 1)[0] == prefix + batch
        if (same or _age(folder) > LEFTOVER_SECONDS) and not is_held(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _age(folder: Path) -> float:
    try:
        newest = max(path.stat().st_mtime for path in [folder, *folder.rglob("*")])
    except FileNotFoundError:
        return 0
    return time.time() - newest


def staged_files(folder: Path, suffixes: tuple[str, ...]) -> tuple[Path, ...]:
    """What a sink left in the folder, sorted; without the engine's own bookkeeping."""
    found = (path for path in folder.rglob("*") if path.name.endswith(suffixes))
    return tuple(sorted(path for path in found if not is_hidden(path, folder)))


def escape_folders(folder: Path) -> None:
    """Write `*`, `?`, `[` and `]` in hive folders as %2A ...: readers take them for globs."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and _GLOB.search(path.name):
            name = _GLOB.sub(lambda match: f"%{ord(match[0]):02X}", path.name)
            path.rename(path.with_name(name))


def publish_files(
    location: Location,
    folder: Path,
    files: tuple[Path, ...],
    *,
    as_directory: bool,
    suffixes: tuple[str, ...],
    seen: Seen | None = None,
) -> None:
    """Make the staged files the whole content of the target. Doing it twice changes nothing.

    `seen` is what the target must still be, where the new files hold some of its rows.
    """
    target = location.path
    with alone(target.parent):
        mend(target)
        if seen is not None:
            seen.refuse_change()
        if as_directory or target.is_dir() or len(files) != 1:
            _publish_directory(target, folder, files, suffixes)
        elif files[0].exists():
            sync(files[0])
            files[0].replace(target)
            sync(target.parent)
        elif not target.exists():
            msg = f"{location}: the staged file {files[0]} is gone; run the node again"
            raise WriteError(msg)
    drop(folder)


def _publish_directory(
    target: Path, folder: Path, files: tuple[Path, ...], suffixes: tuple[str, ...]
) -> None:
    final = {file: _final(target, folder, file) for file in files}
    if not target.is_dir():
        create_directory(target, folder, final)
        return
    swap(target, final, old_files(target, suffixes))


def move_in(root: Path, folder: Path, files: tuple[Path, ...]) -> tuple[Path, ...]:
    """Rename staged files to their final names below `root`; returns those names."""
    final = {file: _final(root, folder, file) for file in files}
    move_to(final)
    return tuple(final.values())


def _final(target: Path, folder: Path, file: Path) -> Path:
    """Where a staged file lies once published: the hive folders kept, the name led by its batch."""
    inner = file.relative_to(folder)
    stamp = folder.name.rpartition(".staged-")[2]
    return target / inner.parent / f"part-{stamp}-{file.name}"


def create_directory(target: Path, folder: Path, final: dict[Path, Path]) -> None:
    """The whole directory is made aside and renamed; a single file in its place makes room."""
    fresh = folder / ".directory"
    fresh.mkdir(exist_ok=True)
    move_to({file: fresh / path.relative_to(target) for file, path in final.items()})
    before = folder / _BEFORE
    if target.exists():
        target.replace(before)
    try:
        fresh.rename(target)
    except OSError:
        if before.exists():
            before.replace(target)
        raise
    sync(target.parent)


def old_files(target: Path, suffixes: tuple[str, ...]) -> set[Path]:
    """The files that an overwrite replaces. A directory with anything else in it is refused."""
    if (target / "_delta_log").is_dir():
        msg = f"{target} is a Delta table; write format: delta, or choose another path"
        raise WriteError(msg)
    old: set[Path] = set()
    for path in target.rglob("*"):
        if is_hidden(path, target):
            continue
        inner = path.relative_to(target)
        if path.is_dir() and not HIVE_FOLDER.fullmatch(path.name):
            _refuse(target, inner)
        if path.is_file():
            if not path.name.endswith(suffixes):
                _refuse(target, inner)
            old.add(path)
    return old


def _refuse(target: Path, inner: Path) -> None:
    msg = (
        f"{target} is a directory that holds more than the files of one table: '{inner}' is none "
        "of them; choose another path, or empty the directory"
    )
    raise WriteError(msg)
