"""`distribution`: one number of a column, against what was published before or a bound."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from odibi_dagster.checks.base import (
    Action,
    Contract,
    Observation,
    OnFail,
    Shape,
    Verdict,
    contracts,
)
from odibi_dagster.checks.baseline import NONE, Baseline, shown
from odibi_dagster.checks.limits import Bound, Change, Limit
from odibi_dagster.checks.measures import Measure
from odibi_dagster.checks.psi import Psi
from odibi_dagster.core.history import Lookback
from odibi_dagster.core.names import ColumnName

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    import narwhals.stable.v2 as nw

    from odibi_dagster.core.facts import Facts
    from odibi_dagster.core.frame import Frame
    from odibi_dagster.engines.base import Engine

_MOST = 50
_VALUES = ("min", "max", "quantile", "psi")
"""Metrics whose number is the value of a row, or whose histogram has such values for edges."""
"""So many batches are kept however old they are."""
_STABLE = Bound("<", 0.2)


def _compared(value: Any) -> str:
    text = str(value)
    if 1 <= _batches(text) <= _MOST:
        return text
    msg = f"compare must be last, or avg:7 with at most {_MOST} batches; found {value!r}"
    raise ValueError(msg)


def _batches(compare: str) -> int:
    """How many batches `last` or `avg:7` means; 0 where it is neither."""
    match = re.fullmatch(r"last|avg:(\d{1,3})", compare, re.ASCII)
    return int(match[1] or 1) if match else 0


@contracts.register("distribution")
class Distribution(Contract):
    """A number of a column stays near that of the last published run, or on its side of a bound.

    `metric` is `mean`, `std` (of a sample), `min`, `max`, `sum` or `quantile` (`quantile: 0.95`,
    interpolated; memory holds the column) of a column of numbers; `null_percentage` (a share such
    as 0.05) or `n_unique` (exact, null left out; memory holds the distinct values) of any; or
    `psi`. `threshold: "10%"` compares with the last published run, and with `compare: avg:7` with
    the mean of the last 7, as far as there are so many; `">100"`, `">=100"`, `"<0.05"` and
    `"<=0.05"` compare with the number. It warns, unless `on_fail` says more.

    Nulls are left out. A column without any value (all null, or an empty frame) has no number: that
    is broken wherever there is something to compare with; of an empty frame `null_percentage` and
    `n_unique` are 0. NaN is broken: then no number means anything. Text, dates and timestamps
    cannot be evaluated, but by `null_percentage` and `n_unique`. Of a baseline of 0 only 0 is
    within any percentage. Without a baseline (a first run) a percentage passes and says
    `baseline: none`; a run that had no number is no baseline, the one before it is. An increment is
    compared with increments, a whole load with whole loads.

    `psi` is the population stability index of numbers, text or booleans against the last published
    run, by default `"<0.2"`: the sum of `(a - e) * ln(a / e)` over the bins, a and e being the
    shares of a bin now and then (N. Siddiqi, Credit Risk Scorecards, 2006). Numbers are binned by
    the deciles of that run; of text its 20 most frequent values are bins (found among the 1,000
    most frequent of this run), all others one more. Null is a bin of its own, and so is NaN. A
    share of less than 0.0001, as of an empty bin, counts as 0.0001. Of an empty frame it is broken.
    Where text has become numbers, or the other way around, there is no baseline: `schema` says so.

    ```yaml
    - type: distribution
      column: dep_delay
      metric: mean
      threshold: 10%
      compare: avg:7
    ```
    """

    on_fail: Action = OnFail.WARN
    column: ColumnName
    """The column that is measured."""
    metric: Literal[
        "mean", "std", "min", "max", "sum", "null_percentage", "n_unique", "quantile", "psi"
    ]
    """Which number: `mean`, `std`, `min`, `max`, `sum`, `null_percentage`, `n_unique`, `quantile`
    or `psi`."""
    threshold: Limit
    """How far from the baseline, such as `10%`, or a bound such as `>100`; of `psi` by default
    `<0.2`."""
    compare: Annotated[str, BeforeValidator(_compared)] = "last"
    """`last`, or the mean of the last published runs: `avg:7`, at most `avg:50`."""
    quantile: float | None = Field(None, gt=0, lt=1)
    """Which quantile, between 0 and 1."""

    @model_validator(mode="before")
    @classmethod
    def _stable(cls, written: Any) -> Any:
        is_psi = isinstance(written, dict) and written.get("metric") == "psi"
        return {"threshold": _STABLE, **written} if is_psi else written

    @model_validator(mode="after")
    def _one_meaning(self) -> Self:
        if (self.metric == "quantile") is (self.quantile is None):
            msg = "metric: quantile needs quantile: 0.95 beside it, and no other metric does"
            raise ValueError(msg)
        if self.metric == "psi" and isinstance(self.threshold, Change):
            msg = "psi is compared with a bound; write threshold: '<0.2'"
            raise ValueError(msg)
        if "compare" in self.model_fields_set and isinstance(self.threshold, Bound):
            msg = f"compare has no meaning with the bound '{self.threshold}'; leave it out"
            raise ValueError(msg)
        return self

    @property
    def _measure(self) -> Measure | Psi:
        if self.metric == "psi":
            return Psi(self.column, self.check_name)
        return Measure(self.column, self.metric, self.quantile)

    def columns(self) -> tuple[str, ...]:
        """The column that is measured."""
        return (self.column,)

    def unfit(self, shape: Shape) -> str | None:
        """Says so when the column's type has no such number."""
        return self._measure.unfit(shape.schema[self.column])

    def metrics(self, shape: Shape) -> Mapping[str, nw.Expr]:
        """What the number is made of."""
        return self._measure.metrics(shape)

    def known(self, shape: Shape, facts: Facts) -> Mapping[str, Any]:
        """Nulls, and the bounds of whole and decimal numbers, where they are known."""
        return self._measure.known(shape, facts)

    def tables(self, frame: Frame, engine: Engine, shape: Shape) -> Mapping[str, Frame]:
        """The histogram of a stability index."""
        measure = self._measure
        return measure.tables(frame, engine, shape) if isinstance(measure, Psi) else {}

    @property
    def lookback(self) -> Lookback | None:
        """The runs to compare with, where something is."""
        compares = self.metric == "psi" or isinstance(self.threshold, Change)
        return Lookback(_batches(self.compare)) if compares else None

    def keeps(self) -> tuple[str, ...]:
        """The column, where its number is the value of a row, or a histogram is made of values."""
        return (self.column,) if self.metric in _VALUES else ()

    def remembers(self, seen: Observation) -> Mapping[str, float | None]:
        """The number, or the histogram of a stability index."""
        return self._measure.remembers(seen)

    def judge(self, seen: Observation) -> Verdict:
        """Passed when the number is near its baseline, or on its side of the bound."""
        found = self._measure.baseline(seen, _batches(self.compare)) if self.lookback else None
        number = self._measure.number(seen)
        passed, text = self._judged(number, found)
        observed = None if number is None or math.isnan(number) else number
        return Verdict(passed, text, self._expected, observed, extra=self._extra(found))

    def _judged(self, number: float | None, found: Baseline | None) -> tuple[bool, str]:
        said = _said(self._measure, number)
        if number is not None and math.isnan(number):
            return False, f"{said}; expected {self._expected}"
        if self.lookback and found is None:
            is_of_two = isinstance(self._measure, Psi)
            said = f"{self._measure} needs an earlier run" if is_of_two else said
            return True, f"{said}; baseline: none"
        if number is None:
            return False, f"{said}; expected {self._expected}"
        return self._holds(
            number, found
        ), f"{said}{_moved(number, found)}; expected {self._expected}"

    def _holds(self, number: float, found: Baseline | None) -> bool:
        if isinstance(self.threshold, Bound):
            return self.threshold.holds(number)
        was = found.value if found else None
        return was is not None and self.threshold.holds(number, was)

    @property
    def _expected(self) -> str:
        """Without the baseline: it may be of a column whose values are not shown."""
        if isinstance(self.threshold, Bound):
            return str(self.threshold)
        last = _batches(self.compare)
        runs = "the last published run" if last == 1 else f"the average of the last {last} runs"
        return f"within {self.threshold} of {runs}"

    def _extra(self, found: Baseline | None) -> Mapping[str, Any]:
        if self.lookback is None:
            return {}
        if found is None:
            return {"baseline": NONE}
        return {"baseline": found.value, "baseline_of": str(found)}


def _said(measure: Measure | Psi, number: float | None) -> str:
    if number is None:
        return f"{measure} is nothing: it holds no value"
    if math.isnan(number):
        return f"{measure} is no number: it holds NaN"
    return f"{measure} is {shown(number)}"


def _moved(number: float, found: Baseline | None) -> str:
    """How far it is from its baseline, and which that is."""
    if found is None:
        return ""
    if found.value is None:
        return f" against {found}"
    if found.value == 0:
        return f" and was 0 ({found})"
    change = (number - found.value) / abs(found.value)
    return f", {change:+.2%} from {shown(found.value)} ({found})"
