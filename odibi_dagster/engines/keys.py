"""Keys of several columns, or of text, as one number."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pyspark.sql import DataFrame

    from odibi_dagster.core.frame import Frame
    from odibi_dagster.engines.base import Engine


def with_hash(engine: Engine, frame: Frame, columns: Sequence[str], name: str) -> Frame:
    """The frame with a column `name` of 64 bits, equal where all these columns are equal.

    Different values may share a hash, and it changes with versions: compare it within one plan,
    confirm what it finds, and never store it.
    """
    return HASHES[engine.name](frame, columns, name)


def _polars(frame: Frame, columns: Sequence[str], name: str) -> Frame:
    import polars as pl

    native: pl.LazyFrame = frame.to_native()
    return nw.from_native(native.with_columns(pl.struct(columns).hash().alias(name)))


def _spark(frame: Frame, columns: Sequence[str], name: str) -> Frame:
    from pyspark.sql import functions as F  # noqa: N812

    native: DataFrame = frame.to_native()
    hashed: Frame = nw.from_native(
        native.withColumn(name, F.xxhash64(*(native[c] for c in columns)))
    )
    return hashed


HASHES: Mapping[str, Callable[[Frame, Sequence[str], str], Frame]] = {
    "polars": _polars,
    "spark": _spark,
}
"""How each engine hashes columns."""
