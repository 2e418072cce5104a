"""What a connection is, and the location it resolves to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Self

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

    def beside(self, suffix: str) -> Self:
        """The place next to this one, with `suffix` at the end of its name."""
        suffixes = self.path.suffixes
        ending = "".join(suffixes[-2:]) if self.path.suffix in _COMPRESSED else self.path.suffix
        name = self.path.name.removesuffix(ending) + suffix + ending
        return replace(self, path=self.path.with_name(name))


_COMPRESSED = (".gz", ".zst", ".bz2", ".xz", ".lz4")


@dataclass(frozen=True)
class Wanted:
    """What a `read` or a `write` names: one of these is said."""

    path: str | None = None
    table: str | None = None
    query: str | None = None


class Connection(Model, ABC):
    """A named place; knows how a path or a table lies in it."""

    kind: ClassVar[str]

    @abstractmethod
    def resolve(self, root: Path, wanted: Wanted, staging: Path) -> Location:
        """The location of what is wanted; `root` is the folder of odibi.yaml.

        Where rows cannot be staged in the place itself, they are staged below `staging`.
        ValueError where it would leave the connection's base, or is no legal path or table.
        """


connections: Registry[Connection] = Registry("connection type", "odibi_dagster.connections")
