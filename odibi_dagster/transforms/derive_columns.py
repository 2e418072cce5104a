"""New columns from SQL expressions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from odibi_dagster.core.names import ColumnName
from odibi_dagster.core.pii import Pii
from odibi_dagster.engines.sql.personal import derived
from odibi_dagster.engines.sql.query import deriving
from odibi_dagster.transforms.base import RowForRow, transforms
from odibi_dagster.transforms.columns import SqlValue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from odibi_dagster.core.frame import Frame
    from odibi_dagster.transforms.base import Scope


@transforms.register("derive_columns")
class DeriveColumns(RowForRow):
    """Add columns, each from a SQL expression over the columns that came in.

        - function: derive_columns
          params:
            derivations:
              total: amount * qty
              label: CASE WHEN qty > 1 THEN 'many' ELSE 'one' END

    An expression sees the columns as they were before this step, so one derivation cannot use
    another: write a second step. A name that exists already is replaced in place, new ones follow
    in the order written. Nulls go through the expression as in SQL. Rows and their order stay.
    """

    derivations: dict[ColumnName, SqlValue] = Field(min_length=1)

    def personal(self, frame: Pii, others: Mapping[str, Pii]) -> Pii:
        """See `Transform.personal`."""
        made = {name for name, value in self.derivations.items() if derived(value.tree, frame)}
        return frame.without(self.derivations) | Pii.of(made)

    def apply(self, frame: Frame, scope: Scope) -> Frame:
        """The frame with the derived columns."""
        return scope.engine.sql(deriving(self.derivations), {"df": frame})
