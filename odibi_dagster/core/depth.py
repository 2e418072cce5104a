"""How deep a type is nested: asked before anything that walks it, or hashes it, recursively."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from odibi_dagster.errors import SchemaContractError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_LEVELS = 100
"""Lists, arrays and structs in each other: what both engines read, plan and write for sure."""


def levels(dtype: Any, most: int = MAX_LEVELS) -> int:
    """How many lists, arrays, structs and maps lie in each other; `most + 1` where it is more.

    A type of narwhals or of an engine; no recursion.

    >>> import narwhals.stable.v2 as nw
    >>> levels(nw.List(nw.Struct({"a": nw.Int64(), "b": nw.List(nw.Date())})))
    3
    """
    types = [dtype]
    for level in range(most + 1):
        types = [inner for outer in types for inner in _inside(outer)]
        if not types:
            return level
    return most + 1


def refuse_deep(
    schema: Mapping[str, Any], most: int = MAX_LEVELS, what: str = "that can be read"
) -> None:
    """SchemaContractError where a column is nested deeper than that; `what` is the most."""
    for name, dtype in schema.items():
        if levels(dtype, most) > most:
            msg = (
                f"column '{name}' is nested more than {most} levels deep, which is the most "
                f"{what}; flatten it, or keep what is inside as text"
            )
            raise SchemaContractError(msg)


def _inside(dtype: Any) -> Iterator[Any]:
    """The types right inside a nested one: Polars and narwhals name them alike, Spark does not."""
    for field in getattr(dtype, "fields", ()):
        yield field.dtype if hasattr(field, "dtype") else field.dataType
    for inner in ("inner", "elementType", "keyType", "valueType"):
        if (found := getattr(dtype, inner, None)) is not None:
            yield found
