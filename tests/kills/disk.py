"""A disk that is full: a small one of its own where that may be mounted, else a limit on files."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PAGE = 4096
SIZE = 4 << 20


@dataclass
class Disk:
    """What a folder lies on."""

    folder: Path
    is_mounted: bool

    def fill(self, free: int) -> dict[str, Any]:
        """Leave so many bytes free; what a life is told where that cannot be done for all."""
        self.empty()
        if not self.is_mounted:
            return {"longest_file": free}
        stat = os.statvfs(self.folder)
        with self._filler.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, stat.f_bavail * stat.f_bsize - free)
        return {}

    def empty(self) -> None:
        self._filler.unlink(missing_ok=True)

    @property
    def _filler(self) -> Path:
        return self.folder / "filler"

    def steps(self) -> Iterator[int]:
        """From nothing to more than anybody needs."""
        if self.is_mounted:
            return iter(range(0, SIZE, PAGE))
        return (64 << number for number in range(20))


@contextmanager
def small_disk(folder: Path) -> Iterator[Disk]:
    """A disk of 4 MB at this folder; where nothing may be mounted, only what a life may write."""
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, check=False)
    is_mounted = done.returncode == 0
    try:
        yield Disk(folder, is_mounted)
    finally:
        if is_mounted:
            subprocess.run(["umount", str(folder)], check=True)
