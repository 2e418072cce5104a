"""Types nested up to 2,000 levels deep: the engines would overflow their stacks."""

from __future__ import annotations

from itertools import product

import polars as pl
import pytest

from odibi_dagster.core.depth import MAX_LEVELS, levels
from odibi_dagster.formats.types import DELTA
from tests.large.support import MAX_EVENT, Large

DEPTHS = {"parquet": MAX_LEVELS, "json": MAX_LEVELS, "delta": DELTA.levels}
SHAPES = {
    "structs": ('{"a":', "}"),
    "lists": ("[", "]"),
    "both": ('[{"a":', "}]"),
}
SHAPES_OF = {"polars": tuple(SHAPES), "spark": ("both",)}
"""Spark takes seconds for each."""


def _land(large: Large, shape: str, depth: int) -> None:
    opened, closed = SHAPES[shape]
    times = depth // 2 if shape == "both" else depth
    large.land("in", f'{{"id":1,"deep":{opened * times}1{closed * times}}}\n')


@pytest.mark.parametrize("format", DEPTHS)
def test_the_deepest_type_is_kept(large: Large, format: str) -> None:
    depth = DEPTHS[format]
    large.node(format, reads="json")
    for shape in SHAPES_OF[large.engine]:
        _land(large, shape, depth)
        run = large.run()
        assert run.ok, run.failures
        assert levels(large.out(format).schema["deep"]) == depth
        assert large.largest_event(run) < MAX_EVENT


@pytest.mark.parametrize("format", DEPTHS)
def test_a_deeper_one_is_refused_before_harm(large: Large, format: str) -> None:
    large.node(format, reads="json")
    for shape, depth in product(SHAPES_OF[large.engine], (DEPTHS[format] + 2, 500, 2_000)):
        _land(large, shape, depth)
        run = large.run()
        assert "RecursionError" not in run.failures[0]
        if depth < 200:
            assert f"column 'deep' is nested more than {DEPTHS[format]} levels" in run.failures[0]
        assert not (large.root / "lake/out").exists()
        assert large.largest_event(run) < MAX_EVENT


def test_parquet_that_others_wrote_is_refused(large: Large) -> None:
    value: object = 1
    for _ in range(150):
        value = [value]
    large.land_frame(pl.DataFrame({"deep": [value]}), "parquet")
    large.node("parquet")
    run = large.run()
    assert "column 'deep' is nested more than 100 levels" in run.failures[0]


def test_csv_holds_no_nested_type(large: Large) -> None:
    _land(large, "lists", 1)
    large.node("csv", reads="json")
    assert "unnest it, or write parquet, delta or json" in large.run().failures[0]
