"""What a Delta commit accepts and readers would not: found before it is made.

A commit takes whatever files it is told of, and looks at none of their rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from odibi_dagster.engines.sql.query import Expression, deriving
from odibi_dagster.errors import SchemaContractError
from odibi_dagster.formats.base import APPENDING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from deltalake import DeltaTable
    from pyarrow.parquet import FileMetaData

    from odibi_dagster.core.frame import Frame
    from odibi_dagster.engines.base import Engine

_PLAIN = {"appendOnly", "invariants", "timestampNtz", "v2Checkpoint", "vacuumProtocolCheck"}
"""Table features that demand nothing of whoever adds files."""
_CONSTRAINT = "delta.constraints."
_DIALECT = "spark"
"""Of the conditions that tables hold."""
_BROKEN = "__odibi_broken"
_PHYSICAL: Mapping[type[nw.dtypes.DType], tuple[str, ...]] = {
    nw.Boolean: ("BOOLEAN",),
    nw.Int8: ("INT32",),
    nw.Int16: ("INT32",),
    nw.Int32: ("INT32",),
    nw.Date: ("INT32",),
    nw.Int64: ("INT64",),
    nw.Datetime: ("INT64", "INT96"),  # the second is Spark's, where its session does not say
    nw.Float32: ("FLOAT",),
    nw.Float64: ("DOUBLE",),
    nw.String: ("BYTE_ARRAY",),
    nw.Binary: ("BYTE_ARRAY",),
}
"""How a Parquet file may hold a column; of decimals and nested ones nothing is said."""


def refuse_features(snapshot: DeltaTable, mode: str) -> None:
    """SchemaContractError where the table demands of its files what staged files do not keep."""
    protocol, configuration = snapshot.protocol(), snapshot.metadata().configuration
    demands = set(protocol.writer_features or ()) - _PLAIN - {"checkConstraints", "columnMapping"}
    demands |= {name for name, text in configuration.items() if _is_unread(name, text)}
    if configuration.get("delta.columnMapping.mode", "none") != "none":
        demands.add("delta.columnMapping")
    if configuration.get("delta.appendOnly") == "true" and mode not in APPENDING:
        demands.add("delta.appendOnly")
    if demands:
        msg = (
            f"the table uses {', '.join(sorted(demands))}, which cannot be kept here; write to "
            "another table, or drop the feature"
        )
        raise SchemaContractError(msg)


def refuse_nulls(engine: Engine, rows: Frame, snapshot: DeltaTable) -> None:
    """SchemaContractError where a column holds a null that the table declares as not null."""
    required = [field.name for field in snapshot.schema().fields if not field.nullable]
    if not required:
        return
    (counts,) = engine.fetch(rows.select(nw.col(*required).is_null().cast(nw.Int64()).sum()), 1)
    broken = [f"'{name}' ({count:,})" for name, count in counts.items() if count]
    if broken:
        msg = f"the table allows no null in {', '.join(broken)}; filter the rows out, or fill them"
        raise SchemaContractError(msg)


def refuse_broken(engine: Engine, rows: Frame, snapshot: DeltaTable) -> None:
    """SchemaContractError where rows break a CHECK constraint of the table, or a null leaves it
    open.

    Delta's own writers look at each row; nothing of a row is shown.
    """
    checks = {
        name.removeprefix(_CONSTRAINT): Expression.parse(text, _DIALECT)
        for name, text in snapshot.metadata().configuration.items()
        if name.startswith(_CONSTRAINT)
    }
    columns = rows.collect_schema().names()
    for name, check in checks.items():
        if missing := check.columns - set(columns):
            msg = f"constraint '{name}' ({check.text}) needs the column '{min(missing)}'"
            raise SchemaContractError(msg)
        judged = engine.sql(deriving({_BROKEN: check}), {"df": rows})
        kept = nw.col(_BROKEN).fill_null(False)
        ((broken,),) = (
            row.values() for row in engine.fetch(judged.select((~kept).cast(nw.Int64()).sum()), 1)
        )
        if broken:
            rows_broken = f"{broken:,} {'row' if broken == 1 else 'rows'}"
            msg = (
                f"constraint '{name}' ({check.text}) of the table is violated by {rows_broken}; "
                "filter them out, or quarantine them by a custom_sql test"
            )
            raise SchemaContractError(msg)


def refuse_other_schema(
    file: Path,
    footer: FileMetaData,
    schema: Mapping[str, nw.dtypes.DType],
    partition_by: Sequence[str],
) -> None:
    """SchemaContractError where a staged file has not the columns it was staged with.

    Readers of the table would find nulls in it, or nothing that they can read.
    """
    columns = [footer.schema.column(index) for index in range(footer.num_columns)]
    found = {column.path.partition(".")[0] for column in columns}
    physical = {column.path: column.physical_type for column in columns}
    expected = {name: dtype for name, dtype in schema.items() if name not in partition_by}
    differs = sorted(found ^ expected.keys())
    differs += [
        name
        for name, dtype in expected.items()
        if name in physical and physical[name] not in _PHYSICAL.get(type(dtype), physical.values())
    ]
    if differs:
        msg = (
            f"staged file {file.name} differs from what was staged in the columns "
            f"{', '.join(differs)}; something else has changed it: run the node again"
        )
        raise SchemaContractError(msg)


def _is_unread(name: str, text: str) -> bool:
    """Whether it is a constraint that we cannot judge as Delta does."""
    if not name.startswith(_CONSTRAINT):
        return False
    try:
        Expression.parse(text, _DIALECT)
    except ValueError:
        return True
    return False
