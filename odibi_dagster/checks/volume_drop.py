"""`volume_drop`: this batch is not much smaller than those of the last days."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from odibi_dagster.checks.base import Contract, Observation, Verdict, contracts
from odibi_dagster.checks.baseline import NONE, ROWS, percent, rows_before, shown
from odibi_dagster.core.history import Lookback
from odibi_dagster.core.units import Share

if TYPE_CHECKING:
    from collections.abc import Mapping


@contracts.register("volume_drop")
class VolumeDrop(Contract):
    """This batch has not lost more than a share of the rows that batches had in the last days.

    `threshold` is the greatest drop allowed, 0.5 or `50%` by default, from the mean number of rows
    of the batches that were published in the last `lookback_days` (7; of more than 1,000 the
    newest). Nulls do not matter: every row counts. More rows than before are no drop, and from a
    mean of 0 nothing can drop. An empty batch has dropped by all. Without a batch to compare with
    (a first run, or none published in that time) it passes and says `baseline: none`. An increment
    is compared with increments, a whole load with whole loads.

    ```yaml
    - type: volume_drop
      threshold: 50%
      lookback_days: 7
    ```
    """

    threshold: Share = 0.5
    """The greatest drop allowed: `0.5` or `50%`."""
    lookback_days: int = Field(7, ge=1, le=400)
    """Batches of so many days are compared with, at most 400."""

    @property
    def lookback(self) -> Lookback:
        """Every batch of these days."""
        return Lookback(days=self.lookback_days)

    def remembers(self, seen: Observation) -> Mapping[str, float | None]:
        """The rows that were judged: more than were published where some were set aside."""
        return {ROWS: float(seen.rows)}

    def judge(self, seen: Observation) -> Verdict:
        """Passed when the drop is within the threshold."""
        expected = f"a drop of at most {percent(self.threshold)}"
        rows = f"{seen.rows:,} row{'s' * (seen.rows != 1)}"
        found = rows_before(seen.history)
        if found is None or found.value is None:
            text = f"{rows}; baseline: none"
            return Verdict(True, text, expected, seen.rows, extra={"baseline": NONE})
        drop = max(1 - seen.rows / found.value, 0.0) if found.value else 0.0
        less = f"{percent(drop)} less than {shown(found.value)} ({found})"
        return Verdict(
            passed=drop <= self.threshold,
            description=f"{rows}, {less}; expected {expected}",
            expected=expected,
            observed=seen.rows,
            extra={"baseline": found.value, "baseline_of": str(found), "drop": round(drop, 6)},
        )
