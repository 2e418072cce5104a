"""Columns of another dataset, matched by key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import narwhals.stable.v2 as nw
from pydantic import model_validator

from odibi_dagster.core.names import ColumnName
from odibi_dagster.core.pii import Pii
from odibi_dagster.transforms.base import Transform, dataset, pii_of, transforms
from odibi_dagster.transforms.columns import ColumnOrColumns, refuse_clash, require
from odibi_dagster.transforms.types import common_type

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Self

    from odibi_dagster.core.frame import Frame
    from odibi_dagster.core.types import DType
    from odibi_dagster.transforms.base import Scope

How = Literal["inner", "left", "right", "full", "cross", "anti", "semi"]


@transforms.register("join")
class Join(Transform):
    """Match the rows with another dataset of the node, and take over its columns.

        - function: join
          params:
            right_dataset: cust
            on: cid
            how: left

    `how`: `left` (default) keeps every row here, `right` every row there, `full` both, `inner`
    only matches; `cross` pairs every row with every row and takes no `on`; `semi` keeps the rows
    that have a match and `anti` those that have none, both without new columns. The keys stand
    once in the result, filled from the side that has the row.

    A column of the other dataset whose name is taken is called `<column>_<right_dataset>`, or
    `<prefix>_<column>` where `prefix` is given; columns without a clash keep their name. A null
    key matches nothing, also not another null. Number keys of two types meet in the wider one;
    keys of other unequal types are an error. The order of the rows is not kept.
    """

    right_dataset: str
    on: ColumnOrColumns | None = None
    how: How = "left"
    prefix: ColumnName | None = None

    @model_validator(mode="after")
    def _keys_fit_how(self) -> Self:
        if self.how == "cross" and self.on is not None:
            raise ValueError("a cross join takes no 'on': remove it, or write how: inner")
        if self.how != "cross" and self.on is None:
            raise ValueError(f"a {self.how} join needs 'on': the key columns")
        return self

    def needs(self) -> frozenset[str]:
        """The other dataset."""
        return frozenset({self.right_dataset})

    def personal(self, frame: Pii, others: Mapping[str, Pii]) -> Pii:
        """See `Transform.personal`."""
        right = pii_of(others, self.right_dataset)
        renamed = Pii.of(self._renamed(name) for name in right.names)
        return frame if self.how in _FILTERS else frame | right | renamed

    def apply(self, frame: Frame, scope: Scope) -> Frame:
        """The joined frame."""
        keys = self.on or []
        right = dataset(scope, self.right_dataset, self.kind)
        frame, right = _same_key_types(frame, right, keys)
        if self.how in _FILTERS:
            return _FILTERS[self.how](frame, right.select(keys), keys)
        right = self._without_clash(frame, right, keys)
        return _JOINS[self.how](frame, right, keys)

    def _without_clash(self, frame: Frame, right: Frame, keys: list[str]) -> Frame:
        left = frame.collect_schema().names()
        taken = {name.casefold() for name in left}
        values = [name for name in right.collect_schema() if name not in keys]
        renamed = {name: self._renamed(name) for name in values if name.casefold() in taken}
        refuse_clash(left, (renamed.get(name, name) for name in values), self.kind)
        return right.rename(renamed) if renamed else right

    def _renamed(self, column: str) -> str:
        return f"{self.prefix}_{column}" if self.prefix else f"{column}_{self.right_dataset}"


def _same_key_types(left: Frame, right: Frame, keys: list[str]) -> tuple[Frame, Frame]:
    ours, theirs = require(left, keys, "join"), require(right, keys, "join (right_dataset)")
    shared = {key: common_type(key, ours[key], theirs[key], "join") for key in keys}
    return _cast(left, ours, shared), _cast(right, theirs, shared)


def _cast(frame: Frame, own: Mapping[str, DType], shared: Mapping[str, DType]) -> Frame:
    casts = [nw.col(key).cast(dtype) for key, dtype in shared.items() if own[key] != dtype]
    return frame.with_columns(casts) if casts else frame


def _right(left: Frame, right: Frame, keys: list[str]) -> Frame:
    """A right join is a left join seen from the other side, with our columns first again."""
    columns = left.collect_schema().names()
    values = [name for name in right.collect_schema() if name not in keys]
    return right.join(left, on=keys, how="left").select(*columns, *values)


_THERE = "__right_key_{}"


def _full(left: Frame, right: Frame, keys: list[str]) -> Frame:
    """Each side brings its own keys; the result has one, from the side that has the row."""
    there = {key: _THERE.format(number) for number, key in enumerate(keys)}
    columns = left.collect_schema().names()
    values = [name for name in right.collect_schema() if name not in keys]
    joined = left.join(right.rename(there), left_on=keys, right_on=list(there.values()), how="full")
    merged = {key: nw.coalesce(nw.col(key), nw.col(there[key])) for key in keys}
    return joined.select(*(merged.get(name, nw.col(name)) for name in columns), *values)


_FILTERS: Mapping[str, Callable[[Frame, Frame, list[str]], Frame]] = {
    "semi": lambda left, right, keys: left.join(right, on=keys, how="semi"),
    "anti": lambda left, right, keys: left.join(right, on=keys, how="anti"),
}
_JOINS: Mapping[str, Callable[[Frame, Frame, list[str]], Frame]] = {
    "inner": lambda left, right, keys: left.join(right, on=keys, how="inner"),
    "left": lambda left, right, keys: left.join(right, on=keys, how="left"),
    "right": _right,
    "full": _full,
    "cross": lambda left, right, _keys: left.join(right, how="cross"),
}
