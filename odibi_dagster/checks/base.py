"""What a contract is: it says what to measure, then judges what was seen."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar

import narwhals.stable.v2 as nw
from pydantic import BaseModel

from odibi_dagster.core.model import OpenModel
from odibi_dagster.core.names import slug
from odibi_dagster.core.registry import Registry
from odibi_dagster.core.units import Threshold, Tolerance

if TYPE_CHECKING:
    from odibi_dagster.core.frame import Frame
    from odibi_dagster.engines.sql.query import Expression


class OnFail(str, Enum):
    """What a broken contract does."""

    FAIL = "fail"
    WARN = "warn"
    QUARANTINE = "quarantine"
    HALT = "halt"


@dataclass(frozen=True)
class Column:
    """A declared or stored column: its narwhals type (None: not said) and whether it may be null."""

    dtype: nw.dtypes.DType | None = None
    nullable: bool = True


@dataclass(frozen=True)
class Observation:
    """What one run saw: enough to judge every contract without touching the data again."""

    metrics: Mapping[str, Any]
    schema: Mapping[str, nw.dtypes.DType]
    at: datetime
    declared: Mapping[str, Column] = field(default_factory=dict)
    stored: Mapping[str, nw.dtypes.DType] | None = None
    """The schema of the target as published before; None on the first run."""
    newest_file: datetime | None = None

    @property
    def rows(self) -> int:
        """How many rows were judged."""
        return int(self.metrics["rows"])


@dataclass(frozen=True)
class Verdict:
    """The judgement on one contract: numbers as numbers, so that the UI plots them.

    `error` says that the contract could not be evaluated: that is never a pass.
    """

    passed: bool
    description: str
    expected: str = ""
    observed: Any = None
    failed_rows: int | None = None
    error: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)


class Contract(OpenModel, ABC):
    """A promise about a frame as a whole."""

    kind: ClassVar[str]
    row_level: ClassVar[bool] = False

    name: str | None = None
    on_fail: OnFail = OnFail.FAIL

    @property
    def check_name(self) -> str:
        """The name of the asset check: a slug of `name`, else `<type>_<columns>`."""
        return slug(self.name or "_".join([self.kind, *self.columns()]))

    def columns(self) -> tuple[str, ...]:
        """The columns it reads; one that is missing makes the contract broken, never passed."""
        return ()

    def conditions(self) -> Mapping[str, Expression]:
        """SQL conditions to add to the frame as boolean columns of these names before measuring."""
        return {}

    def metrics(self) -> Mapping[str, nw.Expr]:
        """Aggregates it needs, by a name of its own; all contracts of a frame share one pass."""
        return {}

    def tables(self, frame: Frame) -> Mapping[str, Frame]:
        """Metrics that need a grouping of their own: one-row, one-column lazy frames."""
        return {}

    @abstractmethod
    def judge(self, seen: Observation) -> Verdict:
        """Pure: the verdict on what was seen. `seen.metrics` holds this contract's own names."""


class RowContract(Contract):
    """A promise about each single row, so that broken rows can be told apart."""

    row_level: ClassVar[bool] = True
    threshold: Tolerance = Threshold(share=0.0)

    @abstractmethod
    def valid(self) -> nw.Expr:
        """True where a row keeps the promise; null counts as kept."""


contracts: Registry[Contract] = Registry("test", "odibi_dagster.checks")

_ = BaseModel
