"""What a storage format must do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from odibi_dagster.core.model import Model
from odibi_dagster.core.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    import narwhals.stable.v2 as nw

    from odibi_dagster.connections.base import Location
    from odibi_dagster.core.frame import Frame
    from odibi_dagster.core.types import DType
    from odibi_dagster.engines.base import Engine


@dataclass(frozen=True)
class Staged:
    """Rows written aside. Invisible to every reader until published; `discard` leaves no trace."""

    location: Location
    folder: Path
    files: tuple[Path, ...]
    rows: int | None
    bytes: int
    schema: Mapping[str, nw.dtypes.DType]
    partition_by: tuple[str, ...] = ()
    native_schema: Any = None
    """The schema in the engine's own words, to read the rows back as what they were."""
    options: Any = None
    """The `write_options` they were staged with."""


@dataclass(frozen=True)
class Published:
    """What became visible. `rows` is None only where counting would need a second scan."""

    location: Location
    rows: int | None
    bytes: int
    schema: Mapping[str, nw.dtypes.DType]
    metadata: Mapping[str, Any] = field(default_factory=dict)


class Format(ABC):
    """One storage format. Instances hold nothing: everything comes with the call."""

    kind: ClassVar[str]
    modes: ClassVar[frozenset[str]] = frozenset({"overwrite"})
    """The write modes it publishes; empty where it can only be read."""
    partitions: ClassVar[bool] = True
    """Whether `partition_by` works."""
    atomic_partitions: ClassVar[bool] = False
    """Whether a table with `partition_by` becomes visible as a whole."""
    read_options: ClassVar[type[Model]]
    """The options of `read`, checked at load."""
    write_options: ClassVar[type[Model]]
    """The options of `write`, checked at load."""

    @abstractmethod
    def scan(
        self,
        engine: Engine,
        location: Location,
        options: Any = None,
        declared: Mapping[str, nw.dtypes.DType] | None = None,
    ) -> Frame:
        """What is stored there now, lazily and pinned: one file list or one version for good.

        `options` is an instance of `read_options` (None: the defaults); `declared` types are
        used instead of inferring them, and by no format that stores types of its own.
        DataReadError where nothing readable is there.
        """

    def read_back(
        self,
        engine: Engine,
        location: Location,
        options: Any,
        schema: Callable[[], Mapping[str, DType] | None],
    ) -> Frame:
        """What a node published there with these `write_options`.

        `schema` gives the types that the node's plan publishes (None: not known). It is asked
        only by formats whose files do not say the types of their columns.
        """
        del options, schema
        return self.scan(engine, location)

    @abstractmethod
    def exists(self, location: Location) -> bool:
        """Whether something was published there."""

    def newest(self, location: Location) -> datetime | None:
        """When the newest file there was written (UTC); None where nothing is."""
        raise NotImplementedError

    @abstractmethod
    def conform(self, frame: Frame) -> Frame:
        """The frame with types this format can hold; SchemaContractError where a type has none."""

    @abstractmethod
    def stage(
        self,
        engine: Engine,
        frame: Frame,
        location: Location,
        *,
        batch: str,
        partition_by: tuple[str, ...] = (),
        options: Any = None,
    ) -> Staged:
        """Conform, then run the plan once into the target's own storage, under hidden names."""

    @abstractmethod
    def scan_staged(self, engine: Engine, staged: Staged) -> Frame:
        """The staged rows, with the schema they were staged with."""

    @abstractmethod
    def publish(self, staged: Staged) -> Published:
        """Make the staged rows the whole content of the target, atomically as the layout says."""

    @abstractmethod
    def discard(self, staged: Staged) -> None:
        """Remove what was staged."""


formats: Registry[Format] = Registry("format", "odibi_dagster.formats")
