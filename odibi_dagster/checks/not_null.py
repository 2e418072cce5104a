"""`not_null`: columns that always hold a value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
from pydantic import Field

from odibi_dagster.checks.base import Observation, RowContract, Shape, contracts
from odibi_dagster.core.names import ColumnNames

if TYPE_CHECKING:
    from collections.abc import Mapping

    from odibi_dagster.core.facts import Facts


@contracts.register("not_null")
class NotNull(RowContract):
    """Every listed column holds a value in every row; a row with a null in any of them is broken.

    NaN and the empty string are values. An empty frame keeps the promise.

    ```yaml
    - type: not_null
      columns: [flight_id, carrier]
      on_fail: quarantine
    ```
    """

    columns_: ColumnNames = Field(alias="columns", min_length=1)
    """The columns that hold a value."""

    def columns(self) -> tuple[str, ...]:
        """The columns that must hold a value."""
        return tuple(self.columns_)

    @property
    def promise(self) -> str:
        """The columns, by name."""
        return f"no null in {', '.join(self.columns_)}"

    def valid(self, shape: Shape) -> nw.Expr:
        """True where every listed column holds a value."""
        return nw.all_horizontal(
            *(~nw.col(name).is_null() for name in self.columns_), ignore_nulls=False
        )

    def metrics(self, shape: Shape) -> Mapping[str, nw.Expr]:
        """Broken rows, and the nulls of each column."""
        nulls = {
            f"nulls_{place}": nw.col(name).is_null().cast(nw.Int64).sum()
            for place, name in enumerate(self.columns_)
        }
        return {**super().metrics(shape), **nulls}

    def known(self, shape: Shape, facts: Facts) -> Mapping[str, Any]:
        """The nulls of each column; the broken rows where only one column has any."""
        counts = [facts.nulls(name) for name in self.columns_]
        nulls = {f"nulls_{i}": count for i, count in enumerate(counts) if count is not None}
        some = [count for count in counts if count]
        alone = len(nulls) == len(counts) and len(some) < 2
        return {**nulls, "broken": sum(some)} if alone else nulls

    def detail(self, seen: Observation) -> str:
        """The nulls of each column that has any."""
        nulls = {name: seen.metrics[f"nulls_{i}"] or 0 for i, name in enumerate(self.columns_)}
        return ", ".join(f"{count:,} in '{name}'" for name, count in nulls.items() if count)
