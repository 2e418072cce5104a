"""A column by cases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field
from sqlglot import exp

from odibi_dagster.core.model import OpenModel
from odibi_dagster.core.names import ColumnName
from odibi_dagster.engines.sql.query import Expression, SqlExpr, deriving
from odibi_dagster.transforms.base import Transform, transforms
from odibi_dagster.transforms.columns import SqlValue

if TYPE_CHECKING:
    from odibi_dagster.core.frame import Frame
    from odibi_dagster.transforms.base import Scope


class Case(OpenModel):
    """One case: where `condition` is true, the column is `value`; both are SQL."""

    condition: SqlExpr
    value: SqlValue


@transforms.register("case_when")
class CaseWhen(Transform):
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

    def apply(self, frame: Frame, scope: Scope) -> Frame:
        """The frame with the column."""
        query = deriving({self.output_col: self._expression()})
        return scope.engine.sql(query, {"df": frame})

    def _expression(self) -> Expression:
        branches = [
            exp.If(this=case.condition.tree.copy(), true=case.value.tree.copy())
            for case in self.cases
        ]
        tree = exp.Case(ifs=branches, default=self.default.tree.copy())
        dialect = self.default.dialect
        return Expression(tree.sql(dialect=dialect), dialect, tree)
