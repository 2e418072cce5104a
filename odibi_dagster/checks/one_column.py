"""Contracts about the values of one column."""

from __future__ import annotations

from odibi_dagster.checks.base import RowContract, Shape
from odibi_dagster.core.names import ColumnName


class ColumnContract(RowContract):
    """A promise about each value of one column."""

    column: ColumnName
    """The column that is judged."""

    def columns(self) -> tuple[str, ...]:
        """The column that is judged."""
        return (self.column,)

    def unfit(self, shape: Shape) -> str | None:
        """What the column's type cannot hold: `valid` raises it as a ValueError."""
        try:
            self.valid(shape)
        except ValueError as error:
            return f"column '{self.column}': {error}"
        return None
