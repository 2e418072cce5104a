"""What makes a change last: brought to the disk, and made by one publisher at a time."""

from __future__ import annotations

import fcntl
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_SYNCS = 16
"""So many files are brought to the disk at the same time."""


@contextmanager
def alone(directory: Path) -> Iterator[None]:
    """One publisher at a time among those whose targets lie in this directory.

    Of two at once, neither would see what the other moves in.
    """
    handle = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def hold(directory: Path) -> int:
    """Hold a directory until this handle is closed, or the process has ended, however it did."""
    handle = os.open(directory, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    return handle


def is_held(directory: Path) -> bool:
    """Whether a process that has not ended holds it, be it asleep. False where it is gone."""
    try:
        handle = os.open(directory, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def sync(path: Path) -> None:
    """Bring a file or a directory entry to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_all(paths: Iterable[Path]) -> None:
    """Many files or directory entries, several at a time: they share what the disk is asked for."""
    with ThreadPoolExecutor(_SYNCS) as pool:
        for _ in pool.map(sync, paths):
            pass


@contextmanager
def synced(folder: Path) -> Iterator[None]:
    """Bring to the disk what the block writes into a folder, and the folder itself."""
    before = _written(folder)
    yield
    for path, _ in _written(folder) - before:
        with suppress(FileNotFoundError):  # another writer cleans up there
            sync(path)
    sync(folder)


def _written(folder: Path) -> set[tuple[Path, int]]:
    """Every file in the folder, and when it was written."""
    if not folder.exists():
        return set()
    return {(path, path.stat().st_mtime_ns) for path in folder.iterdir()}


def write_text(file: Path, text: str) -> None:
    """Write a small file as a whole: whoever reads it sees the old text or the new one."""
    partial = file.with_name(f"{file.name}.partial")
    partial.write_text(text, "utf-8")
    sync(partial)
    partial.replace(file)
    sync(file.parent)
