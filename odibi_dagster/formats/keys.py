"""Rows known by their keys: what is stored already, and keys that identify nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import narwhals.stable.v2 as nw
from pydantic import AfterValidator, BeforeValidator

from odibi_dagster.core.names import ColumnName
from odibi_dagster.errors import SchemaContractError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from odibi_dagster.core.frame import Frame
    from odibi_dagster.engines.base import Engine


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _each_once(keys: tuple[str, ...]) -> tuple[str, ...]:
    if twice := [name for name in keys if keys.count(name) > 1]:
        msg = f"column '{twice[0]}' is named twice"
        raise ValueError(msg)
    return keys


Keys = Annotated[tuple[ColumnName, ...], BeforeValidator(_listed), AfterValidator(_each_once)]
"""`options.keys`: one column, or several."""
_COUNT = "__odibi_members"
_NULL = "__odibi_null"


def without(frame: Frame, other: Frame, keys: Sequence[str]) -> Frame:
    """The rows of `frame` whose keys are not in `other`, lazily; a null key is in no other."""
    return frame.join(other.select(*keys), on=list(keys), how="anti")


def refuse_bad_keys(engine: Engine, frame: Frame, keys: Sequence[str]) -> None:
    """SchemaContractError where a key is null, or several rows share one.

    A null never equals a null: such a row would be added again by every run. Of rows that share a
    key nobody can say which one is to be kept.
    """
    has_null = nw.any_horizontal(*(nw.col(name).is_null() for name in keys), ignore_nulls=False)
    groups = frame.group_by(*keys).agg(nw.len().alias(_COUNT)).with_columns(has_null.alias(_NULL))
    row = engine.fetch(
        groups.select(
            nulls=nw.when(nw.col(_NULL)).then(nw.col(_COUNT)).otherwise(0).sum(),
            repeated=nw.when(~nw.col(_NULL) & (nw.col(_COUNT) > 1)).then(1).otherwise(0).sum(),
        ),
        1,
    )[0]
    name = f"key ({', '.join(keys)})"
    if row["nulls"]:
        msg = (
            f"{name} is null in {row['nulls']:,} of the rows to write, and a null identifies no "
            "row; filter them out, or fill the column in a step"
        )
        raise SchemaContractError(msg)
    if row["repeated"]:
        msg = (
            f"{row['repeated']:,} values of {name} stand in several of the rows to write, so it "
            "is not clear which row is meant; add a deduplicate step with these keys"
        )
        raise SchemaContractError(msg)


def require_keys(frame: Frame, keys: Sequence[str]) -> None:
    """SchemaContractError where the rows to write lack a column of the key, or it is nested."""
    schema = frame.collect_schema()
    if missing := [name for name in keys if name not in schema]:
        names = ", ".join(f"'{name}'" for name in missing)
        msg = f"options.keys: no column {names} among the rows to write ({', '.join(schema)})"
        raise SchemaContractError(msg)
    if nested := [name for name in keys if schema[name].is_nested()]:
        msg = f"options.keys: column '{nested[0]}' is {schema[nested[0]]}; a key needs plain values"
        raise SchemaContractError(msg)
