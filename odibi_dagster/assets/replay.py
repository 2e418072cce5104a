"""A batch of rejected rows, corrected, on its way into the target: once, and as a whole.

It is published under an owner of its own, named by the batch, so that the target itself says
whether its rows are in it. Only then are they taken out of the quarantine: whatever is killed in
between, the same again finishes it and adds nothing twice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from odibi_dagster.assets.judging import Judged
from odibi_dagster.assets.run import NodeRun
from odibi_dagster.checks.split import how_many
from odibi_dagster.config.promises import INPUT_PREFIX
from odibi_dagster.core.batch import Batch
from odibi_dagster.errors import (
    ConfigError,
    ContractError,
    DataReadError,
    SchemaContractError,
    StateMismatchError,
    listing,
)
from odibi_dagster.plan.broken import together

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from odibi_dagster.assets.memory import Memory
    from odibi_dagster.checks.base import Contract, OnFail
    from odibi_dagster.config.project import Node
    from odibi_dagster.core.frame import Frame
    from odibi_dagster.plan.planner import Planner

BATCH, TESTS = "_source_batch_id", "_failed_tests"


@dataclass(frozen=True)
class Replayed:
    """What became of one batch."""

    batch: str
    rows: int | None
    """The rows that were published; None where an earlier call had published them."""


def replayable(node: Node) -> str | None:
    """Why rows of a node cannot be replayed; None if they can."""
    if node.quarantine is None or node.target is None:
        return "it has no quarantine"
    if node.target.mode == "overwrite":
        return "every run replaces it and judges all rows anew: correct its source, and run it"
    if not node.quarantine.target.format.expires:
        kind = node.quarantine.target.format.kind
        return f"no row can be taken out of a quarantine in {kind}; write a path for it (parquet)"
    if missing := {BATCH, TESTS}.difference(node.quarantine.add_columns):
        keys = ", ".join(f"{name.removeprefix('_')}: true" for name in sorted(missing))
        return f"its quarantine does not say which rows are meant; write add_columns: {{{keys}}}"
    return None


def replay(
    node: Node,
    planner: Planner,
    memory: Memory,
    batch: str,
    rows: Frame,
    *,
    raw: bool = False,
    is_there: bool = True,
) -> Replayed:
    """Publish the rows of a batch, and take the batch out of the quarantine.

    `rows` have the columns of the quarantine. Those that a contract on the input rejected go
    through the steps of the node, the others do not; `raw`: all of them do. They are judged by the
    rules for rows, and ContractError says which are still broken: then nothing has changed. Of a
    batch that is not in the quarantine (`is_there`) it says whether it was replayed before.
    ConfigError where it was not, and where the node is none whose rows can be replayed,
    SchemaContractError where they lack a column, StateMismatchError where a full refresh was begun
    and not finished.
    """
    if reason := replayable(node):
        msg = f"rows of {node.id} cannot be replayed: {reason}"
        raise ConfigError(msg)
    judged = replace(node, contracts=_of_rows(node.contracts), tests=_of_rows(node.tests))
    with _Replay(judged, planner, memory) as run:
        return run.replay(batch, rows, raw=raw, is_there=is_there)


@dataclass
class _Replay(NodeRun):
    """A run of the node whose input is one rejected batch."""

    _owned: Batch | None = None

    @property
    def _batch(self) -> Batch:
        return self._owned or super()._batch

    def replay(self, batch: str, rows: Frame, *, raw: bool, is_there: bool) -> Replayed:
        """See `replay`."""
        if self._remembering.intent.full:
            msg = "a full refresh was begun and not finished; run the node first"
            raise StateMismatchError(msg)
        target, quarantine = self._target, self._quarantine
        self._owned = Batch(f"{self._remembering.owner}#{batch}", 1)
        published = None
        if target.format.published(target.location, self._owned.owner) is None:
            if not is_there:
                msg = f"no batch '{batch}' in the quarantine, nor was it replayed: it has expired"
                raise ConfigError(msg)
            published = self._published(rows, raw=raw)
        if is_there:
            quarantine.format.withdraw(quarantine.location, BATCH, batch)
        return Replayed(batch, published)

    def _published(self, rows: Frame, *, raw: bool) -> int | None:
        target = self._target
        before, frame = self._planned(*((rows, None) if raw else self._parts(rows)))
        if before.blocks or before.quarantines:
            raise self._still_broken(before)
        staged = self.stage(frame)
        after = self.audit(staged)
        if after.blocks or after.quarantines:
            raise self._still_broken(after)
        target.format.vet(self.planner.engine, staged)
        return self._publish(staged, target).rows

    def _planned(self, came_in: Frame | None, came_out: Frame | None) -> tuple[Judged, Frame]:
        """The rows as the node publishes them, and how those of the input were judged."""
        before, parts = Judged((), None), []
        if came_out is not None:
            parts.append(_fitted(came_out, self._published_schema()))
        if came_in is not None and self.node.main is not None:
            inputs = self.planner.inputs(self.node)
            schema = inputs[self.node.main].collect_schema()
            inputs[self.node.main] = _fitted(came_in, schema)
            before = self.judge_input(inputs)
            parts.append(self.steps(inputs))
        return before, together(parts)

    def _published_schema(self) -> Mapping[str, nw.dtypes.DType]:
        target = self._target
        if not target.format.exists(target.location):
            msg = f"{target.location} is not there yet; run the node first"
            raise DataReadError(msg)
        return target.format.stored_schema(
            self.planner.engine,
            target.location,
            target.options,
            lambda: self.planner.published_schema(self.node),
        )

    def _parts(self, rows: Frame) -> tuple[Frame | None, Frame | None]:
        """The rows that the input's contracts rejected, and those that the tests did."""
        names = [
            f"{INPUT_PREFIX}{contract.check_name}"
            for contract in self.node.contracts
            if _sets_aside(contract)
        ]
        has_tests = any(map(_sets_aside, self.node.tests))
        if not names or not has_tests:
            return (rows, None) if names else (None, rows)
        tests = nw.concat_str(nw.lit(","), nw.col(TESTS), nw.lit(","))
        of_input = nw.any_horizontal(
            *(tests.str.contains(f",{name},", literal=True) for name in names), ignore_nulls=True
        )
        parts = rows.filter(of_input), rows.filter(~of_input)
        came_in, came_out = (p if how_many(p, self.planner.engine) else None for p in parts)
        return came_in, came_out

    def _still_broken(self, judged: Judged) -> ContractError:
        said = "; ".join(
            f"{judged.prefix}{each.check_name}: {each.description}"
            for each in judged.judgements
            if each.blocks or each.quarantines
        )
        return ContractError(f"node {self.node.id}: nothing was replayed; {said}")


def _of_rows(contracts: Iterable[Contract]) -> tuple[Contract, ...]:
    """What is promised about single rows: few rows say nothing about the whole."""
    return tuple(contract for contract in contracts if contract.row_level)


def _sets_aside(contract: Contract) -> bool:
    action: OnFail = contract.on_fail
    return action == "quarantine"


def _fitted(rows: Frame, schema: Mapping[str, nw.dtypes.DType]) -> Frame:
    """The rows with these columns and types: a quarantine, or a file, may hold text instead."""
    found = rows.collect_schema()
    if missing := [name for name in schema if name not in found]:
        msg = f"the rows to replay lack {listing(missing)}; found: {listing(found)}"
        raise SchemaContractError(msg)
    return rows.select(
        nw.col(name) if found[name] == dtype else nw.col(name).cast(dtype)
        for name, dtype in schema.items()
    )
