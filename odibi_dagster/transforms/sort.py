"""Put rows in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from odibi_dagster.transforms.base import RowForRow, transforms
from odibi_dagster.transforms.columns import ColumnOrColumns, require

if TYPE_CHECKING:
    from odibi_dagster.core.frame import Frame
    from odibi_dagster.transforms.base import Scope


@transforms.register("sort")
class Sort(RowForRow):
    """Put the rows in order by one or more columns.

        - function: sort
          params:
            by: [amount, oid]
            ascending: false

    One direction holds for all columns; `sql` with ORDER BY mixes directions. Nulls come last
    both ways, and NaN counts as greater than every number. Rows that are equal in all these
    columns have no order among each other. A column that is not there is an error.
    """

    keeps_names = True

    by: ColumnOrColumns
    ascending: bool = True

    def apply(self, frame: Frame, scope: Scope) -> Frame:
        """The frame in this order."""
        require(frame, self.by, self.kind)
        return frame.sort(self.by, descending=not self.ascending, nulls_last=True)
