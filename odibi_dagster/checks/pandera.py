"""`pandera`: a pandera model, read once: its columns, its types, and its checks as rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import BeforeValidator, Field, InstanceOf

from odibi_dagster.checks.base import Contract, Observation, OnFail, Verdict, contracts
from odibi_dagster.checks.pandera_model import Model, load_model
from odibi_dagster.core.units import Tolerance
from odibi_dagster.errors import listing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contracts.register("pandera")
class Pandera(Contract):
    """The frame keeps what a pandera model (`module:Class`, or a DataFrameSchema) promises.

    The module lies beside odibi.yaml or can be imported. One check judges columns and types: each
    column of the model is there with exactly its type; with `strict = True` there is no other.
    Every other promise is a check of its own: `nullable`, `unique`, the built-in checks of a field
    (nulls pass, as in pandera), and each custom check, which runs as a lazy query of its own on
    Polars and is refused on Spark. `on_fail: quarantine` sets aside the rows that break a rule;
    custom checks, columns and types fail instead, because they tell no rows apart. What changes
    data in pandera (`coerce`, `strict = "filter"`, parsers, defaults), optional columns and names
    by pattern have no translation: they are errors when the file is loaded.

    ```yaml
    - type: pandera
      schema: "models:Flights"
      on_fail: quarantine
      threshold: 1%
    ```
    """

    row_level = True

    model: Annotated[InstanceOf[Model], BeforeValidator(load_model)] = Field(alias="schema")
    """`module:Class`, or the name of a DataFrameSchema in a module."""
    threshold: Tolerance | None = None
    """Broken rows that each rule tolerates."""

    def parts(self) -> Iterator[Contract]:
        """Columns and types, and a rule for every other promise of the model."""
        prefix = self.name or self.model.name
        soft = OnFail.FAIL if self.on_fail is OnFail.QUARANTINE else self.on_fail
        yield self.model_copy(update={"name": f"{prefix}_columns", "on_fail": soft})
        taken: dict[str, int] = {}
        for name, rule, warns in self.model.rules:
            taken[name] = taken.get(name, 0) + 1
            on_fail = self.on_fail if rule.row_level else soft
            said = {
                "name": f"{prefix}_{name}" + f"_{taken[name]}" * (taken[name] > 1),
                "on_fail": OnFail.WARN if warns else on_fail,
                **({"threshold": self.threshold} if rule.row_level else {}),
            }
            yield rule.model_copy(update=said)

    def files(self) -> tuple[Path, ...]:
        """The module, where it lies beside odibi.yaml."""
        return (self.model.file,) if self.model.file else ()

    def judge(self, seen: Observation) -> Verdict:
        """Passed when the columns and types are the model's."""
        wanted = self.model.columns
        problems = [f"column '{name}' is missing" for name in wanted if name not in seen.schema]
        problems += [
            f"column '{name}' is {seen.schema[name]}, not {dtype}"
            for name, dtype in wanted.items()
            if name in seen.schema and dtype is not None and seen.schema[name] != dtype
        ]
        if self.model.strict:
            problems += [f"column '{name}' is not in it" for name in seen.schema.keys() - wanted]
        return Verdict(
            passed=not problems,
            description=listing(problems, separator="; ")
            or f"{len(wanted)} columns as {self.model.name} has them",
            expected=listing(f"{name} {dtype or ''}".rstrip() for name, dtype in wanted.items()),
            observed=listing(f"{name} {dtype}" for name, dtype in seen.schema.items()),
        )
