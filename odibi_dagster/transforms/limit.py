"""Keep the first rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from odibi_dagster.engines.sql.query import Query
from odibi_dagster.transforms.base import Transform, transforms

if TYPE_CHECKING:
    from odibi_dagster.core.frame import Frame
    from odibi_dagster.transforms.base import Scope

Rows = Annotated[int, Field(ge=0, strict=True)]


@transforms.register("limit")
class Limit(Transform):
    """Keep `n` rows after skipping `offset` rows.

        - function: limit
          params: {n: 10, offset: 0}

    After a `sort` these are the first rows in that order, still sorted; without one, any rows.
    Fewer rows than asked for are no error. Nulls play no part.
    """

    keeps_names = True

    n: Rows
    offset: Rows = 0

    def apply(self, frame: Frame, scope: Scope) -> Frame:
        """The frame cut to these rows."""
        if not self.offset:
            return frame.head(self.n)
        query = Query.parse(f"SELECT * FROM df LIMIT {self.n} OFFSET {self.offset}")  # noqa: S608
        return scope.engine.sql(query, {"df": frame})
