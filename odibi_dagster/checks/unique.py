"""`unique`: a key that identifies its row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw
from pydantic import Field

from odibi_dagster.checks.base import RowContract, Shape, contracts
from odibi_dagster.core.names import ColumnName
from odibi_dagster.engines.keys import sharing_hash

if TYPE_CHECKING:
    from collections.abc import Mapping

    from odibi_dagster.core.frame import Frame
    from odibi_dagster.engines.base import Engine

_COUNT = "__odibi_members"


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

    def counts(self, shape: Shape) -> Mapping[str, nw.Expr]:
        """Nothing that one row could tell: see `tables`."""
        return {}

    def tables(self, frame: Frame, engine: Engine, shape: Shape) -> Mapping[str, Frame]:
        """The rows in groups of more than one: only the key is read, only the groups are kept."""
        keyed = frame.filter(~self._has_null())
        if len(self.columns_) > 1 or frame.collect_schema()[self.columns_[0]] == nw.String:
            keyed = sharing_hash(engine, keyed, self.columns_)
        groups = keyed.group_by(*self.columns_)
        shared = groups.agg(nw.len().alias(_COUNT)).filter(nw.col(_COUNT) > 1)
        return {"broken": shared.select(nw.col(_COUNT).sum())}
