"""From nodes to lazy frames. Planning reads headers and footers, never rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from odibi_dagster.config.project import External, Node, Project, Source, Stored, Upstream
from odibi_dagster.core.clock import now
from odibi_dagster.errors import DataReadError, OdibiError, SchemaContractError
from odibi_dagster.plan.anonymise import anonymised
from odibi_dagster.plan.broken import together
from odibi_dagster.plan.partitions import stored_keys, stored_partitions, united
from odibi_dagster.plan.policy import shaped
from odibi_dagster.transforms.base import Scope

if TYPE_CHECKING:
    from odibi_dagster.core.frame import Frame
    from odibi_dagster.core.names import NodeId
    from odibi_dagster.core.pii import Pii
    from odibi_dagster.core.types import DType
    from odibi_dagster.engines.base import Engine
    from odibi_dagster.formats.base import Bounds
    from odibi_dagster.transforms.base import Transform


def _no_external(source: External) -> Any:
    name = "/".join(source.key)
    msg = f"the Python asset {name} has no value outside of a Dagster run; materialize it there"
    raise DataReadError(msg)


@dataclass
class Planner:
    """Plans the nodes of one project for one run.

    Every stored table and every view is scanned once and then shared, so that one run sees one
    version of its inputs. `external` gives the value of a Python asset.
    """

    project: Project
    engine: Engine
    external: Callable[[External], Any] = _no_external
    at: datetime = field(default_factory=now)
    _results: dict[NodeId, Frame] = field(default_factory=dict)

    def inputs(
        self, node: Node, reach: Bounds | None = None, *, whole: bool = False
    ) -> dict[str, Frame]:
        """Every input of the node by name; of the main one at least the rows within `reach`.

        `whole`: the main one is read as the node says for its first load, where it does.
        """
        sources = dict(node.sources)
        if whole and node.first is not None and node.main is not None:
            sources[node.main] = node.first
        return {
            name: self._source(node, source, reach if name == node.main else None)
            for name, source in sources.items()
        }

    def references(self, node: Node) -> tuple[dict[str, Frame], dict[str, str]]:
        """The tables that contracts of the node compare with; and why others cannot be read.

        The node's own table is in neither: only a run knows what becomes of it.
        """
        frames: dict[str, Frame] = {}
        missing: dict[str, str] = {}
        for name, source in node.references.items():
            if source == Upstream(node.id):
                continue
            try:
                frames[name] = self._reference(node, source)
            except DataReadError as error:
                missing[name] = f"the referenced table cannot be read: {error}"
        return frames, missing

    def _reference(self, node: Node, source: Source) -> Frame:
        if isinstance(source, Stored):  # what the node declares are its own columns
            return source.format.scan(self.engine, source.location, source.options)
        return self._source(node, source)

    def output(self, node: Node, inputs: Mapping[str, Frame]) -> Frame:
        """The main input after every step. Errors say which step of which node they come from."""
        if node.main is None:
            msg = f"node {node.id} has no input: give it read, inputs or depends_on"
            raise DataReadError(msg)
        frame = inputs[node.main]
        scope = Scope(self.engine, inputs)
        for number, step in enumerate(node.steps, 1):
            frame = _apply(node, number, step, frame, scope)
        frame = self.anonymised(node, frame, node.personal.after)
        return _stamped(shaped(self.engine, node, frame), node.stamps, self.at)

    def anonymised(self, node: Node, frame: Frame, pii: Pii) -> Frame:
        """The frame without personal data, where the node has `privacy`."""
        if node.config.privacy is None:
            return frame
        return anonymised(self.engine, frame, node.config.privacy, pii)

    def discreet(self, node: Node) -> bool:
        """Whether personal or sensitive rows go through the plan of the node, or of its views."""
        above = [s.node for s in node.sources.values() if isinstance(s, Upstream)]
        views = [self.project.nodes[id] for one in above for id in self._unplanned(one)]
        return node.discreet or any(view.is_view and view.discreet for view in views)

    def result(self, node_id: NodeId) -> Frame:
        """What consumers of a node read: its stored table, or the plan of a view."""
        try:
            for below in self._unplanned(node_id):
                node = self.project.nodes[below]
                self._results[below] = self._stored(node) if node.target else self._planned(node)
        except RecursionError:
            msg = (
                f"node {node_id}: too many nodes in a row are planned at once; store one of those "
                "it reads as parquet or delta, which say their types themselves"
            )
            raise SchemaContractError(msg) from None
        return self._results[node_id]

    def _unplanned(self, node_id: NodeId) -> list[NodeId]:
        """The node and the views below it that are not planned yet, each after what it reads.

        A thousand views in a row are planned one after the other, not one inside the other.
        """
        order: list[NodeId] = []
        seen = set(self._results)
        waiting = [(node_id, False)]
        while waiting:
            below, done = waiting.pop()
            if done:
                order.append(below)
            elif below not in seen:
                seen.add(below)
                node = self.project.nodes[below]
                sources = () if node.target else node.sources.values()
                above = [(s.node, False) for s in sources if isinstance(s, Upstream)]
                waiting += [(below, True), *above]
        return order

    def quarantine(self, node_id: NodeId) -> Frame:
        """The stored broken rows of a node, of all its partitions together."""
        return self.rejected(self.project.nodes[node_id])

    def rejected(self, node: Node) -> Frame:
        """The stored broken rows of a node as it is handed in: perhaps of one partition."""
        if node.quarantine is None:
            msg = (
                f"node {node.id} has no quarantine: none of its contracts says on_fail: quarantine"
            )
            raise DataReadError(msg)
        target = node.quarantine.target
        if node.partitions is not None and node.partition is None:
            keys = stored_keys(node.partitions, target)
            return together([self.rejected(node.at(key)) for key in keys])
        return target.format.read_back(self.engine, target.location, target.options, lambda: None)

    def _planned(self, node: Node) -> Frame:
        return self.output(node, self.inputs(node))

    def _stored(self, node: Node, reach: Bounds | None = None) -> Frame:
        target = node.target
        assert target is not None  # noqa: S101  (result() asked)
        if node.partitions is not None and node.partition is None:
            return self.partitions(node, stored_partitions(node))
        if not target.format.exists(target.location):
            advice = "materialize it first" if node.config.enabled else "and it is disabled"
            msg = f"node {node.id} is not stored yet ({target.location}): {advice}"
            raise DataReadError(msg)
        if reach is not None and target.format.in_database:
            return target.format.scan_within(self.engine, target.location, reach)
        return target.format.read_back(
            self.engine, target.location, target.options, lambda: self.published_schema(node)
        )

    def partitions(self, node: Node, each: Sequence[Node]) -> Frame:
        """The rows of several partitions of a node together. DataReadError where there are none."""
        if not each:
            msg = f"no partition of node {node.id} is stored yet: materialize one first"
            raise DataReadError(msg)
        return united(node, [(one, self._stored(one)) for one in each])

    def published_schema(self, node: Node) -> Mapping[str, DType] | None:
        """The types a node publishes, from its plan; None where its own sources are gone."""
        assert node.target is not None  # noqa: S101  (only stored nodes are read back)
        try:
            return node.target.format.conform(self._planned(node)).collect_schema()
        except DataReadError:
            return None

    def _source(self, node: Node, source: Source, reach: Bounds | None = None) -> Frame:
        match source:
            case Stored(location, format, options):
                types = {n: c.dtype for n, c in node.declared.items() if c.dtype is not None}
                declared = None if node.steps else types
                if reach is not None:
                    return format.scan_within(self.engine, location, reach, options, declared)
                return format.scan(self.engine, location, options, declared)
            case Upstream(upstream):
                other = self.project.nodes[upstream]
                if reach is not None and other.target is not None:
                    return self._stored(other, reach)
                return self.result(upstream)
            case External():
                return self.engine.wrap(self.external(source))


def _stamped(frame: Frame, stamps: Mapping[str, str | None], at: datetime) -> Frame:
    """The frame with what `add_metadata` asks for; columns of these names are replaced."""
    if not stamps:
        return frame
    moment = nw.lit(at.astimezone(UTC).replace(tzinfo=None), dtype=nw.Datetime("us"))
    return frame.with_columns(
        **{name: moment if text is None else nw.lit(text) for name, text in stamps.items()}
    )


def _apply(node: Node, number: int, step: Transform, frame: Frame, scope: Scope) -> Frame:
    try:
        return step.apply(frame, scope)
    except OdibiError as error:
        reason = str(error).removeprefix(f"step {step.kind}: ")
        msg = f"node {node.id}, step {number} ({step.kind}): {reason}"
        raise type(error)(msg) from error
