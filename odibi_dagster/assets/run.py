"""One node, one direction. The only place that knows the order:

plan the lazy frame, judge the input, stage beside the target, audit the staged files,
split off the broken rows, publish atomically, record.
"""

from __future__ import annotations

import functools
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from odibi_dagster.assets.judging import Judged, Judging, looks_up
from odibi_dagster.assets.settling import settled
from odibi_dagster.assets.shield import uninterrupted
from odibi_dagster.checks.split import how_many, limit_broken, rejected_at, split
from odibi_dagster.config.project import External, Stored, Upstream
from odibi_dagster.config.promises import INPUT_PREFIX
from odibi_dagster.connections.base import Location
from odibi_dagster.core import clock
from odibi_dagster.core.meter import Meter, Phase
from odibi_dagster.formats.base import formats, unchanged
from odibi_dagster.plan.broken import as_stored_text, together
from odibi_dagster.plan.compared import compared, looked_at, standing
from odibi_dagster.plan.window import Cursor, Window

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from types import TracebackType
    from typing import Self

    import dagster as dg
    import narwhals.stable.v2 as nw

    from odibi_dagster.assets.judging import Pasts
    from odibi_dagster.assets.memory import Memory, Session
    from odibi_dagster.checks.tables import Standing
    from odibi_dagster.config.project import Node, Quarantine, Target
    from odibi_dagster.core.batch import Batch
    from odibi_dagster.core.facts import Facts
    from odibi_dagster.core.frame import Frame
    from odibi_dagster.core.history import Lookback
    from odibi_dagster.formats.base import Published, Staged
    from odibi_dagster.plan.planner import Planner

    Event = dg.AssetCheckResult | dg.MaterializeResult[Any]


@dataclass(frozen=True)
class Outcome:
    """What one run of a node published. `quarantine` is None where the node has none."""

    target: Published
    quarantine: Published | None
    seconds: float
    plan: str
    broken: int | None = None
    """Rows that were rejected, where the quarantine holds fewer; None: all of them are in it."""
    window: Window | None = None
    """Which rows of its input were new, where a node tells."""

    @property
    def rejected(self) -> int | None:
        """How many rows of the batch are not published because they broke a rule."""
        if self.broken is not None or self.quarantine is None:
            return self.broken
        return self.quarantine.rows


class Face(Protocol):
    """What the run tells the orchestrator, and asks it."""

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
        if staged is None or after is None:
            return
        valid, broken = run.split(staged, before, after)
        with uninterrupted():
            outcome = run.publish(valid, broken)
            run.record(outcome)
        yield from face.published(outcome)


@dataclass
class NodeRun:
    """One run of one node that stores something. What it staged and did not publish is removed."""

    node: Node
    planner: Planner
    memory: Memory
    at: datetime = field(default_factory=clock.now)
    _started: float = field(default_factory=time.monotonic)
    _staged: list[tuple[str, Staged]] = field(default_factory=list)
    _plan: str = ""
    _broken: int | None = None
    _held: ExitStack = field(default_factory=ExitStack)
    _session: Session | None = None
    _window: Window | None = None

    def __enter__(self) -> Self:
        """Take the node for this run alone, and settle what a dead run left of it."""
        self.planner.engine.discretion.withholds = self.planner.discreet(self.node)
        if self.node.target is not None:
            self._session = self._held.enter_context(self.memory.session(self.node))
        self._held.callback(self._discard_all)
        self._meter.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Whether it went well or not: no staged file outlives the run, and the lease ends."""
        self._held.__exit__(kind, error, trace)

    def plan(self) -> dict[str, Frame]:
        """Every input of the node, and of the main one only what is new, where the node tells.

        An input that cannot be read twice the same is landed first.
        """
        main, incremental = self.node.main, self.node.incremental
        reach, whole = None, False
        if self._session is not None:
            reach = self._session.reach(incremental, self.at) if incremental else None
            whole = self.node.first is not None and self._session.loads_all
        inputs = self.planner.inputs(self.node, reach, whole=whole)
        if main is None:
            return inputs
        if (self.node.contracts or incremental) and not self._rereadable(main):
            self._meter.phase = Phase.LANDING
            inputs[main] = self._land(inputs[main], "input")
        if incremental and self._session:
            dagster = self.planner.project.config.dagster
            cursor = Cursor(self.planner.engine, inputs[main], incremental, dagster.timezone)
            allowed = self.node.config.dagster.max_future or dagster.max_future
            self._window = self._session.window(cursor, incremental, self.at, allowed)
            new = self._window
            inputs[main] = cursor.rows(new.lower, new.upper, nulls=new.is_first)
        return inputs

    def judge_input(self, inputs: Mapping[str, Frame]) -> Judged:
        """One aggregate over the main input, where the node has contracts on it."""
        if not self.node.contracts or self.node.main is None:
            return Judged((), None)
        self._meter.phase = Phase.JUDGING
        frame = inputs[self.node.main]
        tables = compared(self.planner, self.node)
        return self._judging(frame, self.node.contracts, tables, prefix=INPUT_PREFIX)

    def judge_table(self, frame: Frame) -> Judged:
        """One aggregate over the stored table, for the promises about the output."""
        self._meter.phase = Phase.AUDITING
        return self._judging(frame, self.node.tests, compared(self.planner, self.node, frame))

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
        self._meter.phase = Phase.WRITING
        target = self._target
        self._plan = self.planner.engine.explain(frame)
        return self._stage(frame, target)

    def audit(self, staged: Staged) -> Judged:
        """One aggregate over the staged files, reading only what their footers do not know."""
        if not self.node.tests:
            return Judged((), None)
        self._meter.phase = Phase.AUDITING
        target = self._target
        frame = target.format.scan_staged(self.planner.engine, staged)
        asked = looks_up(self.node.tests, "stored")
        stored = self._stored(target, staged.schema) if asked else None
        facts = target.format.facts(self.planner.engine, staged)
        held = self._standing(staged, facts)

        def judge(published: Frame) -> Judged:
            tables = compared(self.planner, self.node, published, held)
            return self._judging(frame, self.node.tests, tables, stored=stored, facts=facts)

        return settled(judge, frame, functools.partial(self._kept, staged))

    def _kept(self, staged: Staged, judged: Judged) -> Frame:
        """What is published of the batch if it is judged so, in the columns that are compared.

        Written aside, so that no plan holds the rounds before it.
        """
        with self._meter.during(Phase.SPLITTING):
            valid, _ = self._split(judged)
            return self._land(valid.select(looked_at(self.node, staged)), "kept")

    def _standing(self, staged: Staged, facts: Facts | None) -> Standing | None:
        """The stored rows beside the batch, where a contract looks at them."""
        own = Upstream(self.node.id) in self.node.references.values()
        if not own and not looks_up(self.node.tests, "standing"):
            return None
        columns = looked_at(self.node, staged)
        again = self._remembering.is_in_target
        return standing(self.planner, staged, self._target, columns, facts, again=again)

    def split(self, staged: Staged, before: Judged, after: Judged) -> tuple[Staged, Staged | None]:
        """What will be published: valid rows, and the quarantine (empty where nothing broke)."""
        valid, broken = self._parted(staged, before, after)
        self._target.format.vet(self.planner.engine, valid)
        return valid, broken

    def _parted(
        self, staged: Staged, before: Judged, after: Judged
    ) -> tuple[Staged, Staged | None]:
        quarantine = self.node.quarantine
        if quarantine is None:
            return staged, None
        self._meter.phase = Phase.SPLITTING
        sides = [self._split(judged) for judged in (before, after) if judged.may_quarantine]
        broken = together([side[1] for side in sides])
        if quarantine.max_rows is not None or quarantine.sample_fraction is not None:
            self._broken = how_many(broken, self.planner.engine)
            broken = limit_broken(broken, quarantine.max_rows, quarantine.sample_fraction)
        if self._quarantine.mode != "overwrite":
            stored = self._stored(self._quarantine, broken.collect_schema())
            broken = as_stored_text(broken, stored or {})
        rejects = self._stage(broken, self._quarantine)
        if not after.quarantines:
            return staged, rejects
        valid = self._stage(sides[-1][0], self._target)
        self._discard(staged)
        return valid, rejects

    def publish(self, valid: Staged, broken: Staged | None) -> Outcome:
        """The quarantine first, then the target; each is one atomic step of its format.

        Where there was nothing new nothing is touched.
        """
        self._meter.phase = Phase.PUBLISHING
        rejects = None
        if self._window is not None and self._window.is_empty and self._stands(valid):
            return self._outcome(unchanged(valid), unchanged(broken) if broken else None)
        self._remembering.intend(self._window)
        if broken is not None and self.node.quarantine is not None:
            rejects = self._publish(broken, self._quarantine)
            self._expire(self.node.quarantine)
        return self._outcome(self._publish(valid, self._target), rejects)

    def _expire(self, quarantine: Quarantine) -> None:
        """Remove what was rejected too long ago."""
        if quarantine.retention is None or self._quarantine.mode == "overwrite":
            return
        before = rejected_at(self.at - quarantine.retention)
        target = self._quarantine
        target.format.expire(target.location, "_rejected_at", before)

    def record(self, outcome: Outcome) -> None:
        """Mark, batch, metrics and run in one transaction of the state's database.

        An adopted batch was judged by an earlier try: what this one has seen may be other rows.
        """
        self._remembering.confirm(
            rows=outcome.target.rows,
            quarantined=outcome.rejected,
            bytes=outcome.target.bytes,
            seconds=outcome.seconds,
            adopted=outcome.target.adopted,
            metrics=None if outcome.target.adopted else self._judging.seen,
        )

    def _outcome(self, target: Published, rejects: Published | None) -> Outcome:
        seconds = time.monotonic() - self._started
        return Outcome(target, rejects, seconds, self._plan, self._broken, self._window)

    def _stands(self, staged: Staged) -> bool:
        return self._target.format.exists(staged.location)

    @functools.cached_property
    def _judging(self) -> Judging:
        return Judging(self.node, self.planner, self.at, self._past)

    def _past(self, wanted: Mapping[str, Lookback]) -> Pasts:
        if self._session is None:
            return self.memory.of_tables(self.node, wanted)
        return self._session.history(wanted, self._window)

    @property
    def _remembering(self) -> Session:
        assert self._session is not None  # noqa: S101  (a view never comes here)
        return self._session

    @property
    def _batch(self) -> Batch:
        return self._remembering.batch

    @property
    def _meter(self) -> Meter:
        return self.planner.engine.meter

    @property
    def _target(self) -> Target:
        return self._remembering.target

    @property
    def _quarantine(self) -> Target:
        assert self.node.quarantine is not None  # noqa: S101  (asked only where there is one)
        return self._remembering.beside(self.node.quarantine.target)

    def _discard_all(self) -> None:
        while self._staged:
            self._discard(self._staged[-1][1])

    def _stored(
        self, target: Target, types: Mapping[str, nw.dtypes.DType]
    ) -> Mapping[str, nw.dtypes.DType] | None:
        """The stored columns, with these types where files do not say theirs."""
        if not target.format.exists(target.location):
            return None
        return target.format.stored_schema(
            self.planner.engine, target.location, target.options, lambda: types
        )

    def _rereadable(self, main: str) -> bool:
        match self.node.sources[main]:
            case Stored():
                return True
            case External():
                return False
            case Upstream(upstream):
                return not self.planner.project.nodes[upstream].is_view

    def _land(self, frame: Frame, what: str) -> Frame:
        parquet = formats["parquet"]()
        path = self._target.location.path
        location = Location(path.with_name(f"{path.name}.{what}"))
        staged = parquet.stage(self.planner.engine, frame, location, batch=self._batch)
        self._staged.append(("parquet", staged))
        return parquet.scan_staged(self.planner.engine, staged)

    def _split(self, judged: Judged) -> tuple[Frame, Frame]:
        assert judged.frame is not None  # noqa: S101  (only frames with judgements are split)
        assert self.node.quarantine is not None  # noqa: S101
        valid, broken = split(
            judged.frame,
            judged.judgements,
            self.planner.engine,
            add_columns=self.node.quarantine.add_columns,
            batch=str(self._batch),
            at=self.at,
            node=self.node.id.name,
            prefix=judged.prefix,
            tables=judged.tables,
        )
        if judged.prefix:
            # rows of the input are as they came in, those of the output are anonymised
            raw = self.node.personal.before.only(judged.frame.collect_schema())
            broken = self.planner.anonymised(self.node, broken, raw)
        return valid, broken

    def _stage(self, frame: Frame, target: Target) -> Staged:
        staged = target.format.stage(
            self.planner.engine,
            frame,
            target.location,
            batch=self._batch,
            mode=target.mode,
            partition_by=target.partition_by,
            options=target.options,
        )
        self._staged.append((target.format.kind, staged))
        return staged

    def _publish(self, staged: Staged, target: Target) -> Published:
        published = target.format.publish(self.planner.engine, staged)
        self._forget(staged)
        return published

    def _discard(self, staged: Staged) -> None:
        kind = self._forget(staged)
        formats[kind]().discard(staged)

    def _forget(self, staged: Staged) -> str:
        place = next(i for i, (_, held) in enumerate(self._staged) if held is staged)
        return self._staged.pop(place)[0]
