"""What a storage format must do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from odibi_dagster.core.model import Model
from odibi_dagster.core.registry import Registry
from odibi_dagster.formats.keys import refuse_bad_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    import narwhals.stable.v2 as nw

    from odibi_dagster.connections.base import Location
    from odibi_dagster.core.batch import Batch
    from odibi_dagster.core.facts import Facts
    from odibi_dagster.core.frame import Frame
    from odibi_dagster.core.types import DType
    from odibi_dagster.engines.base import Engine


APPENDING = frozenset({"append", "append_once"})
"""Modes that add rows and leave what is stored alone."""
KEYED = frozenset({"append_once", "upsert"})
"""Modes that recognise rows by the columns of `options.keys`."""


@dataclass(frozen=True)
class Staged:
    """Rows written aside. Invisible to every reader until published; `discard` leaves no trace."""

    location: Location
    folder: Path
    files: tuple[Path, ...]
    rows: int | None
    bytes: int
    schema: Mapping[str, nw.dtypes.DType]
    batch: Batch
    mode: str = "overwrite"
    partition_by: tuple[str, ...] = ()
    native_schema: Any = None
    """The schema in the engine's own words, to read the rows back as what they were."""
    options: Any = None
    """The `write_options` they were staged with."""

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns that identify a row, where the mode recognises rows."""
        return tuple(self.options.keys) if self.mode in KEYED else ()


@dataclass(frozen=True)
class Size:
    """How much is stored, as far as that is known without reading rows."""

    rows: int | None
    bytes: int


@dataclass(frozen=True)
class Published:
    """What became visible."""

    location: Location
    rows: int | None
    """Rows of this batch; None only where counting would need a second scan."""
    bytes: int
    schema: Mapping[str, nw.dtypes.DType]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    total: int | None = None
    """Rows of the whole target; None where knowing would need a scan."""
    adopted: bool = False
    """Whether an earlier try had published this batch already, and nothing was done."""


def unchanged(staged: Staged) -> Published:
    """The target as it is: nothing of what was staged is published."""
    return Published(staged.location, 0, 0, staged.schema)


@dataclass(frozen=True)
class Bounds:
    """Which rows of a source are wanted: `lower < cursor <= upper`; None is no bound.

    The cursor is the first of `columns` that is not null. Rows without one are wanted too: whoever
    reads them counts them.
    """

    columns: tuple[str, ...]
    lower: Any = None
    upper: Any = None
    inclusive: bool = False
    """Whether a cursor that equals `lower` is wanted too."""


class Format(ABC):
    """One storage format. Instances hold nothing: everything comes with the call."""

    kind: ClassVar[str]
    modes: ClassVar[frozenset[str]] = frozenset({"overwrite"})
    """The write modes it publishes; empty where it can only be read."""
    partitions: ClassVar[bool] = True
    """Whether `partition_by` works."""
    atomic_partitions: ClassVar[bool] = False
    """Whether a table with `partition_by` becomes visible as a whole."""
    grows: ClassVar[bool] = False
    """Whether rows that are added may bring columns of their own, with `options.mergeSchema`."""
    expires: ClassVar[bool] = False
    """Whether `expire` removes rows."""
    in_database: ClassVar[bool] = False
    """Whether its tables are those of a database, not files."""
    read_options: ClassVar[type[Model]]
    """The options of `read`, checked at load."""
    write_options: ClassVar[type[Model]]
    """The options of `write`, checked at load."""

    def unfit(self, mode: str, options: Any) -> str | None:  # noqa: ARG002
        """Why this format cannot write in that mode with these `write_options`, if it cannot."""
        if mode in self.modes:
            return None
        others = sorted(each.kind for each in formats.known.values() if mode in each.modes)
        known = f"; choose {' or '.join(others)}" if others else ""
        return f"format {self.kind} cannot be written with mode {mode}{known}"

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

    def scan_within(
        self,
        engine: Engine,
        location: Location,
        bounds: Bounds,
        options: Any = None,
        declared: Mapping[str, nw.dtypes.DType] | None = None,
    ) -> Frame:
        """What `scan` gives, or at least the rows of it that lie within the bounds.

        A source that can filter cheaply where the rows are does so; every other one gives them
        all. A bound is a value of the cursor's own type.
        """
        del bounds
        return self.scan(engine, location, options, declared)

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

    def read_columns(
        self,
        engine: Engine,
        location: Location,
        options: Any,
        schema: Callable[[], Mapping[str, DType] | None],
        columns: Sequence[str],
    ) -> Frame | None:
        """Those of these columns that are there, of what `read_back` gives; no other is read.

        None where none of them is.
        """
        frame = self.read_back(engine, location, options, schema)
        known = frame.collect_schema()
        there = [name for name in columns if name in known]
        return frame.select(*there) if there else None

    def stored_schema(
        self,
        engine: Engine,
        location: Location,
        options: Any = None,
        schema: Callable[[], Mapping[str, DType] | None] = lambda: None,
    ) -> Mapping[str, DType]:
        """The columns of what a node published there, as `read_back` gives them; no row is read."""
        return self.read_back(engine, location, options, schema).collect_schema()

    @abstractmethod
    def exists(self, location: Location) -> bool:
        """Whether something was published there."""

    def published(self, location: Location, owner: str) -> int | None:  # noqa: ARG002
        """The number of the owner's last batch that is in the target, as the target itself says.

        None where none is, or where the target was overwritten by files that name no batch.
        """
        return None

    def newest(self, location: Location) -> datetime | None:
        """When the newest file there was written (UTC); None where nothing is."""
        raise NotImplementedError

    def size(self, location: Location, options: Any = None) -> Size | None:  # noqa: ARG002
        """About how much `scan` would read with these options; None where nothing is known.

        A format that knows more than this says it. No row is read, and where there are many files,
        not every footer. DataReadError where nothing readable is there.
        """
        return None

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
        batch: Batch,
        mode: str = "overwrite",
        partition_by: tuple[str, ...] = (),
        options: Any = None,
    ) -> Staged:
        """Conform, then run the plan once into the target's own storage, under hidden names.

        In every mode but `overwrite` the columns must be those of the target; `append_once` stages
        only rows whose keys the target lacks. SchemaContractError where the columns do not fit.
        """

    @abstractmethod
    def scan_staged(self, engine: Engine, staged: Staged) -> Frame:
        """The staged rows, with the schema they were staged with."""

    def facts(self, engine: Engine, staged: Staged) -> Facts | None:  # noqa: ARG002
        """What is known of the staged rows without reading them; None where nothing is.

        Nothing is known, either, where reading them costs less than finding out.
        """
        return None

    def vet(self, engine: Engine, staged: Staged) -> None:
        """Refuse rows that cannot be published as their mode says: keys that are null or repeat.

        One aggregate over the key columns, in modes that have keys; else nothing is read.
        """
        if staged.keys and staged.rows:
            refuse_bad_keys(engine, self.scan_staged(engine, staged), staged.keys)

    @abstractmethod
    def publish(self, engine: Engine, staged: Staged) -> Published:
        """Make the staged rows visible as their mode says, as atomically as the layout says.

        `overwrite`: they are the whole target. `append`, `append_once`: they are added. `upsert`:
        they replace the rows with their keys and are added otherwise. A batch that an earlier try
        has added is adopted; in these modes one without rows changes nothing.
        """

    def expire(self, location: Location, column: str, before: str) -> None:
        """Remove the rows whose text in `column` is less than `before`: those of old batches.

        Only where the format `expires`. Doing it twice changes nothing.
        """
        raise NotImplementedError

    def withdraw(self, location: Location, column: str, text: str) -> None:
        """Remove the rows with this text in `column`: those of one batch. As `expire` otherwise."""
        raise NotImplementedError

    @abstractmethod
    def discard(self, staged: Staged) -> None:
        """Remove what was staged."""


formats: Registry[Format] = Registry("format", "odibi_dagster.formats")
