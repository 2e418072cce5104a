"""The words of `validation.gate`, see `checks.gate`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import AliasChoices, Field, model_validator

from odibi_dagster.checks.base import OnFail
from odibi_dagster.core.model import OpenModel
from odibi_dagster.core.units import Ratio, Share

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

GateAction = Literal["abort", "warn_and_write", "write_valid_only"]
ACTIONS: Mapping[GateAction, OnFail] = {
    "abort": OnFail.FAIL,
    "warn_and_write": OnFail.WARN,
    "write_valid_only": OnFail.QUARANTINE,
}
"""What a broken gate does, in the words of contracts."""


class GateThreshold(OpenModel):
    """The share of rows that must pass one test, or each test of a type.

    ```yaml
    thresholds: [{test: not_null, min_pass_rate: 0.99}]
    ```
    """

    test: str
    min_pass_rate: Share


class GateRows(OpenModel):
    """How many rows the batch has, and how far from those of the last published run that had any.

    ```yaml
    row_count: {min: 100, change_threshold: 50%}
    ```
    """

    min: int | None = Field(None, ge=0)
    max: int | None = Field(None, ge=0)
    change_threshold: Ratio | None = None

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.min is not None and self.max is not None and self.min > self.max:
            msg = f"row_count: min {self.min} is above max {self.max}: nothing could pass"
            raise ValueError(msg)
        return self


class GateConfig(OpenModel):
    """What the batch as a whole must keep, and what is done where it does not.

    ```yaml
    gate:
      require_pass_rate: 0.95
      thresholds: [{test: not_null, min_pass_rate: 0.99}]
      row_count: {min: 100, change_threshold: 0.5}
      on_fail: abort
    ```
    """

    require_pass_rate: Share = Field(
        0.95, validation_alias=AliasChoices("require_pass_rate", "min_pass_rate")
    )
    thresholds: list[GateThreshold] = []
    row_count: GateRows = GateRows()
    on_fail: GateAction = "abort"

    @model_validator(mode="before")
    @classmethod
    def _one_spelling(cls, written: Any) -> Any:
        if isinstance(written, dict) and {"require_pass_rate", "min_pass_rate"} <= written.keys():
            msg = "require_pass_rate and min_pass_rate are the same; write one of them"
            raise ValueError(msg)
        return written
