"""The columns of a table as Dagster's metadata, bounded: an event is a row in its database."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import dagster as dg

from odibi_dagster.errors import shortened

if TYPE_CHECKING:
    from collections.abc import Mapping

    import narwhals.stable.v2 as nw

MAX_COLUMNS = 1_000
"""So many columns are told, with 0.2 kB each."""
_MAX_TYPE = 200
"""Characters of a type's text: that of a struct grows with its fields."""


def column_metadata(
    schema: Mapping[str, nw.dtypes.DType], described: Mapping[str, str | None]
) -> dict[str, Any]:
    """`dagster/column_schema`; of more than 1,000 columns the first, and how many are not told."""
    told = [
        dg.TableColumn(
            shortened(name, _MAX_TYPE),
            type=shortened(str(dtype), _MAX_TYPE),
            description=described.get(name),
        )
        for name, dtype in islice(schema.items(), MAX_COLUMNS)
    ]
    metadata: dict[str, Any] = {"dagster/column_schema": dg.TableSchema(told)}
    if len(schema) > MAX_COLUMNS:
        metadata["columns_not_told"] = len(schema) - MAX_COLUMNS
    return metadata
