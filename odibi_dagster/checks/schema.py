"""`schema`: the columns, their types, and whether they may be null."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import narwhals.stable.v2 as nw
from pydantic import model_validator

from odibi_dagster.checks.base import Column, Contract, Observation, Shape, Verdict, contracts
from odibi_dagster.errors import listing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from odibi_dagster.core.facts import Facts

Mode = Literal["strict", "compatible", "evolve"]


@contracts.register("schema")
class Schema(Contract):
    """The frame has the declared columns; without `columns:`, those of the last published table.

    `strict`: the same names and types, in any order. `compatible`: nothing is missing, a type may
    only be wider (Int32 to Int64), and an added column may not be declared `nullable: false`. A
    type is compared only where one is declared. A column declared `nullable: false` that holds a
    null is broken. With nothing to compare with (a first run), it passes and says
    `baseline: none`. Odibi's `strict: true` and `strict: false` mean the first two modes.

    ```yaml
    - type: schema
      mode: compatible
    ```
    """

    looks_up = frozenset({"stored"})

    strict: bool = True
    mode: Mode | None = None

    @model_validator(mode="after")
    def _one_meaning(self) -> Self:
        if self.mode == "evolve":
            msg = "schema: mode 'evolve' is not supported yet; write strict or compatible"
            raise ValueError(msg)
        said = "strict" in self.model_fields_set
        if said and self.mode and self.strict is not (self.mode == "strict"):
            msg = f"schema: strict: {str(self.strict).lower()} contradicts mode: {self.mode}"
            raise ValueError(msg)
        return self

    @property
    def compatible(self) -> bool:
        """Whether wider types and added columns are accepted."""
        return self.mode == "compatible" if self.mode else not self.strict

    def reads(self, shape: Shape) -> tuple[str, ...]:
        """The columns that may not be null: names and types need no data."""
        return tuple(
            name
            for name, column in shape.declared.items()
            if not column.nullable and name in shape.schema
        )

    def metrics(self, shape: Shape) -> Mapping[str, nw.Expr]:
        """The nulls of each column that may have none."""
        return {
            f"nulls_{place}": nw.col(name).is_null().cast(nw.Int64).sum()
            for place, name in enumerate(self.reads(shape))
        }

    def known(self, shape: Shape, facts: Facts) -> Mapping[str, Any]:
        """The nulls of the columns of which they are known."""
        nulls = {i: facts.nulls(name) for i, name in enumerate(self.reads(shape))}
        return {f"nulls_{place}": count for place, count in nulls.items() if count is not None}

    def judge(self, seen: Observation) -> Verdict:
        """Passed when nothing differs; the description lists every difference."""
        name, baseline = _baseline(seen)
        mode = "compatible" if self.compatible else "strict"
        problems = [] if baseline is None else self._differences(baseline, seen)
        problems += self._nulls(seen)
        expected = f"{mode}: {_listed(baseline)}" if baseline else f"{mode}: nothing known before"
        text = (
            listing(problems, separator="; ")
            or f"{len(seen.schema)} columns as expected (baseline: {name})"
        )
        return Verdict(
            passed=not problems,
            description=text,
            expected=expected,
            observed=_listed({key: Column(dtype) for key, dtype in seen.schema.items()}),
            extra={"baseline": name, "differences": len(problems)},
        )

    def _differences(self, baseline: Mapping[str, Column], seen: Observation) -> list[str]:
        removed = [f"column '{name}' removed" for name in baseline if name not in seen.schema]
        changed = [
            f"column '{name}' changed {column.dtype} -> {seen.schema[name]}"
            for name, column in baseline.items()
            if name in seen.schema and not self._accepts(column.dtype, seen.schema[name])
        ]
        added = [name for name in seen.schema if name not in baseline]
        if not self.compatible:
            return removed + changed + [f"column '{name}' added" for name in added]
        strict = [name for name in added if not seen.declared.get(name, Column()).nullable]
        return removed + changed + [f"column '{name}' added as not nullable" for name in strict]

    def _accepts(self, old: nw.dtypes.DType | None, new: nw.dtypes.DType) -> bool:
        return old is None or old == new or (self.compatible and widens(old, new))

    def _nulls(self, seen: Observation) -> list[str]:
        names = self.reads(Shape(seen.schema, seen.declared))
        counts = {name: int(seen.metrics[f"nulls_{i}"] or 0) for i, name in enumerate(names)}
        return [
            f"column '{name}' is declared not nullable and has {count:,} null{'s' * (count != 1)}"
            for name, count in counts.items()
            if count
        ]


def _baseline(seen: Observation) -> tuple[str, Mapping[str, Column] | None]:
    if seen.declared:
        return "declared columns", seen.declared
    if seen.stored is not None:
        return "last published", {name: Column(dtype) for name, dtype in seen.stored.items()}
    return "none", None


def _listed(columns: Mapping[str, Column]) -> str:
    return listing(
        name if column.dtype is None else f"{name} {column.dtype}"
        for name, column in columns.items()
    )


_SIGNED = (nw.Int8, nw.Int16, nw.Int32, nw.Int64, nw.Int128)
_UNSIGNED = (nw.UInt8, nw.UInt16, nw.UInt32, nw.UInt64, nw.UInt128)
_WIDER: Mapping[type[nw.dtypes.DType], frozenset[type[nw.dtypes.DType]]] = {
    **{old: frozenset(_SIGNED[place + 1 :]) for place, old in enumerate(_SIGNED)},
    **{
        old: frozenset(_UNSIGNED[place + 1 :] + _SIGNED[place + 1 :])
        for place, old in enumerate(_UNSIGNED)
    },
    nw.Float32: frozenset({nw.Float64}),
    nw.Categorical: frozenset({nw.String}),
    nw.Enum: frozenset({nw.String, nw.Categorical}),
    nw.Unknown: frozenset(),
}
# integers that a float holds exactly
_FLOATS: Mapping[type[nw.dtypes.DType], frozenset[type[nw.dtypes.DType]]] = {
    nw.Int8: frozenset({nw.Float32, nw.Float64}),
    nw.UInt8: frozenset({nw.Float32, nw.Float64}),
    nw.Int16: frozenset({nw.Float32, nw.Float64}),
    nw.UInt16: frozenset({nw.Float32, nw.Float64}),
    nw.Int32: frozenset({nw.Float64}),
    nw.UInt32: frozenset({nw.Float64}),
}
_UNITS = ("s", "ms", "us", "ns")


def widens(old: nw.dtypes.DType, new: nw.dtypes.DType) -> bool:
    """Whether every value of `old` is a value of `new`, so that no reader loses anything.

    >>> widens(nw.Int32(), nw.Int64()), widens(nw.Int64(), nw.Int32())
    (True, False)
    """
    if isinstance(old, nw.Decimal) and isinstance(new, nw.Decimal):
        whole = new.precision - new.scale >= old.precision - old.scale
        return new.scale >= old.scale and whole
    if isinstance(old, nw.Datetime) and isinstance(new, nw.Datetime):
        finer = _UNITS.index(new.time_unit) >= _UNITS.index(old.time_unit)
        return finer and old.time_zone == new.time_zone
    if isinstance(old, nw.Date) and isinstance(new, nw.Datetime):
        return new.time_zone is None
    return type(new) in _WIDER.get(type(old), ()) or type(new) in _FLOATS.get(type(old), ())
