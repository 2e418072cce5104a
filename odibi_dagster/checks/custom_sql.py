"""`custom_sql`: a condition in the user's own SQL."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from odibi_dagster.checks.base import RowContract, Shape, contracts
from odibi_dagster.engines.sql.query import SqlExpr

if TYPE_CHECKING:
    from collections.abc import Mapping

    from odibi_dagster.engines.sql.query import Expression


@contracts.register("custom_sql")
class CustomSql(RowContract):
    """A SQL condition that is true in every row.

    It is read in the project's SQL dialect and parsed when the file is loaded. As in a SQL CHECK, a
    row for which it is null passes; write `coalesce(..., false)` to forbid that. `threshold` says
    how many broken rows are tolerated.

    ```yaml
    - type: custom_sql
      name: departs_before_it_lands
      condition: departed_at < landed_at
      threshold: 1%
    ```
    """

    condition: SqlExpr
    """What is true in every row, in the project's SQL dialect."""

    def columns(self) -> tuple[str, ...]:
        """The columns of the condition, in alphabetical order."""
        return tuple(sorted(self.condition.columns))

    def missing(self, shape: Shape) -> tuple[str, ...]:
        """The columns that are there in no spelling: SQL names do not tell cases apart."""
        known = {name.lower() for name in shape.schema}
        return tuple(name for name in self.columns() if name.lower() not in known)

    def reads(self, shape: Shape) -> tuple[str, ...]:
        """The columns of the frame that the condition may mean."""
        named = {name.lower() for name in self.columns()}
        return tuple(name for name in shape.schema if name.lower() in named)

    @property
    def promise(self) -> str:
        """The condition, as written."""
        return self.condition.text

    @property
    def _flag(self) -> str:
        # named by content: two contracts never clash, and equal conditions are computed once
        text = f"{self.condition.dialect}:{self.condition.text}"
        return f"__odibi_sql_{sha256(text.encode()).hexdigest()[:12]}"

    def conditions(self) -> Mapping[str, Expression]:
        """The condition, as one boolean column."""
        return {self._flag: self.condition}

    def valid(self, shape: Shape) -> nw.Expr:
        """The condition; null where it is unknown."""
        return nw.col(self._flag)
