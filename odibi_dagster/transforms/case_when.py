"""A column by cases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field, PrivateAttr

from odibi_dagster.core.model import OpenModel
from odibi_dagster.core.names import ColumnName
from odibi_dagster.core.pii import NOTHING, Pii
from odibi_dagster.engines.sql.personal import derived
from odibi_dagster.engines.sql.query import Expression, SqlExpr, deriving
from odibi_dagster.transforms.base import RowForRow, transforms
from odibi_dagster.transforms.columns import SqlValue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from odibi_dagster.core.frame import Frame
    from odibi_dagster.transforms.base import Scope


class Case(OpenModel):
    """One case: where `condition` is true, the column is `value`; both are SQL."""

    condition: SqlExpr
    value: SqlValue


@transforms.register("case_when")
class CaseWhen(RowForRow):
    """Add a column whose value is that of the first case that holds.

        - function: case_when
          params:
            output_col: band
            cases:
              - {condition: amount >= 5, value: "'high'"}
              - {condition: amount >= 2, value: "'mid'"}
            default: "'low'"

    Conditions, values and `default` are SQL, so text stands in single quotes of its own. A
    condition that is null does not hold. Without `default` the column is null where no case
    holds. A column of that name is replaced in place. Rows and their order stay.
    """

    cases: list[Case] = Field(min_length=1)
    output_col: ColumnName
    default: SqlValue = Field(default="NULL", validate_default=True)

    _column: Expression = PrivateAttr()

    def model_post_init(self, _: Any, /) -> None:
        """Put the cases together, so that what does not fit is refused at load."""
        # lines of their own: a part may end in a comment
        whens = (
            f"WHEN (\n{case.condition.text}\n) THEN (\n{case.value.text}\n)" for case in self.cases
        )
        text = f"CASE {' '.join(whens)} ELSE (\n{self.default.text}\n) END"
        self._column = Expression.parse(text, self.default.dialect)

    def personal(self, frame: Pii, others: Mapping[str, Pii]) -> Pii:
        """See `Transform.personal`."""
        made = Pii.of([self.output_col]) if derived(self._column.tree, frame) else NOTHING
        return frame.without([self.output_col]) | made

    def apply(self, frame: Frame, scope: Scope) -> Frame:
        """The frame with the column."""
        return scope.engine.sql(deriving({self.output_col: self._column}), {"df": frame})
