"""One row of each key, on every engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from odibi_dagster.core.frame import Frame
    from odibi_dagster.engines.base import Engine


def one_of_each(engine: Engine, frame: Frame, keys: Sequence[str]) -> Frame:
    """One row of each key, any of them; null equals null, and NaN equals NaN."""
    return _ONE[engine.name](frame, keys)


def _polars(frame: Frame, keys: Sequence[str]) -> Frame:
    from odibi_dagster.engines.sql.first_polars import first_of_each

    return nw.from_native(first_of_each(frame.to_native(), keys))


_ONE: Mapping[str, Callable[[Frame, Sequence[str]], Frame]] = {
    # `unique` of Polars gathers whole rows by key: four times the memory, twice the time
    "polars": _polars,
    "spark": lambda frame, keys: frame.unique(list(keys), keep="any"),
}
