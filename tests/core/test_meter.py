"""What a meter says while a sink runs, on a clock that the test moves."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import polars as pl

from odibi_dagster.core.meter import Flow, Meter, Phase, Reading

if TYPE_CHECKING:
    from pathlib import Path

    from odibi_dagster.engines.base import Engine


SETTLED: Mapping[str, Callable[[Any], object]] = {
    "polars": lambda engine: None,
    "spark": lambda engine: (
        engine.session.sparkContext._jsc.sc().listenerBus().waitUntilEmpty(30_000)
    ),
}
"""Until the engine has heard of all that its sink did."""


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_rows_bytes_and_rate_of_the_sink_that_runs(tmp_path: Path) -> None:
    clock, rows = Clock(), 0
    meter = Meter(clock)
    clock.now += 5
    meter.start()
    assert meter.read() == Reading(Phase.PLANNING, seconds=0)
    clock.now += 2
    meter.phase = Phase.WRITING
    with meter.sinking(tmp_path, lambda: Flow(rows)):
        assert meter.read() == Reading(Phase.WRITING, 2, Flow(0), 0, None)
        (tmp_path / "day=1").mkdir()
        (tmp_path / "day=1/part").write_bytes(b"123")
        (tmp_path / "_part").write_bytes(b"4567")
        rows = 600
        clock.now += 0.25
        assert meter.read().flow == Flow(0), "looked a quarter of a second ago"
        clock.now += 1.75
        assert meter.read() == Reading(Phase.WRITING, 4, Flow(600), 7, 300)
        rows = 700
    assert meter.read() == Reading(Phase.WRITING, 4, Flow(700), 7, None), "fresh once it has ended"
    meter.start()
    assert meter.read() == Reading(Phase.PLANNING, seconds=0)


def test_looking_takes_a_small_share_of_the_time(tmp_path: Path) -> None:
    clock, looks = Clock(), []

    def slow() -> Flow:
        clock.now += 3
        looks.append(clock.now)
        return Flow(len(looks))

    meter = Meter(clock)
    with meter.sinking(tmp_path, slow):
        for _ in range(100):
            meter.read()
            clock.now += 1
    assert len(looks) == 2


def test_a_folder_that_is_gone_holds_nothing(tmp_path: Path) -> None:
    meter = Meter()
    with meter.sinking(tmp_path / "gone", lambda: Flow(1)):
        assert meter.read().bytes == 0


def test_a_sink_of_either_engine_is_metered(engine: Engine, tmp_path: Path) -> None:
    """Read by another thread all the while: no row is lost by it, and none counted twice."""
    pl.DataFrame({"id": range(1_000_000)}).write_parquet(tmp_path / "in.parquet")
    frame = engine.scan("parquet", [tmp_path / "in.parquet"]).with_columns(b=nw.col("id") * 2)
    done = threading.Event()
    seen: list[int] = []

    def read() -> None:
        while not done.is_set():
            if flow := engine.meter.read().flow:
                seen.append(flow.rows)

    engine.meter.start()
    reader = threading.Thread(target=read)
    reader.start()
    (tmp_path / "out").mkdir()
    try:
        rows = engine.sink(frame, "parquet", tmp_path / "out")
    finally:
        done.set()
        reader.join()
    assert rows == 1_000_000
    assert seen == sorted(seen)
    assert all(0 <= number <= rows for number in seen)
    SETTLED[engine.name](engine)
    reading = engine.meter.read()
    assert reading.flow == Flow(rows)
    size = sum(file.stat().st_size for file in (tmp_path / "out").rglob("*") if file.is_file())
    assert reading.bytes == size
