"""10,000 partitions, with no more than 1,024 files open at a time."""

from __future__ import annotations

import resource
from collections.abc import Iterator

import polars as pl
import pytest

from tests.large.support import FULL, MAX_EVENT, Large

PARTITIONS = {"polars": 10_000 if FULL else 1_200, "spark": 30}
"""Spark takes a second for 100 partitions on two cores, however few rows they have."""
FORMATS = ["parquet", "delta"]


@pytest.fixture(autouse=True)
def _few_open_files() -> Iterator[None]:
    before, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(1_024, before), most))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (before, most))


def _land(large: Large, *, broken: int = 0) -> int:
    """A row for each partition, and another one in some, all of them far from each other."""
    number = PARTITIONS[large.engine]
    keys = [key * 7 % number for key in range(number)] + list(range(broken))
    amounts = [1] * number + [-1] * broken
    large.land_frame(pl.DataFrame({"key": keys, "amount": amounts}), "parquet")
    return number


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("mode", ["overwrite", "append"])
def test_they_are_written_and_written_again(large: Large, format: str, mode: str) -> None:
    number = _land(large)
    large.node(format, reads="parquet", write=f", mode: {mode}, partition_by: [key]")
    times = 2 if mode == "append" else 1
    for _ in range(2):
        run = large.run()
        assert run.ok, run.failures
        assert large.largest_event(run) < MAX_EVENT
    stored = large.out(format)
    assert stored.height == number * times
    assert stored["key"].cast(pl.Int64).n_unique() == number
    assert [name for name in large.leftovers() if "staged" in name] == []


@pytest.mark.parametrize("format", FORMATS)
def test_a_broken_row_in_each_is_split_off(large: Large, format: str) -> None:
    number = PARTITIONS[large.engine] // 2
    _land(large, broken=number)
    rule = "{type: range, column: amount, min: 0, on_fail: quarantine}"
    large.node(
        format,
        f"validation: {{tests: [{rule}]}}\n",
        reads="parquet",
        write=", partition_by: [key]",
    )
    run = large.run()
    assert run.ok, run.failures
    assert run.metadata("bronze/wide")["quarantined_rows"] == number
    assert large.out(format).height == PARTITIONS[large.engine]
    assert large.largest_event(run) < MAX_EVENT
