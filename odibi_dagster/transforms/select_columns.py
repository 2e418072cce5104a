"""Keep some columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from odibi_dagster.transforms.base import RowForRow, transforms
from odibi_dagster.transforms.columns import Columns, require

if TYPE_CHECKING:
    from collections.abc import Mapping

    from odibi_dagster.core.frame import Frame
    from odibi_dagster.core.pii import Pii
    from odibi_dagster.transforms.base import Scope


@transforms.register("select_columns")
class SelectColumns(RowForRow):
    """Keep only these columns, in the order written.

        - function: select_columns
          params:
            columns: [oid, amount]

    Rows, their order and their nulls stay. A column that is not there is an error.
    """

    columns: Columns

    def personal(self, frame: Pii, others: Mapping[str, Pii]) -> Pii:
        """See `Transform.personal`."""
        return frame.only(self.columns)

    def apply(self, frame: Frame, scope: Scope) -> Frame:
        """The frame with these columns only."""
        require(frame, self.columns, self.kind)
        return frame.select(self.columns)
