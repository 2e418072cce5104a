"""One node, one direction. The only place that knows the order:

plan the lazy frame, judge the input, stage beside the target, audit the staged files,
split off the broken rows, publish atomically, record.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from odibi_dagster.assets.shield import uninterrupted
from odibi_dagster.checks.judge import judge
from odibi_dagster.checks.observe import observe
from odibi_dagster.checks.split import limit_broken, split
from odibi_dagster.config.project import External, Stored, Upstream
from odibi_dagster.config.promises import INPUT_PREFIX
from odibi_dagster.connections.base import Location
from odibi_dagster.core import clock
from odibi_dagster.formats.base import formats
from odibi_dagster.plan.broken import together

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime
    from types import TracebackType

    import dagster as dg
    import narwhals.stable.v2 as nw

    from odibi_dagster.checks.base import Contract
    from odibi_dagster.checks.judge import Judgement
    from odibi_dagster.config.project import Node, Target
    from odibi_dagster.core.frame import Frame
    from odibi_dagster.formats.base import Published, Staged
    from odibi_dagster.plan.planner import Planner

    Event = dg.AssetCheckResult | dg.MaterializeResult[Any]


@dataclass(frozen=True)
class Judged:
    """The judgements on one frame, and the frame, from which broken rows can be shown."""

    judgements: tuple[Judgement, ...]
    frame: Frame | None
    prefix: str = ""
    """What the names of these checks begin with."""

    @property
    def blocks(self) -> bool:
        """Whether anything here forbids publishing."""
        return any(judgement.blocks for judgement in self.judgements)

    @property
    def quarantines(self) -> bool:
        """Whether broken rows are to be split off."""
        return any(judgement.quarantines for judgement in self.judgements)


@dataclass(frozen=True)
class Outcome:
    """What one run of a node published. `quarantine` is None where the node has none."""

    target: Published
    quarantine: Published | None
    seconds: float
    plan: str


class Face(Protocol):
    """What the run tells the orchestrator, and asks it."""

    @property
    def publishes(self) -> bool:
        """Whether anything may become visible."""
        ...

    def planned(self, node: Node, schema: Mapping[str, nw.dtypes.DType]) -> Iterator[Event]:
        """A view was planned: nothing is stored."""
        ...

    def judged(self, before: Judged, after: Judged | None) -> Iterator[Event]:
        """One result for every check, then the stop where one of them blocks."""
        ...

    def published(self, outcome: Outcome) -> Iterator[Event]:
        """The target, and then its quarantine, are visible."""
        ...


def run_node(run: NodeRun, face: Face) -> Iterator[Event]:
    """Plan, judge the input, stage, audit, split, publish, record: the one way a node runs."""
    with run:
        inputs = run.plan()
        if run.node.target is None:
            yield from face.planned(run.node, run.steps(inputs).collect_schema())
            return
        before = run.judge_input(inputs)
        staged = None if before.blocks else run.stage(run.steps(run.valid(inputs, before)))
        after = run.audit(staged) if staged else None
        yield from face.judged(before, after)
        if staged is None or after is None or not face.publishes:
            return
        valid, broken = run.split(staged, before, after)
        with uninterrupted():
            outcome = run.publish(valid, broken)
        yield from face.published(outcome)


@dataclass
class NodeRun:
    """One run of one node that stores something. What it staged and did not publish is removed."""

    node: Node
    planner: Planner
    batch: str
    at: datetime = field(default_factory=clock.now)
    _started: float = field(default_factory=time.monotonic)
    _staged: list[tuple[str, Staged]] = field(default_factory=list)
    _plan: str = ""

    def __enter__(self) -> NodeRun:
        """Nothing is held yet."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Whether it went well or not: no staged file outlives the run."""
        while self._staged:
            self._discard(self._staged[-1][1])

    def plan(self) -> dict[str, Frame]:
        """Every input of the node. One that cannot be read twice the same is landed first."""
        inputs = self.planner.inputs(self.node)
        main = self.node.main
        if self.node.contracts and main is not None and not self._rereadable(main):
            inputs[main] = self._land(inputs[main])
        return inputs

    def judge_input(self, inputs: Mapping[str, Frame]) -> Judged:
        """One aggregate over the main input, where the node has contracts on it."""
        if not self.node.contracts or self.node.main is None:
            return Judged((), None)
        frame = inputs[self.node.main]
        return self._judge(frame, self.node.contracts, stored=None, prefix=INPUT_PREFIX)

    def valid(self, inputs: Mapping[str, Frame], before: Judged) -> Mapping[str, Frame]:
        """The inputs without the rows that a quarantining contract rejects."""
        if not before.quarantines or self.node.main is None or before.frame is None:
            return inputs
        valid, _ = self._split(before)
        return {**inputs, self.node.main: valid}

    def steps(self, inputs: Mapping[str, Frame]) -> Frame:
        """The one lazy plan of the node."""
        return self.planner.output(self.node, inputs)

    def stage(self, frame: Frame) -> Staged:
        """One sink, beside the target and invisible."""
        target = self._target
        self._plan = self.planner.engine.explain(frame)
        return self._stage(frame, target, self.batch)

    def audit(self, staged: Staged) -> Judged:
        """One aggregate over the staged files, reading only the columns that tests name."""
        if not self.node.tests:
            return Judged((), None)
        target = self._target
        frame = target.format.scan_staged(self.planner.engine, staged)
        stored = None
        if target.format.exists(target.location) and _wants_stored(self.node.tests):
            stored = target.format.scan(self.planner.engine, target.location).collect_schema()
        return self._judge(frame, self.node.tests, stored=stored)

    def split(self, staged: Staged, before: Judged, after: Judged) -> tuple[Staged, Staged | None]:
        """What will be published: valid rows, and the quarantine (empty where nothing broke)."""
        quarantine = self.node.quarantine
        if quarantine is None:
            return staged, None
        sides = [self._split(judged) for judged in (before, after) if self._may_quarantine(judged)]
        broken = together([side[1] for side in sides])
        broken = limit_broken(broken, quarantine.max_rows, quarantine.sample_fraction)
        rejects = self._stage(broken, quarantine.target, self.batch)
        if not after.quarantines:
            return staged, rejects
        valid = self._stage(sides[-1][0], self._target, f"{self.batch}v")
        self._discard(staged)
        return valid, rejects

    def publish(self, valid: Staged, broken: Staged | None) -> Outcome:
        """The quarantine first, then the target; each is one atomic step of its format."""
        rejects = None
        if broken is not None and self.node.quarantine is not None:
            rejects = self._publish(broken, self.node.quarantine.target)
        published = self._publish(valid, self._target)
        return Outcome(published, rejects, time.monotonic() - self._started, self._plan)

    @property
    def _target(self) -> Target:
        target = self.node.target
        assert target is not None  # noqa: S101  (a view never comes here)
        return target

    def _rereadable(self, main: str) -> bool:
        match self.node.sources[main]:
            case Stored():
                return True
            case External():
                return False
            case Upstream(upstream):
                return not self.planner.project.nodes[upstream].is_view

    def _land(self, frame: Frame) -> Frame:
        parquet = formats["parquet"]()
        path = self._target.location.path
        location = Location(path.with_name(f"{path.name}.input"))
        staged = parquet.stage(self.planner.engine, frame, location, batch=self.batch)
        self._staged.append(("parquet", staged))
        return parquet.scan_staged(self.planner.engine, staged)

    def _judge(
        self,
        frame: Frame,
        contracts: Sequence[Contract],
        *,
        stored: Mapping[str, nw.dtypes.DType] | None,
        prefix: str = "",
    ) -> Judged:
        seen = observe(
            frame,
            contracts,
            self.planner.engine,
            declared=self.node.declared,
            stored=stored,
            newest_file=self._newest_file() if _wants_file_times(contracts) else None,
            timezone=self.planner.project.config.dagster.timezone,
            at=self.at,
        )
        return Judged(judge(contracts, seen), frame, prefix)

    def _newest_file(self) -> datetime | None:
        """When the newest file of the main input was written."""
        source = self.node.sources.get(self.node.main or "")
        if isinstance(source, Upstream):
            source = self.planner.project.nodes[source.node].target  # type: ignore[assignment]
        if source is None or isinstance(source, External | Upstream):
            return None
        return source.format.newest(source.location)

    def _may_quarantine(self, judged: Judged) -> bool:
        return any(j.contract.on_fail == "quarantine" for j in judged.judgements)

    def _split(self, judged: Judged) -> tuple[Frame, Frame]:
        assert judged.frame is not None  # noqa: S101  (only frames with judgements are split)
        assert self.node.quarantine is not None  # noqa: S101
        return split(
            judged.frame,
            judged.judgements,
            self.planner.engine,
            add_columns=self.node.quarantine.add_columns,
            batch=self.batch,
            at=self.at,
            node=self.node.id.name,
            prefix=judged.prefix,
        )

    def _stage(self, frame: Frame, target: Target, batch: str) -> Staged:
        staged = target.format.stage(
            self.planner.engine,
            frame,
            target.location,
            batch=batch,
            partition_by=target.partition_by,
            options=target.options,
        )
        self._staged.append((target.format.kind, staged))
        return staged

    def _publish(self, staged: Staged, target: Target) -> Published:
        published = target.format.publish(staged)
        self._forget(staged)
        return published

    def _discard(self, staged: Staged) -> None:
        kind = self._forget(staged)
        formats[kind]().discard(staged)

    def _forget(self, staged: Staged) -> str:
        place = next(i for i, (_, held) in enumerate(self._staged) if held is staged)
        return self._staged.pop(place)[0]


def _wants_stored(contracts: Sequence[Contract]) -> bool:
    return any(contract.kind == "schema" for contract in contracts)


def _wants_file_times(contracts: Sequence[Contract]) -> bool:
    return any(contract.file_times for contract in contracts)
