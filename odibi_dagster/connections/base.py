"""What a connection is, and the location it resolves to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from odibi_dagster.core.model import Model
from odibi_dagster.core.registry import Registry


@dataclass(frozen=True)
class Location:
    """One place in storage: an absolute path (it may hold a glob where a source is read)."""

    path: Path

    def __str__(self) -> str:
        """The path as text."""
        return str(self.path)

    @property
    def uri(self) -> str:
        """The place as a URI, for metadata."""
        return self.path.as_uri()


class Connection(Model, ABC):
    """A named place; knows how a path or a table lies in it."""

    kind: ClassVar[str]

    @abstractmethod
    def resolve(self, root: Path, *, path: str | None, table: str | None) -> Location:
        """The location of a path or table; `root` is the folder of odibi.yaml.

        ValueError where it would leave the connection's base, or is no legal path.
        """


connections: Registry[Connection] = Registry("connection type", "odibi_dagster.connections")
