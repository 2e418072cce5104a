"""Spark: DataFrames are lazy by nature; the session starts on first use."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pyspark.sql import DataFrame, SparkSession

    from odibi_dagster.core.frame import Frame
    from odibi_dagster.engines.sql.query import Query


class SparkEngine:
    """The active session is used; without one, a local session is started."""

    name = "spark"

    @cached_property
    def session(self) -> SparkSession:
        """The session, in UTC: a timestamp without a zone is UTC on every engine."""
        from pyspark.sql import SparkSession

        session = SparkSession.builder.getOrCreate()
        session.conf.set("spark.sql.session.timeZone", "UTC")
        return session

    def scan(self, format: str, paths: Sequence[Path], **options: Any) -> Frame:
        """See `Engine.scan`; `options` are those of Spark's reader."""
        reader = self.session.read.format(format).options(**options)
        return nw.from_native(reader.load([str(path) for path in paths]))

    def sink(self, frame: Frame, format: str, path: Path, **options: Any) -> None:
        """See `Engine.sink`; writes a directory, `options` are those of Spark's writer."""
        native: DataFrame = frame.to_native()
        partition_by = options.pop("partitionBy", [])
        writer = native.write.format(format).options(**options).partitionBy(*partition_by)
        writer.save(str(path))

    def sql(self, query: Query, frames: Mapping[str, Frame]) -> Frame:
        """See `Engine.sql`."""
        raise NotImplementedError

    def fetch(self, frame: Frame, limit: int) -> list[dict[str, Any]]:
        """See `Engine.fetch`."""
        native: DataFrame = frame.to_native()
        return [row.asDict(recursive=True) for row in native.limit(limit).collect()]

    def wrap(self, native: Any) -> Frame:
        """See `Engine.wrap`."""
        return nw.from_native(native)

    def explain(self, frame: Frame) -> str:
        """See `Engine.explain`."""
        native: DataFrame = frame.to_native()
        return str(native._jdf.queryExecution().toString())  # noqa: SLF001
