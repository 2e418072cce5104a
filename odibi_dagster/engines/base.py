"""What an engine must do. Everything else is narwhals, and the same on all of them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from odibi_dagster.errors import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from odibi_dagster.core.discretion import Discretion
    from odibi_dagster.core.frame import Frame
    from odibi_dagster.core.meter import Meter
    from odibi_dagster.engines.sql.query import Query

_ENGINES = {
    "polars": "odibi_dagster.engines.polars:PolarsEngine",
    "spark": "odibi_dagster.engines.spark:SparkEngine",
}
LONG_NAME = "File name too long"
"""What the system says, in the message of either engine."""
TOO_LONG = (
    "a value of a partition_by column makes a folder's name (column=value, with %20 for a space) "
    "longer than the 255 bytes that file systems allow; partition by a column of short values"
)


class Engine(Protocol):
    """Scan, sink, sql, fetch. `name` is only ever used to look a row up in a table."""

    name: str
    meter: Meter
    """How far its sinks are, for whoever asks while they run."""
    discretion: Discretion
    """What its errors and plans may not say."""

    def scan(self, format: str, paths: Sequence[Path], **options: Any) -> Frame:
        """Read files lazily. `options` are this engine's own words; formats translate into them.

        DataReadError where a file is missing, or damaged in a way that its head shows.
        """
        ...

    def sink(
        self,
        frame: Frame,
        format: str,
        folder: Path,
        *,
        partition_by: Sequence[str] = (),
        one_file: bool = False,
        **options: Any,
    ) -> int:
        """Run the plan once and write its rows as files under `folder`; returns how many rows.

        Streaming where the engine can; with `one_file`, everything goes into a single file. With
        `partition_by` the files lie in hive folders (`column=value/`) and do not repeat those
        columns. An existing `folder` is empty.
        DataReadError, SchemaContractError or WriteError where the plan fails.
        """
        ...

    def sql(self, query: Query, frames: Mapping[str, Frame]) -> Frame:
        """A query over named frames, as one more lazy frame. Names not in `frames` are an error."""
        ...

    def fetch(self, frame: Frame, limit: int) -> list[dict[str, Any]]:
        """At most `limit` rows as dicts: this and `fetch_batches` bring rows to the driver."""
        ...

    def fetch_batches(self, frame: Frame, size: int) -> Iterator[list[dict[str, Any]]]:
        """Every row as dicts, about `size` at a time: memory holds a few batches, never all rows.

        The plan runs once, while the batches are taken; order is kept as far as the plan has one.
        """
        ...

    def wrap(self, native: Any) -> Frame:
        """A native frame of this engine (eager or lazy) as a narwhals lazy frame."""
        ...

    def explain(self, frame: Frame) -> str:
        """The optimized plan as text, without secrets. Runs nothing."""
        ...


def get_engine(name: str) -> Engine:
    """The engine of that name, imported on first use so that nobody pays for the other one."""
    if name not in _ENGINES:
        msg = f"unknown engine '{name}'; {did_you_mean(name, _ENGINES)}"
        raise ValueError(msg)
    module, cls = _ENGINES[name].split(":")
    engine: Engine = getattr(import_module(module), cls)()
    return engine
