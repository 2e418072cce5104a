"""Keys that are text or have several columns go by their hash first: never by it alone."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from odibi_dagster.checks.base import contracts
from odibi_dagster.engines import keys
from odibi_dagster.engines.base import get_engine
from tests.checks.frames import judged, make

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from odibi_dagster.engines.base import Engine

POLARS = get_engine("polars")
TYPES = {"text": "text", "number": "int", "yes": "bool", "share": "float"}
ROWS = st.tuples(
    st.none() | st.sampled_from(["", "a", "b", "ab"]),
    st.none() | st.integers(0, 2),
    st.none() | st.booleans(),
    st.none() | st.sampled_from([0.0, -0.0, 1.0]),
)
KEYS = [["text"], ["text", "number"], ["number", "yes"], ["text", "number", "yes", "share"]]


def broken(engine: Engine, rows: Sequence[tuple[Any, ...]], columns: list[str]) -> int | None:
    (found,) = judged(make(engine, TYPES, rows), [contracts["unique"](columns=columns)], engine)
    return found.verdict.failed_rows


def shared(rows: Sequence[tuple[Any, ...]], columns: list[str]) -> int:
    """The rows whose key another row has, told by hand."""
    places = [list(TYPES).index(column) for column in columns]
    found = [key for row in rows if None not in (key := tuple(row[place] for place in places))]
    return sum(found.count(key) > 1 for key in found)


as_it_is = keys.key_hash
HASHES: dict[str, Callable[[Sequence[str]], pl.Expr]] = {
    "as it is": as_it_is,
    "all collide": lambda _: pl.lit(7, dtype=pl.UInt64),
    "many collide": lambda columns: as_it_is(columns) % 2,
}


@pytest.mark.parametrize("name", HASHES)
def test_whatever_the_hash_the_verdict_is_that_of_the_key(name: str) -> None:
    @settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(ROWS, max_size=10), st.sampled_from(KEYS))
    def check(rows: list[tuple[Any, ...]], columns: list[str]) -> None:
        assert broken(POLARS, rows, columns) == shared(rows, columns)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keys, "key_hash", HASHES[name])
        check()


@pytest.mark.parametrize("columns", KEYS, ids=",".join)
def test_both_engines_count_every_member(engine: Engine, columns: list[str]) -> None:
    rows = [("a", 1, True, 0.0), ("a", 1, True, -0.0), ("b", 1, True, 0.0), (None, 1, True, 0.0)]
    assert broken(engine, rows, columns) == shared(rows, columns)


def test_only_rows_that_share_a_hash_are_compared() -> None:
    frame = make(POLARS, {"text": "text"}, [("a",), ("b",), ("a",)])
    suspects = keys.sharing_hash(POLARS, frame, ["text"])
    assert POLARS.fetch(suspects, 9) == [{"text": "a"}, {"text": "a"}]


def test_nan_equals_nan_whatever_its_bits(engine: Engine) -> None:
    others = [
        struct.unpack("d", struct.pack("Q", bits))[0] for bits in (0x7FF8 << 48, 0xFFF8 << 48)
    ]
    frame = make(engine, {"a": "float", "b": "text"}, [(nan, "x") for nan in others])
    (found,) = judged(frame, [contracts["unique"](columns=["a", "b"])], engine)
    assert found.verdict.failed_rows == 2
