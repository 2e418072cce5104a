"""Each row once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from odibi_dagster.transforms.base import Transform, transforms
from odibi_dagster.transforms.columns import Columns, require

if TYPE_CHECKING:
    from odibi_dagster.core.frame import Frame
    from odibi_dagster.transforms.base import Scope


@transforms.register("distinct")
class Distinct(Transform):
    """Keep each row once; with `columns`, only those columns and each combination once.

        - function: distinct
          params:
            columns: [cid, day]

    To keep whole rows, one per key, use `deduplicate`. Nulls equal each other here, and so do
    NaNs. The order of the rows is not kept. A column that is not there is an error.
    """

    keeps_names = True
    columns: Columns | None = None

    def apply(self, frame: Frame, scope: Scope) -> Frame:
        """The frame without repeated rows."""
        if self.columns is None:
            return frame.unique()
        require(frame, self.columns, self.kind)
        return frame.select(self.columns).unique()
