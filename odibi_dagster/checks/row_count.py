"""`row_count`: how many rows a frame has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, model_validator

from odibi_dagster.checks.base import Contract, Observation, Verdict, contracts

if TYPE_CHECKING:
    from typing import Self


@contracts.register("row_count")
class RowCount(Contract):
    """The number of rows lies between `min` and `max`, both included; at least one is needed.

    Nulls do not matter: every row counts, and an empty frame has 0 rows.

    ```yaml
    - type: row_count
      min: 1
      max: 1000000
    ```
    """

    min: int | None = Field(None, ge=0)
    """The fewest rows, included."""
    max: int | None = Field(None, ge=0)
    """The most rows, included."""

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.min is None and self.max is None:
            msg = "row_count needs 'min', 'max' or both"
            raise ValueError(msg)
        if self.min is not None and self.max is not None and self.min > self.max:
            msg = f"row_count: min {self.min} is above max {self.max}: nothing could pass"
            raise ValueError(msg)
        return self

    @property
    def promise(self) -> str:
        """The bounds, in words."""
        if self.max is None:
            return f"at least {_rows(self.min or 0)}"
        if self.min is None:
            return f"at most {_rows(self.max)}"
        return f"{self.min:,} to {self.max:,} rows"

    def judge(self, seen: Observation) -> Verdict:
        """Passed when the number of rows is within the bounds."""
        low = self.min is None or seen.rows >= self.min
        high = self.max is None or seen.rows <= self.max
        text = f"{_rows(seen.rows)}; expected {self.promise}"
        return Verdict(low and high, text, expected=self.promise, observed=seen.rows)


def _rows(count: int) -> str:
    return f"{count:,} row{'s' * (count != 1)}"
