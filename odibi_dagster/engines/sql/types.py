"""The types that SQL expressions have, whatever the engine; how they meet, and where they come from.

Integers of every width compute as 64 bits; a decimal literal is a decimal, as DuckDB has it.
"""

# ruff: noqa: E501

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw
from sqlglot import exp

OFFSET = r"(:\d+(?:\.\d+)?)([+-])(0\d|1[0-7])(?::?([0-5]\d))?\s*$"
"""How text says the distance of its time from UTC: end of the time, sign, hours, minutes."""


class SqlError(ValueError):
    """What is wrong with the user's SQL, in words for the user."""


@dataclass(frozen=True, slots=True)
class Type:
    """A kind (`int`, `dec`, `list` ...) and what it needs to be exact (width, precision, item)."""

    name: str
    args: tuple[Any, ...] = ()

    def __str__(self) -> str:
        """As an error message says it: `decimal(10,2)`."""
        shown = ",".join(str(arg) for arg in self.args)
        return (
            f"{WORDS.get(self.name, self.name)}({shown})"
            if shown
            else WORDS.get(self.name, self.name)
        )


WORDS = {
    "bool": "boolean", "int": "integer", "float": "double", "dec": "decimal", "str": "text",
    "ts": "timestamp", "tstz": "timestamp with time zone", "dur": "duration",
}  # fmt: skip
NULL, BOOL, INT, FLOAT, STR, DATE, TS, TSTZ, TIME, DUR, BLOB = (
    Type(name)
    for name in ("null", "bool", "int", "float", "str", "date", "ts", "tstz", "time", "dur", "blob")
)
FLOAT32 = Type("float", (32,))
MAX_DIGITS = 38


def list_of(item: Type) -> Type:
    """The type of a list."""
    return Type("list", (item,))


def dec(precision: int, scale: int) -> Type:
    """A decimal; more than 38 digits are cut to 38, as far as both engines go."""
    return Type("dec", (min(precision, MAX_DIGITS), scale))


def is_number(type: Type) -> bool:
    """Integers, decimals and floats."""
    return type.name in ("int", "dec", "float")


def is_time(type: Type) -> bool:
    """Dates and timestamps."""
    return type.name in ("date", "ts", "tstz")


def digits(type: Type) -> tuple[int, int]:
    """Precision and scale that hold every value of an integer or decimal type."""
    return (type.args[0], type.args[1]) if type.name == "dec" else (19, 0)


def unify(left: Type, right: Type) -> Type | None:
    """The one type in which values of both compare and mix; None where SQL asks for a cast."""
    if left == right or right == NULL:
        return left
    if left == NULL:
        return right
    if is_number(left) and is_number(right):
        return _unify_numbers(left, right)
    if is_time(left) and is_time(right):
        return (
            max(left, right, key=lambda type: ("date", "ts", "tstz").index(type.name))
            if (left.name != right.name)
            else Type(left.name)
        )
    if left.name == right.name == "list":
        item = unify(left.args[0], right.args[0])
        return item and list_of(item)
    if {left.name, right.name} <= {"bool", "int"}:
        return INT
    return None


def _unify_numbers(left: Type, right: Type) -> Type:
    names = {left.name, right.name}
    if "float" in names:
        narrow = all(type == FLOAT32 for type in (left, right) if type.name == "float")
        return FLOAT32 if narrow else FLOAT
    if names == {"int"}:
        return INT
    (p1, s1), (p2, s2) = digits(left), digits(right)
    scale = max(s1, s2)
    return dec(max(p1 - s1, p2 - s2) + scale, scale)


_INTEGERS = {
    nw.Int8: 8, nw.Int16: 16, nw.Int32: 32, nw.Int128: 128,
    nw.UInt8: "u8", nw.UInt16: "u16", nw.UInt32: "u32", nw.UInt64: "u64",
}  # fmt: skip
_PLAIN: dict[Any, Type] = {
    nw.Int64: INT, nw.Float64: FLOAT, nw.Float32: FLOAT32, nw.String: STR, nw.Boolean: BOOL,
    nw.Date: DATE, nw.Time: TIME, nw.Binary: BLOB, nw.Duration: DUR,
    **{dtype: Type("int", (width,)) for dtype, width in _INTEGERS.items()},
}  # fmt: skip


def of_narwhals(dtype: nw.dtypes.DType) -> Type:
    """The type of a column; one that SQL has no operations for keeps its name and passes through."""
    if isinstance(dtype, nw.Datetime):
        unit = () if dtype.time_unit == "us" else (dtype.time_unit,)
        return Type("tstz" if dtype.time_zone else "ts", unit)
    if isinstance(dtype, nw.List):
        return list_of(of_narwhals(_instance(dtype.inner)))
    if isinstance(dtype, nw.Struct):
        return Type(
            "struct", tuple((f.name, of_narwhals(_instance(f.dtype))) for f in dtype.fields)
        )
    if isinstance(dtype, nw.Decimal):
        return dec(dtype.precision, dtype.scale)
    if isinstance(dtype, nw.Categorical | nw.Enum):
        return Type("category")
    if dtype == nw.Unknown:
        return NULL if "ull" in str(dtype) else Type("unknown")
    return _PLAIN.get(type(dtype), Type(str(dtype)))


def of_spark(dtype: nw.dtypes.DType) -> Type:
    """The same in the spark dialect, where a float of 32 bits meets every other number as a double."""
    made = of_narwhals(dtype)
    return Type("float", (32, "alone")) if made == FLOAT32 else made


def _instance(dtype: Any) -> nw.dtypes.DType:
    made: nw.dtypes.DType = dtype() if isinstance(dtype, type) else dtype
    return made


D = exp.DType
_NAMED = {
    D.BOOLEAN: BOOL, D.BIGINT: INT, D.INT: Type("int", (32,)), D.SMALLINT: Type("int", (16,)),
    D.TINYINT: Type("int", (8,)), D.DOUBLE: FLOAT, D.FLOAT: FLOAT32, D.VARCHAR: STR, D.TEXT: STR,
    D.DATE: DATE, D.TIMESTAMP: TS, D.TIMESTAMPNTZ: TS, D.DATETIME: TS, D.TIMESTAMPTZ: TSTZ,
    D.TIMESTAMPLTZ: TSTZ,
}  # fmt: skip


def of_sql(node: exp.DataType) -> Type:
    """The type a CAST names; a type without the same meaning everywhere is refused."""
    parameters = [int(p.name) for p in node.expressions if isinstance(p, exp.DataTypeParam)]
    if node.this == D.DECIMAL:
        precision, scale = (*parameters, 18, 3)[:2] if len(parameters) != 1 else (parameters[0], 0)
        return dec(precision, scale)
    if node.this in (D.ARRAY, D.LIST) and len(node.expressions) == 1:
        return list_of(of_sql(node.expressions[0]))
    if node.this in _NAMED:
        return _NAMED[node.this]
    msg = (
        f"type {node.sql('duckdb')} is not supported in sql; write BIGINT, INTEGER, DOUBLE, "
        "DECIMAL(p,s), VARCHAR, BOOLEAN, DATE, TIMESTAMP or TIMESTAMPTZ"
    )
    raise SqlError(msg)
