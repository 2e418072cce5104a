"""Polars: lazy from the scan to the sink, streaming."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from odibi_dagster.core.frame import Frame
    from odibi_dagster.engines.sql.query import Query


class PolarsEngine:
    """A node is one LazyFrame until its sink."""

    name = "polars"

    def scan(self, format: str, paths: Sequence[Path], **options: Any) -> Frame:
        """See `Engine.scan`; `options` go to `polars.scan_<format>` as they are."""
        scan: Callable[..., pl.LazyFrame] = getattr(pl, f"scan_{format}")
        return nw.from_native(scan(list(paths), **options))

    def sink(self, frame: Frame, format: str, path: Path, **options: Any) -> None:
        """See `Engine.sink`; `options` go to `LazyFrame.sink_<format>` as they are."""
        lazy: pl.LazyFrame = frame.to_native()
        getattr(lazy, f"sink_{format}")(path, engine="streaming", **options)

    def sql(self, query: Query, frames: Mapping[str, Frame]) -> Frame:
        """See `Engine.sql`."""
        native = {name: frame.to_native() for name, frame in frames.items()}
        return nw.from_native(pl.SQLContext(native, eager=False).execute(query.text))

    def fetch(self, frame: Frame, limit: int) -> list[dict[str, Any]]:
        """See `Engine.fetch`."""
        lazy: pl.LazyFrame = frame.to_native()
        return lazy.head(limit).collect(engine="streaming").to_dicts()

    def wrap(self, native: Any) -> Frame:
        """See `Engine.wrap`."""
        return nw.from_native(native).lazy()

    def explain(self, frame: Frame) -> str:
        """See `Engine.explain`."""
        lazy: pl.LazyFrame = frame.to_native()
        return lazy.explain(engine="streaming")
