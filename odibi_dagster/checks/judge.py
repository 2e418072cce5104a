"""From what was seen to what is done about it: pure, and the same for every engine."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from odibi_dagster.checks.base import (
    Contract,
    Observation,
    OnFail,
    RowContract,
    Shape,
    Verdict,
)
from odibi_dagster.errors import shortened

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import narwhals.stable.v2 as nw

MAX_TEXT = 2_000
"""Characters of a text in the metadata of a check: each is a row in Dagster's database."""
Plain = str | int | float | bool
"""What the metadata of a check holds: numbers as numbers, so that the UI plots them."""


@dataclass(frozen=True)
class Judgement:
    """One contract, the verdict on it, and what follows from both."""

    contract: Contract
    verdict: Verdict
    total_rows: int = 0
    gated: bool = False
    """Whether a broken gate sets the broken rows of every rule aside."""

    @property
    def check_name(self) -> str:
        """The name of the asset check, without any prefix for inputs."""
        return self.contract.check_name

    @property
    def passed(self) -> bool:
        """Whether the promise was kept, within its threshold; never when it is an error."""
        return self.verdict.passed and not self.verdict.error

    @property
    def quarantines(self) -> bool:
        """Whether broken rows are to be set aside and the rest is published."""
        if not self.verdict.failed_rows or self.blocks:
            return False
        gated = self.gated and isinstance(self.contract, RowContract)
        return gated or (self.contract.on_fail is OnFail.QUARANTINE and not self.passed)

    @property
    def blocks(self) -> bool:
        """Whether nothing may be published.

        A contract with `on_fail: warn` never blocks, not even when it cannot be evaluated: it is
        then red and says so. Every other contract that cannot be evaluated does.
        """
        if self.passed or self.verdict.skipped or not self.contract.can_block:
            return False
        if self.verdict.error or self.contract.on_fail is not OnFail.QUARANTINE:
            return True
        broken = self.verdict.failed_rows or 0
        return isinstance(self.contract, RowContract) and not self.contract.tolerates(
            broken, self.total_rows
        )

    @property
    def halts(self) -> bool:
        """Whether no further node of the run may start."""
        return self.blocks and self.contract.on_fail is OnFail.HALT

    @property
    def severity(self) -> Literal["ERROR", "WARN"]:
        """ERROR for what blocks, or would if it were broken; WARN for the rest."""
        stops = self.contract.on_fail in (OnFail.FAIL, OnFail.HALT)
        return "ERROR" if stops or self.blocks else "WARN"

    @property
    def action(self) -> str:
        """`none`, `warned`, `quarantined`, `skipped`, or `nothing published` (and `run halted`)."""
        if self.blocks:
            return "nothing published" + ", run halted" * self.halts
        if self.verdict.skipped:
            return "skipped"
        if self.quarantines:
            return "quarantined"
        return "none" if self.passed else "warned"

    @property
    def description(self) -> str:
        """One sentence: what was found, and that it could not be evaluated if so."""
        prefix = "cannot be evaluated: " if self.verdict.error else ""
        return prefix + shortened(self.verdict.description, MAX_TEXT)

    def without_values(
        self, hidden: Collection[str], schema: Mapping[str, nw.dtypes.DType]
    ) -> Judgement:
        """The same, without what was seen of `hidden` columns; how many rows broke stays."""
        read = set(hidden).intersection(self.contract.reads(Shape(schema)))
        has_seen = not (self.verdict.error or self.verdict.skipped)
        if not read or self.contract.row_level or not has_seen:
            return self
        kept = "kept" if self.verdict.passed else "broken"
        names = ", ".join(f"'{name}'" for name in sorted(read))
        description = f"{kept}; what was seen of {names} is not shown (pii or sensitive)"
        verdict = replace(self.verdict, description=description, observed=None, extra={})
        return replace(self, verdict=verdict)

    def metadata(self) -> dict[str, Plain]:
        """Expected, observed, rows, threshold, action, and what the contract adds of its own."""
        found: dict[str, object] = {
            "expected": self.verdict.expected or None,
            "observed": self.verdict.observed,
            "total_rows": self.total_rows,
            "threshold": self._threshold(),
            "on_fail": self.contract.on_fail.value,
            "action": self.action,
            **self._failed(),
            **self.verdict.extra,
        }
        return {name: _plain(value) for name, value in found.items() if value is not None}

    def _failed(self) -> dict[str, object]:
        failed = self.verdict.failed_rows
        if failed is None:
            return {}
        share = 100.0 * failed / self.total_rows if self.total_rows else 0.0
        return {"failed_rows": failed, "failed_pct": round(share, 6)}

    def _threshold(self) -> str | None:
        if not isinstance(self.contract, RowContract):
            return None
        if self.contract.threshold is not None:
            return str(self.contract.threshold)
        return "any" if self.contract.on_fail is OnFail.QUARANTINE else "0 rows"


def judge(
    contracts: Sequence[Contract], observation: Observation, *, fail_fast: bool = False
) -> tuple[Judgement, ...]:
    """The judgement on each contract, in order; ValueError for one that was not observed.

    With `fail_fast` those after the first that blocks are skipped: they did not pass either.

    >>> judgements = judge(node.tests, observe(frame, node.tests, engine))  # doctest: +SKIP
    >>> any(judgement.blocks for judgement in judgements)  # doctest: +SKIP
    False
    """
    places = {id(contract): place for place, contract in enumerate(observation.contracts)}
    found: list[Judgement] = []
    failed: Judgement | None = None
    for contract in contracts:
        verdict = _skipped(failed) if failed else _verdict(contract, places, observation)
        judgement = Judgement(contract, verdict, observation.rows)
        failed = failed or (judgement if fail_fast and judgement.blocks else None)
        found.append(judgement)
    gated = any(each.quarantines and each.contract.sets_all_aside for each in found)
    return tuple(replace(each, gated=gated) for each in found)


def _skipped(failed: Judgement) -> Verdict:
    return Verdict(False, f"skipped, because '{failed.check_name}' failed first", skipped=True)


def remembered(
    observation: Observation, hidden: Collection[str] = ()
) -> dict[str, dict[str, float]]:
    """What each observed contract wants to be remembered of this batch, by check name.

    Only finite numbers; nothing of a contract that could not be measured, nor of one that would
    remember values of `hidden` columns and can do without.
    """
    shape = Shape(observation.schema)
    found = {
        contract.check_name: _finite(contract.remembers(observation.of(index)))
        for index, contract in enumerate(observation.contracts)
        if index not in observation.refused
        and not (contract.forgets_hidden and set(hidden).intersection(contract.reads(shape)))
    }
    return {name: numbers for name, numbers in found.items() if numbers}


def _finite(numbers: Mapping[str, float | None]) -> dict[str, float]:
    return {
        name: float(number)
        for name, number in numbers.items()
        if number is not None and math.isfinite(number)
    }


def _verdict(contract: Contract, places: Mapping[int, int], observation: Observation) -> Verdict:
    if (index := places.get(id(contract))) is None:
        # another object with the same words means the same
        index = observation.contracts.index(contract)
    if reason := observation.refused.get(index):
        return Verdict(False, reason, error=True)
    return contract.judge(observation.of(index))


def _plain(value: object) -> Plain:
    # a plot has no place for infinity, and JSON no word
    if isinstance(value, (int, float, bool)) and math.isfinite(value):
        return value
    return shortened(str(value), MAX_TEXT)
