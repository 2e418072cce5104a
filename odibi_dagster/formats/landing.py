"""Files that no scanner reads as they are, rewritten once, line by line, under the system's temp.

What is made lives until the process ends, and is made again only when its source changes.
"""

from __future__ import annotations

import gzip
import hashlib
import shutil
import tempfile
import zlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from odibi_dagster.errors import DataReadError

if TYPE_CHECKING:
    from collections.abc import Callable


def landed(file: Path, key: str, suffix: str, make: Callable[[Path, Path], None]) -> Path:
    """The file that `make(file, target)` writes; `key` names everything else it depends on."""
    seen = file.stat()
    identity = f"{file}\0{seen.st_mtime_ns}\0{seen.st_size}\0{key}"
    target = _folder() / f"{hashlib.sha256(identity.encode()).hexdigest()[:24]}{suffix}"
    if not target.exists():
        partial = target.with_name(f"{target.name}.partial")
        make(file, partial)
        partial.replace(target)
    return target


def inflated(file: Path) -> Path:
    """The file, or what it holds where it is compressed with gzip, whatever its name."""
    with file.open("rb") as stream:
        compressed = stream.read(2) == b"\x1f\x8b"
    return landed(file, "gzip", file.with_suffix("").suffix, _inflate) if compressed else file


def _inflate(file: Path, target: Path) -> None:
    try:
        with gzip.open(file) as source, target.open("wb") as sink:
            shutil.copyfileobj(source, sink)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        msg = f"{file} is not a readable gzip file: {error}"
        raise DataReadError(msg) from error


@cache
def _temporary() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="odibi-dagster-")


def _folder() -> Path:
    return Path(_temporary().name)
