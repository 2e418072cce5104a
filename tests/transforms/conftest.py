"""Real frames for the steps: Parquet that either engine scans."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from odibi_dagster.core.frame import Frame
from odibi_dagster.transforms.base import Scope, transforms

if TYPE_CHECKING:
    from pathlib import Path

    from odibi_dagster.engines.base import Engine

Given = Callable[..., Frame]
Step = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def given(engine: Engine, tmp_path: Path) -> Given:
    """`given({"id": [1, 2]}, id=pl.Int32)`: those columns, as a frame of the engine."""
    number = count()

    def make(data: Mapping[str, Sequence[Any]] | pl.DataFrame, **types: Any) -> Frame:
        path = tmp_path / f"given-{next(number)}.parquet"
        pl.DataFrame(data, schema_overrides=types).write_parquet(path)
        return engine.scan("parquet", [path])

    return make


@pytest.fixture
def planned(engine: Engine) -> Callable[..., Frame]:
    """`planned("sort", {"by": "id"}, frame, other=frame)`: the lazy frame after one step."""

    def plan(name: str, params: Mapping[str, Any], frame: Frame, **frames: Frame) -> Frame:
        step = transforms[name].model_validate(params)
        assert not step.model_extra, f"params the step does not know: {step.model_extra}"
        return step.apply(frame, Scope(engine, frames))

    return plan


@pytest.fixture
def step(engine: Engine, planned: Callable[..., Frame]) -> Step:
    """As `planned`, and the rows."""

    def run(name: str, params: Mapping[str, Any], frame: Frame, **frames: Frame) -> Any:
        return engine.fetch(planned(name, params, frame, **frames), 1000)

    return run
