"""Remove some columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from odibi_dagster.errors import SchemaContractError
from odibi_dagster.transforms.base import RowForRow, transforms
from odibi_dagster.transforms.columns import Columns, require

if TYPE_CHECKING:
    from collections.abc import Mapping

    from odibi_dagster.core.frame import Frame
    from odibi_dagster.core.pii import Pii
    from odibi_dagster.transforms.base import Scope


@transforms.register("drop_columns")
class DropColumns(RowForRow):
    """Remove these columns and keep all others as they are.

        - function: drop_columns
          params:
            columns: [day, note]

    Rows, their order and their nulls stay. A column that is not there is an error, and so is
    dropping every column.
    """

    columns: Columns

    def personal(self, frame: Pii, others: Mapping[str, Pii]) -> Pii:
        """See `Transform.personal`."""
        return frame.without(self.columns)

    def apply(self, frame: Frame, scope: Scope) -> Frame:
        """The frame without these columns."""
        schema = require(frame, self.columns, self.kind)
        if len(self.columns) == len(schema):
            raise SchemaContractError("step drop_columns: no column would be left; keep one")
        return frame.drop(self.columns)
