"""Types a format can hold: a table of conversions, applied to the lazy schema (also inside lists).

>>> import narwhals.stable.v2 as nw
>>> stored_as(nw.List(nw.Categorical()), DELTA, "Delta", "tags")
List(String)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from odibi_dagster.core.depth import MAX_LEVELS, refuse_deep
from odibi_dagster.errors import SchemaContractError
from odibi_dagster.formats.errors import check_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from odibi_dagster.core.frame import Frame

DType = nw.dtypes.DType
TypeClass = type[DType]


@dataclass(frozen=True)
class Conversions:
    """What happens to a type: becomes another one, or is refused. All others stay.

    `refused` says what to write instead.
    """

    becomes: Mapping[TypeClass, DType] = field(default_factory=dict)
    refused: Mapping[TypeClass, str] = field(default_factory=dict)
    microseconds: bool = False
    """Datetimes become microseconds; zoned ones become UTC."""
    flat: bool = False
    """Lists, arrays and structs are refused."""
    nested_text: tuple[TypeClass, ...] = ()
    """What becomes text inside lists, arrays and structs."""
    levels: int = MAX_LEVELS
    """How many lists, arrays and structs may lie in each other."""


_TEXT = nw.String()
_CAST = "cast it first, for example to a string"

DELTA = Conversions(
    becomes={
        nw.UInt8: nw.Int16(),
        nw.UInt16: nw.Int32(),
        nw.UInt32: nw.Int64(),
        nw.Categorical: _TEXT,
        nw.Enum: _TEXT,
    },
    refused={
        nw.UInt64: "cast it to Int64 or to Decimal",
        nw.UInt128: _CAST,
        nw.Int128: "cast it to Int64 or to Decimal",
        nw.Time: _CAST,
        nw.Duration: "cast it to a number of seconds",
        nw.Unknown: "a column of nulls only has no type; cast it to the type it should have",
        nw.Object: _CAST,
    },
    microseconds=True,
    levels=32,  # delta-rs reads 128 levels of JSON (42 structs) and 100 of Parquet (49 lists)
)
SQL = Conversions(
    becomes={
        nw.Int8: nw.Int16(),
        nw.UInt8: nw.Int16(),
        nw.UInt16: nw.Int32(),
        nw.UInt32: nw.Int64(),
        nw.UInt64: nw.Decimal(20, 0),
        nw.Float32: nw.Float64(),
        nw.Categorical: _TEXT,
        nw.Enum: _TEXT,
    },
    refused={
        nw.UInt128: _CAST,
        nw.Int128: "cast it to Int64 or to Decimal",
        nw.Time: _CAST,
        nw.Duration: "cast it to a number of seconds",
        nw.Unknown: "a column of nulls only has no type; cast it to the type it should have",
        nw.Object: _CAST,
    },
    microseconds=True,
    flat=True,
)
PARQUET = Conversions(refused={nw.Object: _CAST})
CSV = Conversions(
    becomes={nw.Categorical: _TEXT, nw.Enum: _TEXT},
    refused={
        nw.Binary: "encode it first, for example as base64",
        nw.Duration: "cast it to a number of seconds",
        nw.Object: _CAST,
    },
    microseconds=True,
    flat=True,
)
JSON = Conversions(
    becomes={nw.Categorical: _TEXT, nw.Enum: _TEXT},
    refused={
        nw.Binary: "encode it first, for example as base64",
        nw.Duration: "cast it to a number of seconds",
        nw.Object: _CAST,
    },
    microseconds=True,
    nested_text=(nw.Date, nw.Datetime, nw.Time, nw.Decimal, nw.Int128, nw.UInt128),
)


def conformed(frame: Frame, rules: Conversions, kind: str) -> Frame:
    """The frame with every column as `rules` say; columns that fit are left alone."""
    schema = frame.collect_schema()
    check_names(schema.names(), f"the frame to be written to {kind}")
    refuse_deep(schema, rules.levels, f"that {kind} stores")
    casts = []
    for name, dtype in schema.items():
        stored = stored_as(dtype, rules, kind, name)
        if stored != dtype:
            casts.append(nw.col(name).cast(stored))
    return frame.with_columns(*casts) if casts else frame


def as_declared(frame: Frame, declared: Mapping[str, DType] | None) -> Frame:
    """Declared columns cast to their types; a value that does not fit is an error.

    SchemaContractError where fractions would be cut off: floats read, whole numbers declared.
    """
    schema = frame.collect_schema()
    wanted = {name: dtype for name, dtype in (declared or {}).items() if name in schema}
    for name, dtype in wanted.items():
        if schema[name].is_float() and dtype.is_integer():
            msg = (
                f"column '{name}' is declared as {dtype} and holds fractions ({schema[name]}); "
                "declare it as float, or round it in a step"
            )
            raise SchemaContractError(msg)
    casts = [nw.col(name).cast(dtype) for name, dtype in wanted.items() if schema[name] != dtype]
    return frame.with_columns(*casts) if casts else frame


def stored_as(dtype: DType, rules: Conversions, kind: str, column: str) -> DType:
    """The type that stores `dtype`; SchemaContractError where there is none."""
    if type(dtype) in rules.becomes:
        return rules.becomes[type(dtype)]
    if type(dtype) in rules.refused:
        raise _error(dtype, kind, column, rules.refused[type(dtype)])
    if isinstance(dtype, nw.Datetime) and rules.microseconds:
        return nw.Datetime("us", "UTC" if dtype.time_zone else None)
    if isinstance(dtype, nw.List | nw.Array | nw.Struct):
        return _nested(dtype, rules, kind, column)
    return dtype


def _nested(
    dtype: nw.List | nw.Array | nw.Struct, rules: Conversions, kind: str, column: str
) -> DType:
    if rules.flat:
        raise _error(dtype, kind, column, "unnest it, or write parquet, delta or json")
    if isinstance(dtype, nw.Struct):
        return nw.Struct(
            {f.name: _inner(f.dtype, rules, kind, f"{column}.{f.name}") for f in dtype.fields}
        )
    return nw.List(_inner(dtype.inner, rules, kind, column))


def _inner(dtype: DType | TypeClass, rules: Conversions, kind: str, column: str) -> DType:
    inner = _instance(dtype)
    return _TEXT if isinstance(inner, rules.nested_text) else stored_as(inner, rules, kind, column)


def _instance(dtype: DType | TypeClass) -> DType:
    return dtype() if isinstance(dtype, type) else dtype


def _error(dtype: DType, kind: str, column: str, instead: str) -> SchemaContractError:
    msg = f"column '{column}': type {_name(dtype)} cannot be written to {kind}; {instead}"
    return SchemaContractError(msg)


def _name(dtype: DType) -> str:
    return "Null" if isinstance(dtype, nw.Unknown) else type(dtype).__name__
