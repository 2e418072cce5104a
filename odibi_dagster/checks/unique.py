"""`unique`: a key that identifies its row."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
from pydantic import Field

from odibi_dagster.checks.base import Observation, RowContract, Shape, Verdict, contracts
from odibi_dagster.core.names import ColumnName
from odibi_dagster.engines.keys import with_hash

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from odibi_dagster.core.frame import Frame
    from odibi_dagster.engines.base import Engine

_COUNT, _HASH = "__odibi_members", "__odibi_hash"
_HASHED = (nw.String, nw.Boolean, nw.Date, nw.Datetime)
"""Types of which equal values have equal bits; 0.0 and -0.0, for one, do not."""


@contracts.register("unique")
class Unique(RowContract):
    """No two rows share the same values in the listed columns.

    Every member of a group of duplicates is broken, not only the second. A key with a null in any
    of its columns passes, as in SQL; NaN equals NaN. The rows of this batch are compared with one
    another.

    ```yaml
    - type: unique
      columns: [flight_id]
    ```
    """

    columns_: list[ColumnName] = Field(alias="columns", min_length=1)

    def columns(self) -> tuple[str, ...]:
        """The columns of the key."""
        return tuple(self.columns_)

    @property
    def promise(self) -> str:
        """The key, by name."""
        return f"({', '.join(self.columns_)}) is unique"

    def unfit(self, shape: Shape) -> str | None:
        """Why some column cannot be compared, if one cannot."""
        for name in self.columns_:
            if shape.schema[name].is_nested():
                return f"column '{name}' is {shape.schema[name]}: a key needs plain values"
        return None

    def _has_null(self) -> nw.Expr:
        return nw.any_horizontal(
            *(nw.col(name).is_null() for name in self.columns_), ignore_nulls=False
        )

    def valid(self, shape: Shape) -> nw.Expr:
        """True where no other row has the same key; keeps the order of the rows."""
        return self._has_null() | (nw.len().over(*self.columns_) == 1)

    def metrics(self, shape: Shape) -> Mapping[str, nw.Expr]:
        """Nothing that one plain aggregate could give: see `tables`."""
        return {}

    def tables(self, frame: Frame, engine: Engine) -> Mapping[str, Frame]:
        """The rows in groups of more than one: of the key, or of its hash where that is smaller."""
        keyed = frame.filter(~self._has_null())
        if not self._is_hashed(frame):
            return {"broken": _members(keyed, self.columns_)}
        return {"suspects": _members(with_hash(engine, keyed, self.columns_, _HASH), [_HASH])}

    def doubts(
        self, frame: Frame, engine: Engine, metrics: Mapping[str, Any]
    ) -> Mapping[str, Frame]:
        """The rows whose key, and not only its hash, is shared: asked where a hash is shared."""
        if not metrics.get("suspects"):
            return {}
        hashed = with_hash(engine, frame.filter(~self._has_null()), self.columns_, _HASH)
        shared = hashed.group_by(_HASH).agg(nw.len().alias(_COUNT)).filter(nw.col(_COUNT) > 1)
        suspects = hashed.join(shared.select(_HASH), on=_HASH, how="semi")
        return {"broken": _members(suspects, self.columns_)}

    def judge(self, seen: Observation) -> Verdict:
        """See `RowContract.judge`; where no hash is shared, no key is."""
        return super().judge(replace(seen, metrics={"broken": 0, **seen.metrics}))

    def _is_hashed(self, frame: Frame) -> bool:
        """Not for one number, which is as small as its hash, nor for what equals in other bits."""
        types = [frame.collect_schema()[name] for name in self.columns_]
        return all(isinstance(dtype, _HASHED) or dtype.is_integer() for dtype in types) and (
            len(types) > 1 or types[0] == nw.String
        )


def _members(frame: Frame, keys: Sequence[str]) -> Frame:
    groups = frame.group_by(*keys).agg(nw.len().alias(_COUNT)).filter(nw.col(_COUNT) > 1)
    return groups.select(nw.col(_COUNT).sum())
