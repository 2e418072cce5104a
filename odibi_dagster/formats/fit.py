"""New rows made to fit the columns that are stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from odibi_dagster.errors import SchemaContractError, listing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from odibi_dagster.core.frame import Frame
    from odibi_dagster.core.types import DType
    from odibi_dagster.engines.base import Engine

_WHOLE: Sequence[type[DType]] = (nw.Int8, nw.Int16, nw.Int32, nw.Int64)
_UNSIGNED: Sequence[type[DType]] = (nw.UInt8, nw.UInt16, nw.UInt32, nw.UInt64)


def fitted(
    engine: Engine, frame: Frame, stored: Mapping[str, DType], *, grows: bool = False
) -> Frame:
    """The frame with the stored columns, in their order and with their types.

    A narrower number becomes the wider one that is stored, and a column without any value fits
    every type. Where the table `grows`, columns that are new follow. SchemaContractError lists
    every other difference: adding rows changes the columns of no other table.
    """
    schema = frame.collect_schema()
    new = [name for name in schema if name not in stored] if grows else []
    other = [n for n, dtype in stored.items() if n in schema and not fits(schema[n], dtype)]
    names = [*_other_names([name for name in schema if name not in new], stored)]
    if not names:
        other = _with_values(engine, frame, other, stored)
    _refuse([*names, *(f"column '{n}' is {schema[n]} and stored as {stored[n]}" for n in other)])
    return frame.select(
        *(
            nw.col(name) if schema[name] == dtype else nw.col(name).cast(dtype)
            for name, dtype in stored.items()
        ),
        *new,
    )


def _with_values(
    engine: Engine, frame: Frame, columns: Sequence[str], stored: Mapping[str, DType]
) -> list[str]:
    """Those columns that hold a value: where none is, a type was only guessed."""
    schema = frame.collect_schema()
    seen = [name for name in columns if _casts(schema[name], stored[name])]
    (counts,) = engine.fetch(frame.select(nw.col(*seen).count()), 1) if seen else ({},)
    return [name for name in columns if counts.get(name) != 0]


def _casts(dtype: DType, stored: DType) -> bool:
    """Whether every engine can plan a cast from one type to the other."""
    text = nw.String() in (dtype, stored) and not (dtype.is_nested() or stored.is_nested())
    return text or (dtype.is_numeric() and stored.is_numeric())


def in_order(frame: Frame, stored: Sequence[str]) -> Frame:
    """The frame with the stored columns in their order, where files do not say their types."""
    _refuse([*_other_names(frame.collect_schema(), stored)])
    return frame.select(*stored)


def with_types_for_nulls(frame: Frame, stored: Mapping[str, DType]) -> Frame:
    """A column that has no type, being nothing but nulls, takes the stored one."""
    schema = frame.collect_schema()
    untyped = [n for n, dtype in schema.items() if isinstance(dtype, nw.Unknown) and n in stored]
    return frame.with_columns(*(nw.col(n).cast(stored[n]) for n in untyped)) if untyped else frame


def _other_names(found: Iterable[str], stored: Iterable[str]) -> Iterator[str]:
    found, stored = list(found), list(stored)
    yield from (f"column '{name}' is new" for name in found if name not in stored)
    yield from (f"column '{name}' is missing" for name in stored if name not in found)


def _refuse(differences: Sequence[str]) -> None:
    if differences:
        msg = (
            f"the rows to add do not fit what is stored: {listing(differences)}; select or cast "
            "columns in a step, or write them to another place"
        )
        raise SchemaContractError(msg)


def fits(dtype: DType, stored: DType) -> bool:
    """Whether every value of a type is one of the stored type."""
    if dtype == stored:
        return True
    if isinstance(dtype, nw.Decimal) and isinstance(stored, nw.Decimal):
        whole = dtype.precision - dtype.scale
        return dtype.scale <= stored.scale and whole <= stored.precision - stored.scale
    return type(stored) in _wider(type(dtype))


def _wider(dtype: type[DType]) -> Sequence[type[DType]]:
    if dtype in _WHOLE:
        return _WHOLE[_WHOLE.index(dtype) :]
    if dtype in _UNSIGNED:
        place = _UNSIGNED.index(dtype)
        return (*_UNSIGNED[place:], *_WHOLE[place + 1 :])
    return (nw.Float64,) if dtype is nw.Float32 else ()
