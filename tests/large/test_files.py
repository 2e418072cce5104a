"""Many small files: planned with one look at each, read as one table."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.large.support import FULL, MAX_EVENT, WRITE, Large

FILES = {"polars": 100_000 if FULL else 2_000, "spark": 60}
"""Spark lists, plans and opens each file for itself."""
FORMATS = ["csv", "json", "parquet"]
_counting: Counter[str] | None = None


def _hook(event: str, _: tuple[Any, ...]) -> None:
    if _counting is not None and event in ("open", "os.scandir", "os.listdir"):
        _counting[event] += 1


sys.addaudithook(_hook)


@contextmanager
def _looks() -> Iterator[Counter[str]]:
    """Counts the files that Python opens, and the folders that it lists."""
    global _counting
    _counting = counted = Counter()
    yield counted
    _counting = None


def _land(large: Large, format: str) -> int:
    """One row in each file, of ten folders; all of them are links to ten files."""
    number = FILES[large.engine]
    root = large.root / "lake/in"
    for folder in range(10):
        first = root / f"f{folder}" / f"0.{format}"
        first.parent.mkdir(parents=True)
        WRITE[format](pl.DataFrame({"id": [folder], "name": ["a"]}), first)
        for copy in range(1, number // 10):
            os.link(first, first.with_name(f"{copy}.{format}"))
    return number


@pytest.mark.parametrize("format", FORMATS)
def test_they_are_one_table(large: Large, format: str) -> None:
    number = _land(large, format)
    rule = json.dumps({"type": "range", "column": "id", "min": 0, "max": 9})
    large.node("parquet", f"contracts: [{rule}]\n", reads=format)
    with _looks() as looked:
        run = large.run()
    assert run.ok, run.failures
    assert large.out("parquet")["id"].value_counts()["count"].to_list() == [number / 10] * 10
    # a few files besides are modules, locks and what was written
    assert looked["open"] < 3 * number + 1_000
    assert looked["os.scandir"] + looked["os.listdir"] < 300
    assert large.largest_event(run) < MAX_EVENT


def test_one_of_them_that_is_broken_is_named(large: Large) -> None:
    _land(large, "parquet")
    broken = Path(large.root, "lake/in/f7/8.parquet")
    broken.unlink()
    broken.write_bytes(b"no parquet")
    large.node("parquet")
    run = large.run()
    assert "f7/8.parquet is not a readable parquet file" in run.failures[0]
    assert large.largest_event(run) < MAX_EVENT
