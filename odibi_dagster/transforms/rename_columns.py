"""Give columns other names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from odibi_dagster.core.names import ColumnName
from odibi_dagster.core.pii import Pii
from odibi_dagster.transforms.base import RowForRow, transforms
from odibi_dagster.transforms.columns import refuse_clash, require

if TYPE_CHECKING:
    from collections.abc import Mapping

    from odibi_dagster.core.frame import Frame
    from odibi_dagster.transforms.base import Scope


@transforms.register("rename_columns")
class RenameColumns(RowForRow):
    """Give columns other names, all at once, so that two may swap theirs.

        - function: rename_columns
          params:
            mapping: {oid: order_id, cid: customer_id}

    Columns that are not named keep their name, and all keep their place. Rows, their order and
    their nulls stay. A column that is not there is an error, and so is a new name that another
    column has.
    """

    mapping: dict[ColumnName, ColumnName] = Field(min_length=1)

    def personal(self, frame: Pii, others: Mapping[str, Pii]) -> Pii:
        """See `Transform.personal`."""
        renamed = Pii.of(self.mapping[name] for name in frame.within(self.mapping))
        return frame.without([*self.mapping, *self.mapping.values()]) | renamed

    def apply(self, frame: Frame, scope: Scope) -> Frame:
        """The frame under its new names."""
        schema = require(frame, self.mapping, self.kind)
        kept = [name for name in schema if name not in self.mapping]
        refuse_clash(kept, self.mapping.values(), self.kind)
        return frame.rename(self.mapping)
