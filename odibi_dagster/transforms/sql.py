"""A step in SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from odibi_dagster.engines.sql.personal import query_pii
from odibi_dagster.engines.sql.query import Sql
from odibi_dagster.transforms.base import Transform, dataset, pii_of, transforms

if TYPE_CHECKING:
    from collections.abc import Mapping

    from odibi_dagster.core.frame import Frame
    from odibi_dagster.core.pii import Pii
    from odibi_dagster.transforms.base import Scope

FRAME = "df"
"""The name under which SQL sees the frame that comes in."""


@transforms.register("sql")
class SqlStep(Transform):
    """Run one SELECT over `df`, the frame that comes in, and the node's other datasets by name.

        - function: sql
          params:
            query: SELECT cid, SUM(amount) AS total FROM df GROUP BY cid

    In odibi.yaml usually written as `sql: SELECT ...`, as a bare string, or as `sql_file`. Nulls
    behave as SQL says; rows have an order only after ORDER BY. What cannot be parsed, is more
    than one statement, or reads files is refused at load, with its line and column.
    """

    query: Sql

    def needs(self) -> frozenset[str]:
        """Every table that the query reads, except `df`."""
        return frozenset(name for name in self.query.tables if name.casefold() != FRAME)

    def keeps_rows(self) -> bool:
        """Where it is `SELECT ... FROM df` and no more, but for ORDER BY."""
        return self.query.row_for_row and not self.needs()

    def personal(self, frame: Pii, others: Mapping[str, Pii]) -> Pii:
        """See `Transform.personal`."""
        read = {name: pii_of(others, name) for name in self.needs()}
        if len(read) < len(self.query.tables):
            read[FRAME] = frame
        return query_pii(self.query.tree, read)

    def apply(self, frame: Frame, scope: Scope) -> Frame:
        """What the query yields."""
        others = {name: dataset(scope, name, self.kind) for name in self.needs()}
        return scope.engine.sql(self.query, {FRAME: frame, **others})
