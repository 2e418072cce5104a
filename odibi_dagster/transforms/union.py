"""Rows of several datasets, one below the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import narwhals.stable.v2 as nw
from pydantic import Field

from odibi_dagster.core.pii import EVERYTHING, together
from odibi_dagster.errors import SchemaContractError
from odibi_dagster.transforms.base import Transform, dataset, pii_of, transforms
from odibi_dagster.transforms.columns import refuse_clash
from odibi_dagster.transforms.types import common_type

if TYPE_CHECKING:
    from collections.abc import Mapping

    from odibi_dagster.core.frame import Frame
    from odibi_dagster.core.pii import Pii
    from odibi_dagster.core.types import DType
    from odibi_dagster.transforms.base import Scope


@transforms.register("union")
class Union(Transform):
    """Append the rows of other datasets to this one. Every row stays, also repeated ones.

        - function: union
          params:
            datasets: [orders2]
            by_name: true

    By name, a column that a dataset lacks is null in its rows; columns stand in the order in
    which they first appear. By position, all datasets must have as many columns, and the first
    one names them. Number columns widen to a type that holds both; other types must agree, or it
    is an error that names the column. The order of the rows is not kept.
    """

    datasets: Annotated[list[str], Field(min_length=1)]
    by_name: bool = True

    def needs(self) -> frozenset[str]:
        """The datasets to append."""
        return frozenset(self.datasets)

    def personal(self, frame: Pii, others: Mapping[str, Pii]) -> Pii:
        """See `Transform.personal`."""
        all_rows = together([frame, *(pii_of(others, n) for n in self.datasets)])
        return all_rows if self.by_name or not all_rows else EVERYTHING

    def apply(self, frame: Frame, scope: Scope) -> Frame:
        """The frame, followed by the rows of the others."""
        frames = [frame, *(dataset(scope, name, self.kind) for name in self.datasets)]
        if not self.by_name:
            frames = [frame, *(_named_like(frame, other) for other in frames[1:])]
        schema = _union_schema(frames)
        return nw.concat([_aligned(each, schema) for each in frames])


def _named_like(first: Frame, other: Frame) -> Frame:
    names, others = first.collect_schema().names(), other.collect_schema().names()
    if len(names) != len(others):
        msg = f"step union: {len(names)} columns here, {len(others)} there ({', '.join(others)})"
        raise SchemaContractError(f"{msg}; select the same number, or write by_name: true")
    return other.select(
        nw.col(theirs).alias(ours) for ours, theirs in zip(names, others, strict=True)
    )


def _union_schema(frames: list[Frame]) -> Mapping[str, DType]:
    schema: dict[str, DType] = {}
    for frame in frames:
        own = frame.collect_schema()
        refuse_clash(schema, (column for column in own if column not in schema), "union")
        for column, dtype in own.items():
            known = schema.get(column, dtype)
            schema[column] = common_type(column, known, dtype, "union")
    return schema


def _aligned(frame: Frame, schema: Mapping[str, DType]) -> Frame:
    own = frame.collect_schema()
    return frame.select(_as(column, dtype, own) for column, dtype in schema.items())


def _as(column: str, dtype: DType, own: Mapping[str, DType]) -> nw.Expr:
    if column not in own:
        return nw.lit(None).cast(dtype).alias(column)
    return nw.col(column) if own[column] == dtype else nw.col(column).cast(dtype)
