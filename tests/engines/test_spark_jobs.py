"""How far Spark says it is with the jobs of one sink, and of no other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from odibi_dagster.core.meter import Flow

if TYPE_CHECKING:
    from pathlib import Path

    from odibi_dagster.engines.base import Engine

pytestmark = pytest.mark.spark
GROUP = "spark.jobGroup.id"


def _sink(engine: Any, folder: Path, rows: int) -> Flow:
    """What the meter says of a sink once Spark has heard of all of its tasks."""
    frame = engine.wrap(engine.session.range(0, rows, 1, 4).repartition(3))
    assert engine.sink(frame, "parquet", folder) == rows
    engine.session.sparkContext._jsc.sc().listenerBus().waitUntilEmpty(30_000)
    return engine.meter.read().flow


def test_each_sink_has_its_own_rows(_spark: Engine, tmp_path: Path) -> None:
    context = _spark.session.sparkContext  # type: ignore[attr-defined]
    assert _sink(_spark, tmp_path / "first", 1000) == Flow(1000)
    assert _sink(_spark, tmp_path / "second", 10) == Flow(10)
    assert context.getLocalProperty(GROUP) is None


def test_where_spark_no_longer_answers_nothing_is_known(
    _spark: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    from py4j.protocol import Py4JNetworkError
    from pyspark import SparkContext

    from odibi_dagster.engines.spark_jobs import flowing

    def gone(_: SparkContext) -> None:
        raise Py4JNetworkError("Answer from Java side is empty")

    with flowing(_spark.session) as flow:  # type: ignore[attr-defined]
        monkeypatch.setattr(SparkContext, "statusTracker", gone)
        assert flow() == Flow(0)


def test_a_group_of_the_user_stays(_spark: Engine, tmp_path: Path) -> None:
    context = _spark.session.sparkContext  # type: ignore[attr-defined]
    context.setJobGroup("mine", "nightly")
    try:
        assert _sink(_spark, tmp_path / "first", 1000) == Flow(1000)
        assert _sink(_spark, tmp_path / "second", 10) == Flow(10)
        assert context.getLocalProperty(GROUP) == "mine"
    finally:
        context.setLocalProperty(GROUP, None)
        context.setLocalProperty("spark.job.description", None)
