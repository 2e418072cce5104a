"""The judgement on one frame of a node's run: its input, its batch, or its stored table."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from odibi_dagster.checks.judge import judge, remembered
from odibi_dagster.checks.observe import observe
from odibi_dagster.checks.tables import Tables
from odibi_dagster.config.project import External, Upstream
from odibi_dagster.plan.partitions import stored_partitions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    import narwhals.stable.v2 as nw

    from odibi_dagster.checks.base import Contract
    from odibi_dagster.checks.judge import Judgement
    from odibi_dagster.config.project import Node
    from odibi_dagster.core.facts import Facts
    from odibi_dagster.core.frame import Frame
    from odibi_dagster.core.history import Lookback, Past
    from odibi_dagster.plan.planner import Planner

    Pasts = Mapping[str, tuple[Past, ...]]


@dataclass(frozen=True)
class Judged:
    """The judgements on one frame, and the frame, from which broken rows can be shown."""

    judgements: tuple[Judgement, ...]
    frame: Frame | None
    prefix: str = ""
    """What the names of these checks begin with."""
    tables: Tables = field(default_factory=Tables)
    """The other tables that it was judged against."""

    @property
    def blocks(self) -> bool:
        """Whether anything here forbids publishing."""
        return any(judgement.blocks for judgement in self.judgements)

    @property
    def quarantines(self) -> bool:
        """Whether broken rows are to be split off."""
        return any(judgement.quarantines for judgement in self.judgements)

    @property
    def may_quarantine(self) -> bool:
        """Whether they could be, had any broken."""
        return any(judgement.contract.on_fail == "quarantine" for judgement in self.judgements)


@dataclass
class Judging:
    """Judges the frames of one run of a node, and notes what its checks want to be remembered."""

    node: Node
    planner: Planner
    at: datetime
    past: Callable[[Mapping[str, Lookback]], Pasts]
    """Asks the state for the last published batches; not called where no contract compares."""
    seen: dict[str, dict[str, float]] = field(default_factory=dict)
    """By the name of the check and of its number."""

    def __call__(
        self,
        frame: Frame,
        contracts: Sequence[Contract],
        tables: Tables,
        *,
        stored: Mapping[str, nw.dtypes.DType] | None = None,
        facts: Facts | None = None,
        prefix: str = "",
    ) -> Judged:
        """One aggregate over the frame, reading only the columns that the contracts need."""
        seen = observe(
            frame,
            contracts,
            self.planner.engine,
            declared=self.node.declared,
            stored=stored,
            newest_file=self._newest_file() if looks_up(contracts, "newest_file") else None,
            timezone=self.planner.project.config.dagster.timezone,
            at=self.at,
            facts=facts,
            tables=tables,
            history=self._history_of(prefix),
        )
        # it is a word of `validation`: contracts on the input are judged to the last
        fast = self.node.fails_fast and not prefix
        hidden = self.node.hidden(seen.schema, raw=bool(prefix))
        kept = remembered(seen, hidden)
        self.seen |= {prefix + name: numbers for name, numbers in kept.items()}
        found = judge(contracts, seen, fail_fast=fast)
        judgements = tuple(each.without_values(hidden, seen.schema) for each in found)
        return Judged(judgements, frame, prefix, tables)

    @functools.cached_property
    def _history(self) -> Pasts:
        """What all checks of the node compare with, by the names of the checks."""
        wanted = {name: each.lookback for name, each in self.node.checks.items() if each.lookback}
        return self.past(wanted)

    def _history_of(self, prefix: str) -> Pasts:
        """The part of one frame's contracts. How many rows the input had, no batch says."""
        if not prefix:
            return self._history
        return {
            name.removeprefix(prefix): tuple(replace(past, rows=None) for past in pasts)
            for name, pasts in self._history.items()
            if name.startswith(prefix)
        }

    def _newest_file(self) -> datetime | None:
        """When the newest file of the main input was written."""
        source = self.node.sources.get(self.node.main or "")
        if isinstance(source, Upstream):
            above = self.planner.project.nodes[source.node]
            found = [] if above.target is None else stored_partitions(above)
            times = [t.format.newest(t.location) for t in (n.target for n in found) if t]
            return max(filter(None, times), default=None)
        if source is None or isinstance(source, External):
            return None
        return source.format.newest(source.location)


def looks_up(contracts: Sequence[Contract], what: str) -> bool:
    """Whether one of the contracts wants to see that as well: see `Contract.looks_up`."""
    return any(what in contract.looks_up for contract in contracts)
