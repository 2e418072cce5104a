"""Columns of another type."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw
from pydantic import Field

from odibi_dagster.core.names import ColumnName
from odibi_dagster.core.types import TypeName
from odibi_dagster.engines.sql.query import Expression, deriving
from odibi_dagster.transforms.base import RowForRow, transforms
from odibi_dagster.transforms.columns import require

if TYPE_CHECKING:
    from collections.abc import Mapping

    from odibi_dagster.core.frame import Frame
    from odibi_dagster.core.types import DType
    from odibi_dagster.transforms.base import Scope

_SQL: Mapping[DType, str] = {
    nw.String(): "VARCHAR",
    nw.Int8(): "TINYINT",
    nw.Int16(): "SMALLINT",
    nw.Int32(): "INTEGER",
    nw.Int64(): "BIGINT",
    nw.Float32(): "REAL",
    nw.Float64(): "DOUBLE",
    nw.Boolean(): "BOOLEAN",
    nw.Date(): "DATE",
    nw.Datetime("us"): "TIMESTAMP",
    nw.Datetime("us", "UTC"): "TIMESTAMPTZ",
    nw.Binary(): "BLOB",
}


@transforms.register("cast_columns")
class CastColumns(RowForRow):
    """Give columns another type, as SQL's CAST does.

        - function: cast_columns
          params:
            casts: {amount: "decimal(12,2)", day: date, cid: string}

    Types: `int` (64 bits), `int32`, `double`, `string`, `boolean`, `date`, `timestamp`,
    `decimal(p,s)` and their usual synonyms. Null stays null. A value that cannot be cast, such as
    'n/a' to `int`, fails the run: nothing is published (for null instead, write TRY_CAST in a
    `sql` step). A fraction cast to an integer is rounded, halves to the even number.
    Columns keep their place, rows their order. A column that is not there is an error.
    """

    keeps_names = True

    casts: dict[ColumnName, TypeName] = Field(min_length=1)

    def apply(self, frame: Frame, scope: Scope) -> Frame:
        """The frame with these columns cast."""
        schema = require(frame, self.casts, self.kind)
        changed = {name: dtype for name, dtype in self.casts.items() if schema[name] != dtype}
        if not changed:
            return frame
        query = deriving({name: _cast(name, dtype) for name, dtype in changed.items()})
        return scope.engine.sql(query, {"df": frame})


def _cast(column: str, dtype: DType) -> Expression:
    # DuckDB's cast whatever the project's dialect is: a step means one thing in every file
    return Expression.parse(f'CAST("{column}" AS {_sql_type(dtype)})')


def _sql_type(dtype: DType) -> str:
    if isinstance(dtype, nw.Decimal):
        return f"DECIMAL({dtype.precision}, {dtype.scale})"
    return _SQL[dtype]
