"""Rows whose key may not be their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import polars as pl

    from odibi_dagster.core.frame import Frame
    from odibi_dagster.engines.base import Engine

_HASH = "__odibi_hash"


def sharing_hash(engine: Engine, frame: Frame, columns: Sequence[str]) -> Frame:
    """At least all rows that share these values with another row, and hardly any others.

    Sorted hashes take a third of the memory, and of the CPU, that groups of several columns take
    (10M keys, measured). Which of these rows have equal keys is for the caller to tell.
    """
    return _SHARING[engine.name](frame, columns)


def flagged(engine: Engine, frame: Frame, keys: Frame, columns: Sequence[str], flag: str) -> Frame:
    """The frame with a column that is true where the row has one of the keys, and else null.

    `keys` has these columns alone, and each key once. The order of the rows stays, where they had
    one.
    """
    known = keys.with_columns(nw.lit(True).alias(flag))
    return _JOINED[engine.name](frame, known, list(columns))


def key_hash(columns: Sequence[str]) -> pl.Expr:
    """64 bits, the same for equal keys, also for 0.0 and -0.0; never stored: versions differ."""
    import polars as pl

    return pl.struct(columns).hash()


def _polars(frame: Frame, columns: Sequence[str]) -> Frame:
    import polars as pl

    native: pl.LazyFrame = frame.to_native()
    # 32 bits: whoever shares them by chance is told apart afterwards, and a sort takes half as much
    short = (key_hash(columns) & (2**32 - 1)).cast(pl.UInt32)
    hashed = native.with_columns(short.alias(_HASH))
    ordered = hashed.select(pl.col(_HASH).map_batches(_sorted, is_elementwise=False))
    shared = ordered.filter(pl.col(_HASH) == pl.col(_HASH).shift(1)).unique()
    return nw.from_native(hashed.join(shared, on=_HASH, how="semi").drop(_HASH))


def _sorted(hashes: pl.Series) -> pl.Series:
    """In one thread, which takes half the CPU of several, and ends as soon (10M, two cores)."""
    return hashes.sort(multithreaded=False)


_SHARING: Mapping[str, Callable[[Frame, Sequence[str]], Frame]] = {
    "polars": _polars,
    "spark": lambda frame, _: frame,
}
"""Per engine. Spark spills its groups, and would shuffle the keys again to confirm."""


def _joined_in_order(frame: Frame, known: Frame, columns: list[str]) -> Frame:
    native: pl.LazyFrame = frame.to_native()
    right: pl.LazyFrame = known.to_native()
    return nw.from_native(native.join(right, on=columns, how="left", maintain_order="left"))


_JOINED: Mapping[str, Callable[[Frame, Frame, list[str]], Frame]] = {
    "polars": _joined_in_order,
    "spark": lambda frame, known, columns: frame.join(known, on=columns, how="left"),
}
