"""`accepted_values`: a column that only holds listed values."""

from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw
from pydantic import Field

from odibi_dagster.checks.base import Shape, contracts
from odibi_dagster.checks.one_column import ColumnContract
from odibi_dagster.checks.values import one_of


@contracts.register("accepted_values")
class AcceptedValues(ColumnContract):
    """The column only holds the listed values, compared in the column's own type.

    `"1"` means 1 in an integer column, and 1 means `"1"` in a text column; a value that the type
    cannot hold makes the check an error. A null is broken unless `null` is listed, and NaN unless
    `.nan` is. Text is compared exactly: case and spaces matter.

    ```yaml
    - type: accepted_values
      column: status
      values: [active, inactive]
    ```
    """

    values: list[Any] = Field(min_length=1)
    """What it may hold; `null` and `.nan` among them where they may."""

    @property
    def promise(self) -> str:
        """The values; the first ten of them when there are many."""
        shown = ", ".join("null" if value is None else str(value) for value in self.values[:10])
        more = f" and {len(self.values) - 10:,} more" if len(self.values) > 10 else ""
        return f"{self.column} is one of {shown}{more}"

    def valid(self, shape: Shape) -> nw.Expr:
        """True where the value is listed; never null."""
        return one_of(self.column, self.values, shape.schema[self.column])
