"""`schema`: the columns, their types, and whether they may be null."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import narwhals.stable.v2 as nw
from pydantic import model_validator

from odibi_dagster.checks.base import Column, Contract, Observation, Shape, Verdict, contracts
from odibi_dagster.checks.schema_diff import Difference, differences
from odibi_dagster.errors import listing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Self

    from odibi_dagster.core.facts import Facts

Mode = Literal["strict", "compatible", "evolve"]


@contracts.register("schema")
class Schema(Contract):
    """The frame has the declared columns; without `columns:`, those of the last published table.

    `strict`: the same names and types, in any order. `compatible`: nothing is missing, and a type
    may only be wider (Int32 to Int64); columns may be added. `evolve`: columns may also be missing,
    so that only a type that does not hold every earlier value is broken; an upsert or an append
    keeps the stored values of a column that is missing only under `schema_policy`. A type is
    compared only where one is declared. In every mode a column declared `nullable: false` that
    holds a null is broken, and so is one that is missing. What differs, accepted or not, is the
    `diff` in the metadata: `+ added Int64`, `- removed`, `~ changed Int32 -> Int64`. With nothing
    to compare with (a first run), it passes and says `baseline: none`. Odibi's `strict: true` and
    `strict: false` mean the first two modes.

    ```yaml
    - type: schema
      mode: compatible
    ```
    """

    looks_up = frozenset({"stored"})

    strict: bool = True
    """Odibi's word: `true` is `mode: strict`, `false` is `mode: compatible`."""
    mode: Mode | None = None
    """`strict`, `compatible` or `evolve`; what `strict` says."""

    @model_validator(mode="after")
    def _one_meaning(self) -> Self:
        said = "strict" in self.model_fields_set
        if said and self.mode and self.strict is not (self.mode == "strict"):
            msg = f"schema: strict: {str(self.strict).lower()} contradicts mode: {self.mode}"
            raise ValueError(msg)
        return self

    @property
    def meaning(self) -> Mode:
        """The mode, in Odibi's words or in ours."""
        return self.mode or ("strict" if self.strict else "compatible")

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
        """Passed when nothing differs that the mode forbids; all that differs is told."""
        name, baseline = _baseline(seen)
        found = [] if baseline is None else list(differences(baseline, seen.schema))
        broken = [one for one in found if not self._accepts(one, seen)]
        renamed = _renamed(found) if broken else ()
        problems = [*(one.text for one in broken), *renamed, *self._nulls(seen)]
        accepted = [one.text for one in found if one not in broken]
        expected = f"{self.meaning}: {_listed(baseline) if baseline else 'nothing known before'}"
        return Verdict(
            passed=not problems,
            description=listing(problems, separator="; ") or _kept(seen, name, accepted),
            expected=expected,
            observed=_listed({key: Column(dtype) for key, dtype in seen.schema.items()}),
            extra={
                "baseline": name,
                "differences": len(problems),
                "accepted": len(accepted),
                **({"diff": listing((one.line for one in found), separator="\n")} if found else {}),
            },
        )

    def _accepts(self, one: Difference, seen: Observation) -> bool:
        """Whether the mode allows it."""
        if one.sign == "-":
            return self.meaning == "evolve" and seen.declared.get(one.name, Column()).nullable
        return self.meaning != "strict" and (one.sign == "+" or one.widens)

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


def _renamed(found: Sequence[Difference]) -> Iterator[str]:
    """One column gone and one come, of the same type, is most likely one that was renamed."""
    gone, come = ([one for one in found if one.sign == sign] for sign in "-+")
    if len(gone) == len(come) == 1 and gone[0].old in (None, come[0].new):
        yield f"was '{gone[0].name}' renamed to '{come[0].name}'?"


def _kept(seen: Observation, baseline: str, accepted: Sequence[str]) -> str:
    kept = f"{len(seen.schema)} columns as expected (baseline: {baseline})"
    return f"{kept}; accepted: {listing(accepted)}" if accepted else kept


def _listed(columns: Mapping[str, Column]) -> str:
    return listing(
        name if column.dtype is None else f"{name} {column.dtype}"
        for name, column in columns.items()
    )
