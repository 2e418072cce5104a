"""A location pinned: one explicit, sorted list of files, taken once."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from glob import has_magic
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

from odibi_dagster.errors import DataReadError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from odibi_dagster.connections.base import Location

HIVE_FOLDER = re.compile(r"[^/=]+=[^/]*")


def is_hidden(path: Path, root: Path) -> bool:
    """Whether a name below `root` starts with `.` or `_`: staged, temporary or bookkeeping files.

    A hive folder may start with `_`: it is data.
    """
    return any(map(_is_hidden, path.relative_to(root).parts))


def _is_hidden(name: str) -> bool:
    return name.startswith((".", "_")) and not HIVE_FOLDER.fullmatch(name)


def files_of(location: Location, suffixes: tuple[str, ...]) -> tuple[Path, ...]:
    """The visible files there, sorted: one file, a directory's files, or what a glob matches.

    In a directory only files that end in one of `suffixes` count. DataReadError where nothing is,
    and where a folder cannot be read.
    """
    path = location.path
    if path.is_file():
        return (path,)
    try:
        found = tuple(_below(path, suffixes) if path.is_dir() else sorted(_matches(path, suffixes)))
    except OSError as error:
        msg = f"{location} cannot be read: {error.strerror or error}"
        raise DataReadError(msg) from error
    if not found and path.is_dir():
        msg = f"{location} holds no {' or '.join(suffixes)} file"
        raise DataReadError(msg)
    if not found:
        what = "matches no file" if split_glob(path)[1] else "does not exist"
        msg = f"{location} {what}"
        raise DataReadError(msg)
    return found


def _below(root: Path, suffixes: tuple[str, ...]) -> Iterator[Path]:
    return (path for path in visible_files(root) if path.name.endswith(suffixes))


def visible_files(root: Path) -> Iterator[Path]:
    """Every file below a directory that is not hidden, sorted; links to folders are not followed.

    One look at each folder and no `Path` arithmetic: there may be 100,000 files.
    """
    with os.scandir(root) as entries:
        found = sorted(entries, key=attrgetter("name"))
    for entry in found:
        if _is_hidden(entry.name):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from visible_files(Path(entry.path))
        elif entry.is_file():
            yield Path(entry.path)


def _matches(path: Path, suffixes: tuple[str, ...]) -> Iterator[Path]:
    """What the glob matches; a directory among it stands for the files below it."""
    root, pattern = split_glob(path)
    for match in root.glob(pattern) if pattern else ():
        if is_hidden(match, root):
            continue
        if match.is_dir():
            yield from _below(match, suffixes)
        else:
            yield match


def split_glob(path: Path) -> tuple[Path, str]:
    """The folder before the first part with `*`, `?` or `[`, and the pattern from there on.

    A folder that exists under just that name is taken as it is, whatever characters it has.
    """
    root = Path(path.anchor)
    for index, part in enumerate(path.parts[1:], start=1):
        if has_magic(part) and not (root / part).exists():
            return root, "/".join(path.parts[index:])
        root /= part
    return path, ""


def newest_of(files: tuple[Path, ...]) -> datetime:
    """When the newest of the files was written, in UTC."""
    return datetime.fromtimestamp(max(file.stat().st_mtime for file in files), UTC)


def root_of(location: Location) -> Path:
    """The folder that hive folders are counted from: the directory, or what a glob starts at."""
    path = location.path
    if path.is_file():
        return path.parent
    return path if path.is_dir() else split_glob(path)[0]
