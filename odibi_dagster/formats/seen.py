"""A target's files as they were when its rows were read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from odibi_dagster.errors import DataReadError, WriteError
from odibi_dagster.formats.sources import files_of

if TYPE_CHECKING:
    from odibi_dagster.connections.base import Location


class Seen:
    """Remembers which files lie at a location, to notice that another writer changed them."""

    def __init__(self, location: Location, suffixes: tuple[str, ...]) -> None:
        self._location, self._suffixes = location, suffixes
        self._files = self._look()

    @property
    def is_current(self) -> bool:
        """Whether the very same files are there."""
        return self._look() == self._files

    def refuse_change(self) -> None:
        """WriteError where other files are there now."""
        if not self.is_current:
            msg = (
                f"{self._location} was changed by another writer since this run read it; nothing "
                "was published: run the node again"
            )
            raise WriteError(msg)

    def _look(self) -> frozenset[tuple[str, int, int, int]]:
        try:
            files = files_of(self._location, self._suffixes)
        except DataReadError:
            return frozenset()
        states = ((str(file), file.stat()) for file in files)
        return frozenset((name, s.st_ino, s.st_size, s.st_mtime_ns) for name, s in states)
