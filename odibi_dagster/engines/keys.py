"""Rows whose key may not be their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import polars as pl

    from odibi_dagster.core.frame import Frame
    from odibi_dagster.engines.base import Engine

_HASH, _COUNT = "__odibi_hash", "__odibi_sharing"


def sharing_hash(engine: Engine, frame: Frame, columns: Sequence[str]) -> Frame:
    """At least all rows that share these values with another row, and hardly any others.

    Groups of hashes take less memory than groups of text or of several columns. Which of these
    rows have equal keys is for the caller to tell.
    """
    return _SHARING[engine.name](frame, columns)


def key_hash(columns: Sequence[str]) -> pl.Expr:
    """64 bits, the same for equal keys, also for 0.0 and -0.0; never stored: versions differ."""
    import polars as pl

    return pl.struct(columns).hash()


def _polars(frame: Frame, columns: Sequence[str]) -> Frame:
    import polars as pl

    native: pl.LazyFrame = frame.to_native()
    hashed = native.with_columns(key_hash(columns).alias(_HASH))
    shared = hashed.group_by(_HASH).agg(pl.len().alias(_COUNT)).filter(pl.col(_COUNT) > 1)
    return nw.from_native(hashed.join(shared, on=_HASH, how="semi").drop(_HASH))


_SHARING: Mapping[str, Callable[[Frame, Sequence[str]], Frame]] = {
    "polars": _polars,
    "spark": lambda frame, _: frame,
}
"""Per engine. Spark spills its groups, and would shuffle the keys again to confirm."""
