"""What a contract is: it says what to measure, then judges what was seen."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from itertools import accumulate
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import narwhals.stable.v2 as nw
from pydantic import BeforeValidator, PrivateAttr, model_validator

from odibi_dagster.checks.tables import Tables
from odibi_dagster.core.model import OpenModel
from odibi_dagster.core.names import MAX_NAME, slug
from odibi_dagster.core.registry import Registry
from odibi_dagster.core.units import Tolerance

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Self

    from odibi_dagster.core.facts import Facts
    from odibi_dagster.core.frame import Frame
    from odibi_dagster.core.history import Lookback, Past
    from odibi_dagster.engines.base import Engine
    from odibi_dagster.engines.sql.query import Expression


class OnFail(StrEnum):
    """What a broken contract does."""

    FAIL = "fail"
    WARN = "warn"
    QUARANTINE = "quarantine"
    HALT = "halt"


def _action(value: Any) -> Any:
    names = [action.value for action in OnFail]
    if isinstance(value, OnFail) or value in names:
        return value
    msg = f"on_fail must be one of {', '.join(names)}; found {value!r}"
    raise ValueError(msg)


Action = Annotated[OnFail, BeforeValidator(_action)]


@dataclass(frozen=True)
class Column:
    """A declared or stored column: its type (None: not said) and whether it may be null."""

    dtype: nw.dtypes.DType | None = None
    nullable: bool = True


@dataclass(frozen=True)
class Shape:
    """What is known of a frame before it is measured: its schema, and what was declared of it."""

    schema: Mapping[str, nw.dtypes.DType]
    declared: Mapping[str, Column] = field(default_factory=dict)
    tables: Tables = field(default_factory=Tables)
    """The other tables that its contracts look at."""
    history: Mapping[str, tuple[Past, ...]] = field(default_factory=dict)
    """The last published batches, the newest first, by check name."""


@dataclass(frozen=True)
class Observation:
    """What one run saw: enough to judge every contract without touching the data again."""

    metrics: Mapping[str, Any]
    schema: Mapping[str, nw.dtypes.DType]
    at: datetime
    declared: Mapping[str, Column] = field(default_factory=dict)
    stored: Mapping[str, nw.dtypes.DType] | None = None
    """The schema of the target as published before; None on the first run, or not looked up."""
    newest_file: datetime | None = None
    """When the newest file of the main input was written; None where none is, or not asked."""
    timezone: str = "UTC"
    """The zone of timestamps that carry none."""
    contracts: tuple[Contract, ...] = ()
    """The contracts that were observed, in order."""
    refused: Mapping[int, str] = field(default_factory=dict)
    """Why a contract (by its place in `contracts`) could not be measured."""
    histories: Mapping[str, tuple[Past, ...]] = field(default_factory=dict)
    """What each check remembers, by its name."""
    history: tuple[Past, ...] = ()
    """The last published batches, the newest first, with what the one contract remembers of them:
    none on a first run, and none for a contract that asks for none."""

    whole: Observation | None = None
    """Of all contracts, where this one is of one of them."""

    @property
    def rows(self) -> int:
        """How many rows were judged."""
        return int(self.metrics["rows"])

    def is_refused(self, contract: Contract) -> bool:
        """Whether a contract that was observed beside this one could not be measured."""
        return self.contracts.index(contract) in self.refused

    def broken(self, contract: Contract) -> int:
        """The rows that break a contract that was observed beside this one."""
        whole = self.whole or self
        return contract.judge(whole.of(self.contracts.index(contract))).failed_rows or 0

    def of(self, index: int) -> Observation:
        """The same observation with only the metrics of one contract, under its own names."""
        prefix = metric_name(index, "")
        own = {
            name.removeprefix(prefix): value
            for name, value in self.metrics.items()
            if name.startswith(prefix)
        }
        history = self.histories.get(self.contracts[index].check_name, ())
        metrics = {**own, "rows": self.metrics["rows"]}
        return replace(self, metrics=metrics, history=history, whole=self)


def metric_name(index: int, name: str) -> str:
    """The name of a metric among those of all contracts of a frame."""
    return f"c{index}_{name}"


@dataclass(frozen=True)
class Verdict:
    """The judgement on one contract: numbers as numbers, so that the UI plots them.

    `error` says that the contract could not be evaluated, `skipped` that it was not, because
    another one had failed: neither is ever a pass.
    """

    passed: bool
    description: str
    expected: str = ""
    observed: Any = None
    failed_rows: int | None = None
    error: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)
    skipped: bool = False


class Contract(OpenModel, ABC):
    """A promise about a frame as a whole."""

    kind: ClassVar[str]
    row_level: ClassVar[bool] = False
    looks_up: ClassVar[frozenset[str]] = frozenset()
    """What else it wants to see, `stored`, `standing` or `newest_file`: looked up where a contract
    says so."""

    forgets_hidden: ClassVar[bool] = False
    """Whether it remembers values of a row, and does without where they are pii or sensitive."""

    sets_all_aside: ClassVar[bool] = False
    """Whether under `on_fail: quarantine` the rows that break any other rule are set aside too."""

    name: str | None = None
    on_fail: Action = OnFail.FAIL
    _only_warns: bool = PrivateAttr(False)

    @model_validator(mode="after")
    def _quarantine_needs_rows(self) -> Self:
        if self.on_fail is OnFail.QUARANTINE and not self.row_level:
            msg = (
                f"on_fail: quarantine needs a rule about rows, and '{self.kind}' judges the "
                "frame as a whole; write fail or warn"
            )
            raise ValueError(msg)
        return self

    def parts(self) -> Iterator[Contract]:
        """The contracts that it stands for: itself, unless it bundles several."""
        yield self

    def beside(self) -> tuple[Contract, ...]:
        """The contracts whose measures it judges: they are observed with it."""
        return ()

    def files(self) -> tuple[Path, ...]:
        """Files that say what it promises: where one changes, so does the node's code version."""
        return ()

    @property
    def check_name(self) -> str:
        """The name of the asset check: a slug of `name`, else `<type>_<columns>`.

        At most 128 characters: of many columns the first, and how many more there are.
        """
        return slug(self.name or "_".join([self.kind, *_some(self.columns())]))[:MAX_NAME]

    @property
    def can_block(self) -> bool:
        """Whether it can ever stop the publishing: every action but `warn`, unless softened."""
        return self.on_fail is not OnFail.WARN and not self._only_warns

    def softened(self) -> Self:
        """The same under `validation.mode: warn`: it warns or sets rows aside, never blocks."""
        stops = self.on_fail in (OnFail.FAIL, OnFail.HALT)
        soft = self.model_copy(update={"on_fail": OnFail.WARN} if stops else {})
        soft._only_warns = True
        return soft

    def columns(self) -> tuple[str, ...]:
        """The columns it names; one that is missing makes the contract broken, never passed."""
        return ()

    def missing(self, shape: Shape) -> tuple[str, ...]:
        """The columns it names that such a frame does not have."""
        return tuple(name for name in self.columns() if name not in shape.schema)

    def reads(self, shape: Shape) -> tuple[str, ...]:
        """The columns it measures on a frame of this shape: by default those that it names."""
        return self.columns()

    def unfit(self, shape: Shape) -> str | None:
        """Why it cannot be evaluated on such a frame (a type that does not fit); None if it can."""
        return None

    def needs(self) -> Mapping[str, Any]:
        """The other tables it reads, by a name of its own: each as the file names an input.

        The plan hands them over in `shape.tables`.
        """
        return {}

    def compares(self) -> tuple[str, ...]:
        """The columns of the node's own table that it looks at, where it looks there."""
        return ()

    def hangs_on_published(self, shape: Shape) -> bool:
        """Whether a row keeps it or not by which other rows of the frame are published."""
        return False

    def conditions(self) -> Mapping[str, Expression]:
        """SQL conditions to add to the frame as boolean columns of these names before measuring."""
        return {}

    def metrics(self, shape: Shape) -> Mapping[str, nw.Expr]:
        """Aggregates it needs, by a name of its own; all contracts of a frame share one pass."""
        return {}

    def counts(self, shape: Shape) -> Mapping[str, nw.Expr]:
        """Those of its metrics that count rows, by what is true of these rows and never null."""
        return {}

    def known(self, shape: Shape, facts: Facts) -> Mapping[str, Any]:
        """The metrics, by name, that need not be measured: exactly what measuring would give."""
        return {}

    def tables(self, frame: Frame, engine: Engine, shape: Shape) -> Mapping[str, Frame]:
        """Metrics that need a grouping of their own: lazy frames of one row.

        Of a frame with several columns each is a metric: the frame's name, `_`, the column's.
        """
        return {}

    @property
    def lookback(self) -> Lookback | None:
        """How many published batches it compares with; None where it needs no history."""
        return None

    def keeps(self) -> tuple[str, ...]:
        """The columns of which what it remembers holds single values, and must: none is hidden."""
        return ()

    def remembers(self, seen: Observation) -> Mapping[str, float | None]:
        """Its numbers that later batches compare with, by a name of at most 64 characters.

        They become a baseline when this batch is published, and never otherwise. A number that is
        None, NaN or infinite is not remembered.
        """
        return {}

    @abstractmethod
    def judge(self, seen: Observation) -> Verdict:
        """Pure: the verdict on what was seen. `seen.metrics` holds this contract's own names."""


class RowContract(Contract):
    """A promise about each single row, so that broken rows can be told apart.

    Without a `threshold` no broken row is tolerated, except under `on_fail: quarantine`: there any
    number of rows may be set aside, and a threshold is the number above which nothing is published.
    """

    row_level: ClassVar[bool] = True
    threshold: Tolerance | None = None

    @property
    def promise(self) -> str:
        """What every row promises, in a few words."""
        return self.kind

    @abstractmethod
    def valid(self, shape: Shape) -> nw.Expr:
        """True where a row keeps the promise; null counts as kept."""

    def marked(self, frame: Frame, engine: Engine, shape: Shape) -> Frame:
        """The frame with the columns that `valid` names and it lacks, which other rows tell."""
        return frame

    def around(self, frame: Frame, engine: Engine, shape: Shape, limit: int) -> Frame:
        """At least `limit` broken rows, if there are so many, among as few others as possible.

        With each of them all rows that make it one. By default the frame as it is.
        """
        return frame

    def broken(self, shape: Shape) -> nw.Expr:
        """True where a row breaks the promise, and never null."""
        return ~self.valid(shape).fill_null(True)

    def counts(self, shape: Shape) -> Mapping[str, nw.Expr]:
        """The rows that break it."""
        return {"broken": self.broken(shape)}

    def metrics(self, shape: Shape) -> Mapping[str, nw.Expr]:
        """How many rows break it."""
        return {name: one.cast(nw.Int64).sum() for name, one in self.counts(shape).items()}

    def tolerates(self, broken: int, rows: int) -> bool:
        """Whether so many broken rows are within the threshold."""
        if self.threshold is None:
            return broken == 0 or self.on_fail is OnFail.QUARANTINE
        return self.threshold.allows(broken, rows)

    def detail(self, seen: Observation) -> str:
        """What else to say about the broken rows."""
        return ""

    def judge(self, seen: Observation) -> Verdict:
        """Passed when the broken rows are within the threshold; a quarantined row never passes."""
        broken = int(seen.metrics["broken"] or 0)
        kept = broken == 0 or (
            self.on_fail is not OnFail.QUARANTINE and self.tolerates(broken, seen.rows)
        )
        one = seen.rows == 1
        rows = f"{seen.rows:,} row{'' if one else 's'}"
        text = f"{broken:,} of {rows} broken: {self.promise}"
        text = text if broken else f"{rows} keep{'s' if one else ''} it"
        detail = self.detail(seen) if broken else ""
        return Verdict(
            passed=kept,
            description=f"{text} ({detail})" if detail else text,
            expected=self.promise,
            observed=broken,
            failed_rows=broken,
        )


def _some(names: tuple[str, ...], limit: int = 96) -> tuple[str, ...]:
    """As many names as fit into `limit` characters, but one, and how many more there are."""
    lengths = accumulate(len(name) + 1 for name in names)
    shown = max(sum(length <= limit for length in lengths), 1)
    return names if shown >= len(names) else (*names[:shown], f"and_{len(names) - shown}_more")


contracts: Registry[Contract] = Registry("test", "odibi_dagster.checks")
