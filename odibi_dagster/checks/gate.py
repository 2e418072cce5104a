"""`validation.gate`: one judgement on the whole batch, from all tests together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import narwhals.stable.v2 as nw

from odibi_dagster.checks.base import Contract, Observation, RowContract, Shape, Verdict
from odibi_dagster.checks.baseline import NONE, ROWS, Baseline, percent, rows_before, shown
from odibi_dagster.checks.gate_config import GateConfig
from odibi_dagster.checks.refusal import refusal
from odibi_dagster.core.history import Lookback

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from odibi_dagster.core.facts import Facts
    from odibi_dagster.core.frame import Frame
    from odibi_dagster.engines.base import Engine
    from odibi_dagster.engines.sql.query import Expression

_FLAG = "__odibi_gate_"


class Gate(Contract):
    """The share of rows that pass ALL row-level tests, and the number of rows.

    Judged is what the node is going to publish, before any row is set aside. A row passes that
    breaks none of the tests, whatever their `on_fail`, and nulls count as the tests say; every
    member of a group of duplicates is broken. An empty batch, and one without row-level tests, has
    a pass rate of 100 %. A test that cannot be evaluated makes the gate an error: then nothing is
    published, unless it is `warn_and_write`.

    `abort` publishes nothing. `warn_and_write` publishes all that would be published anyway.
    `write_valid_only` publishes the rows that pass all tests and sets the others aside. A change of
    rows is measured against the last published run that had rows; without one it passes and says
    `baseline: none`.
    """

    kind = "gate"
    row_level: ClassVar[bool] = True
    """It may set rows aside."""
    sets_all_aside: ClassVar[bool] = True

    config: GateConfig
    rules: tuple[RowContract, ...]

    def beside(self) -> tuple[Contract, ...]:
        """Its tests."""
        return self.rules

    @property
    def required(self) -> Iterator[tuple[RowContract, float]]:
        """Each test that has a threshold of its own, and that."""
        for threshold in self.config.thresholds:
            for rule in self.rules:
                if is_meant(threshold.test, rule):
                    yield rule, threshold.min_pass_rate

    def reads(self, shape: Shape) -> tuple[str, ...]:
        """What all the tests read; of one alone its own result is enough."""
        rules = self.rules if len(self.rules) > 1 else ()
        return tuple(dict.fromkeys(name for rule in rules for name in rule.reads(shape)))

    def unfit(self, shape: Shape) -> str | None:
        """Why one of the tests cannot be evaluated, if so."""
        for rule in self.rules:
            if reason := refusal(rule, shape):
                return f"test '{rule.check_name}' cannot be evaluated: {reason}"
        return None

    def conditions(self) -> Mapping[str, Expression]:
        """Those of the tests."""
        found: dict[str, Expression] = {}
        for rule in self.rules:
            found.update(rule.conditions())
        return found

    def metrics(self, shape: Shape) -> Mapping[str, nw.Expr]:
        """The rows that break any of the tests, where each row tells by itself."""
        if len(self.rules) < 2 or not self._tell(shape):
            return {}
        flags = [rule.broken(shape) for rule in self.rules]
        return {"broken": _any(*flags).cast(nw.Int64).sum()}

    def known(self, shape: Shape, facts: Facts) -> Mapping[str, Any]:
        """The same, where it is known that at most one of the tests has broken rows."""
        counts = [rule.known(shape, facts).get("broken") for rule in self.rules]
        broken = [count for count in counts if count]
        exact = len(self.rules) > 1 and None not in counts and len(broken) < 2
        return {"broken": sum(broken)} if exact and self._tell(shape) else {}

    def tables(self, frame: Frame, engine: Engine, shape: Shape) -> Mapping[str, Frame]:
        """The same, where a test looks at several rows or at another table."""
        if len(self.rules) < 2 or self._tell(shape):
            return {}
        for rule in self.rules:
            frame = rule.marked(frame, engine, shape)
        flags = {f"{_FLAG}{place}": rule.broken(shape) for place, rule in enumerate(self.rules)}
        flagged = frame.with_columns(**flags)
        return {"broken": flagged.filter(_any(*map(nw.col, flags))).select(nw.len())}

    def _tell(self, shape: Shape) -> bool:
        return all(rule.counts(shape) for rule in self.rules)

    @property
    def lookback(self) -> Lookback | None:
        """The last run, where a change of rows is limited."""
        return None if self.config.row_count.change_threshold is None else Lookback(1)

    def remembers(self, seen: Observation) -> Mapping[str, float | None]:
        """The rows that were judged."""
        return {ROWS: float(seen.rows)} if self.lookback else {}

    def judge(self, seen: Observation) -> Verdict:
        """Passed when every share and every number of rows is kept; else it lists which is not."""
        if unknown := [rule.check_name for rule in self.rules if seen.is_refused(rule)]:
            text = f"test '{unknown[0]}' cannot be evaluated"
            return Verdict(False, text, self._expected, error=True, extra=self._extra)
        broken = self._broken(seen)
        rate = (seen.rows - broken) / seen.rows if seen.rows else 1.0
        before = _last_with_rows(seen) if self.lookback else None
        problems = [*self._rates(seen, rate), *self._counts(seen, before)]
        judged = f"{percent(rate)} of {seen.rows:,} row{'s' * (seen.rows != 1)} pass all tests"
        none = "" if self.rules else " (no test judges rows)"
        return Verdict(
            passed=not problems,
            description="; ".join([judged + none, *problems]),
            expected=self._expected,
            observed=rate,
            failed_rows=broken,
            extra=self._extra | self._compared(before),
        )

    def _broken(self, seen: Observation) -> int:
        if len(self.rules) > 1:
            return int(seen.metrics["broken"] or 0)
        return sum(seen.broken(rule) for rule in self.rules)

    def _rates(self, seen: Observation, rate: float) -> Iterator[str]:
        if rate < self.config.require_pass_rate:
            yield f"expected {percent(self.config.require_pass_rate)}"
        for rule, least in self.required:
            passing = 1.0 if not seen.rows else (seen.rows - seen.broken(rule)) / seen.rows
            if passing < least:
                yield (f"{percent(passing)} pass '{rule.check_name}', expected {percent(least)}")

    def _counts(self, seen: Observation, before: Baseline | None) -> Iterator[str]:
        wanted = self.config.row_count
        if wanted.min is not None and seen.rows < wanted.min:
            yield f"expected at least {wanted.min:,} rows"
        if wanted.max is not None and seen.rows > wanted.max:
            yield f"expected at most {wanted.max:,} rows"
        if wanted.change_threshold is None or before is None or not before.value:
            return
        change = (seen.rows - before.value) / before.value
        if abs(change) > wanted.change_threshold:
            allowed = percent(wanted.change_threshold)
            yield (
                f"{change:+.4%} rows from {shown(before.value)} ({before}), expected a change of "
                f"at most {allowed}"
            )

    @property
    def _expected(self) -> str:
        return f"{percent(self.config.require_pass_rate)} of the rows pass all tests"

    @property
    def _extra(self) -> dict[str, Any]:
        return {"on_fail": self.config.on_fail}

    def _compared(self, before: Baseline | None) -> dict[str, Any]:
        if self.lookback is None:
            return {}
        if before is None:
            return {"baseline": NONE}
        return {"baseline": before.value, "baseline_of": str(before)}


def is_meant(test: str, rule: Contract) -> bool:
    """Whether a threshold names this test: by its name, that of its check, or its type."""
    return test in (rule.name, rule.check_name, rule.kind)


def _last_with_rows(seen: Observation) -> Baseline | None:
    """From no rows no change has a measure: the run before is compared with."""
    return rows_before([past for past in seen.history if past.metrics.get(ROWS, past.rows)], 1)


def _any(*flags: nw.Expr) -> nw.Expr:
    return nw.any_horizontal(*flags, ignore_nulls=False)
