"""Spark: DataFrames are lazy by nature; the session starts on first use."""

from __future__ import annotations

import re
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from odibi_dagster.core.depth import refuse_deep
from odibi_dagster.core.discretion import Discretion
from odibi_dagster.core.meter import Meter

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from pyspark.sql import DataFrame, SparkSession

    from odibi_dagster.core.frame import Frame
    from odibi_dagster.engines.sql.query import Query


class SparkEngine:
    """The active session is used; without one, a local session is started."""

    name = "spark"

    def __init__(self) -> None:
        self.meter = Meter()
        self.discretion = Discretion()

    @cached_property
    def session(self) -> SparkSession:
        """The session, in UTC: a timestamp without a zone is UTC on every engine."""
        from pyspark.sql import SparkSession

        # the meter says how far it is; Spark's own bar would be written across that
        builder = SparkSession.builder.config("spark.ui.showConsoleProgress", "false")
        session = builder.getOrCreate()
        session.conf.set("spark.sql.session.timeZone", "UTC")
        # Formats know the types of partition columns; a guess would turn "007" into 7.
        session.conf.set("spark.sql.sources.partitionColumnTypeInference.enabled", "false")
        return session

    def scan(self, format: str, paths: Sequence[Path], **options: Any) -> Frame:
        """See `Engine.scan`; `options` are those of Spark's reader, `schema` a Spark schema."""
        from odibi_dagster.engines.spark_errors import unquoted

        reader = self.session.read.format(format)
        schema = options.pop("schema", None)
        reader = reader.schema(schema) if schema is not None else reader
        with unquoted(self.session, self.discretion):
            native = reader.options(**options).load([f"file://{_escaped(path)}" for path in paths])
            refuse_deep({column.name: column.dataType for column in native.schema})
        return nw.from_native(native)

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
        """See `Engine.sink`; `options` are those of Spark's writer."""
        from pyspark.sql import Observation
        from pyspark.sql import functions as F  # noqa: N812

        from odibi_dagster.engines.spark_errors import unquoted
        from odibi_dagster.engines.spark_jobs import flowing

        native: DataFrame = frame.to_native()
        seen = Observation()
        # coalesce keeps the order of sorted rows; a repartition would not
        native = native.coalesce(1) if one_file else native
        counted = native.observe(seen, F.count(F.lit(1)).alias("rows"))
        writer = counted.write.format(format).mode("append").options(**options)
        with (
            unquoted(self.session, self.discretion),
            flowing(self.session) as flow,
            self.meter.sinking(folder, flow),
        ):
            writer.partitionBy(*partition_by).save(f"file://{folder}")
        return int(seen.get["rows"])

    def sql(self, query: Query, frames: Mapping[str, Frame]) -> Frame:
        """See `Engine.sql`; no view is registered, so nothing has to be dropped afterwards."""
        from odibi_dagster.engines.spark_errors import unquoted
        from odibi_dagster.engines.sql.plan_spark import plan

        native = {name: frame.to_native() for name, frame in frames.items()}
        session = self.session
        with unquoted(self.session, self.discretion):
            return nw.from_native(plan(query.bind(frames), native, lambda: session.range(1)))

    def fetch(self, frame: Frame, limit: int) -> list[dict[str, Any]]:
        """See `Engine.fetch`."""
        from odibi_dagster.engines.spark_errors import unquoted

        native: DataFrame = frame.to_native()
        with unquoted(self.session, self.discretion):
            return [row.asDict(recursive=True) for row in native.limit(limit).collect()]

    def fetch_batches(self, frame: Frame, size: int) -> Iterator[list[dict[str, Any]]]:
        """See `Engine.fetch_batches`; the driver holds one partition at a time."""
        from odibi_dagster.engines.spark_errors import unquoted

        native: DataFrame = frame.to_native()
        with unquoted(self.session, self.discretion):
            rows = (row.asDict(recursive=True) for row in native.toLocalIterator())
            while batch := list(islice(rows, size)):
                yield batch

    def wrap(self, native: Any) -> Frame:
        """See `Engine.wrap`."""
        frame: Frame = nw.from_native(native)
        return frame

    def explain(self, frame: Frame) -> str:
        """See `Engine.explain`."""
        native: DataFrame = frame.to_native()
        return self.discretion.censored(str(native._jdf.queryExecution().toString()))


def _escaped(path: Path) -> str:
    """Spark takes every path for a glob."""
    return re.sub(r"([\[\]{}*?\\])", r"\\\1", str(path))
