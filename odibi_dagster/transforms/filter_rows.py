"""Keep the rows for which a condition holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from odibi_dagster.engines.sql.query import SqlExpr, filtering
from odibi_dagster.transforms.base import Transform, transforms

if TYPE_CHECKING:
    from odibi_dagster.core.frame import Frame
    from odibi_dagster.transforms.base import Scope


@transforms.register("filter_rows")
class FilterRows(Transform):
    """Keep the rows for which a SQL condition is true.

        - function: filter_rows
          params:
            condition: amount > 2 AND status <> 'void'

    A row for which the condition is null is dropped, as SQL's WHERE does. The order of the rows
    stays. A condition that cannot be parsed is refused at load; an unknown column when planned.
    """

    keeps_names = True

    condition: SqlExpr

    def apply(self, frame: Frame, scope: Scope) -> Frame:
        """The rows that fulfil the condition."""
        return scope.engine.sql(filtering(self.condition), {"df": frame})
