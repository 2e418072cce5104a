"""Polars: lazy from the scan to the sink, streaming."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import polars as pl

from odibi_dagster.core.depth import refuse_deep
from odibi_dagster.core.discretion import Discretion
from odibi_dagster.core.meter import Flow, Meter
from odibi_dagster.engines.polars_errors import translating
from odibi_dagster.engines.sql.plan_polars import plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from odibi_dagster.core.frame import Frame
    from odibi_dagster.engines.sql.query import Query


class PolarsEngine:
    """A node is one LazyFrame until its sink."""

    name = "polars"

    def __init__(self) -> None:
        self.meter = Meter()
        self.discretion = Discretion()

    def scan(self, format: str, paths: Sequence[Path], **options: Any) -> Frame:
        """See `Engine.scan`; `options` go to `polars.scan_<format>` as they are."""
        scan: Callable[..., pl.LazyFrame] = getattr(pl, f"scan_{format}")
        with translating(self.discretion):
            lazy = scan(list(paths), **options)
            refuse_deep(lazy.collect_schema())
        return nw.from_native(lazy)

    def sink(
        self,
        frame: Frame,
        format: str,
        folder: Path,
        *,
        partition_by: Sequence[str] = (),
        one_file: bool = False,  # noqa: ARG002  (it always is one, but for hive folders)
        **options: Any,
    ) -> int:
        """See `Engine.sink`; `options` go to `LazyFrame.sink_<format>` as they are."""
        counts: list[int] = []

        def counting(batch: pl.DataFrame) -> pl.DataFrame:
            counts.append(batch.height)
            return batch

        target = (
            pl.PartitionBy(folder, key=list(partition_by), include_key=False)
            if partition_by
            else folder / f"part-00000.{format}"
        )
        lazy: pl.LazyFrame = frame.to_native()
        # Counting in the plan costs nothing measurable, and saves a scan of what was written.
        # Another thread may add up while Polars' own append: the list needs no lock for that.
        counted = lazy.map_batches(counting, streamable=True)
        with translating(self.discretion), self.meter.sinking(folder, lambda: Flow(sum(counts))):
            sink = getattr(counted, f"sink_{format}")
            # A sink that fails may still make its folders afterwards: only where it has to.
            mkdir = bool(partition_by)
            sink(target, engine="streaming", mkdir=mkdir, sync_on_close="all", **options)
        return sum(counts)

    def sql(self, query: Query, frames: Mapping[str, Frame]) -> Frame:
        """See `Engine.sql`."""
        native = {name: frame.to_native() for name, frame in frames.items()}
        with translating(self.discretion):
            return nw.from_native(plan(query.bind(frames), native))

    def fetch(self, frame: Frame, limit: int) -> list[dict[str, Any]]:
        """See `Engine.fetch`."""
        lazy: pl.LazyFrame = frame.to_native()
        with translating(self.discretion):
            return lazy.head(limit).collect(engine="streaming").to_dicts()

    def fetch_batches(self, frame: Frame, size: int) -> Iterator[list[dict[str, Any]]]:
        """See `Engine.fetch_batches`."""
        lazy: pl.LazyFrame = frame.to_native()
        with translating(self.discretion):
            for batch in lazy.collect_batches(chunk_size=size, engine="streaming"):
                yield batch.to_dicts()

    def wrap(self, native: Any) -> Frame:
        """See `Engine.wrap`."""
        frame: Frame = nw.from_native(native).lazy()
        return frame

    def explain(self, frame: Frame) -> str:
        """See `Engine.explain`."""
        lazy: pl.LazyFrame = frame.to_native()
        return self.discretion.censored(lazy.explain(engine="streaming"))
