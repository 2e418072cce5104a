"""Checks without their asset: what is stored is judged again, and nothing is run or written."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from odibi_dagster.assets.run import Judged
from odibi_dagster.checks.base import Verdict
from odibi_dagster.checks.judge import Judgement
from odibi_dagster.config.promises import INPUT_PREFIX
from odibi_dagster.errors import DataReadError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from odibi_dagster.assets.run import Event, NodeRun
    from odibi_dagster.checks.base import Contract


class Face(Protocol):
    """What a judgement on stored data tells the orchestrator."""

    def rejudged(self, before: Judged, after: Judged) -> Iterator[Event]:
        """One result for every check that is asked for, then the stop where one of them blocks."""
        ...


def rejudge_node(run: NodeRun, asked: Collection[str], face: Face) -> Iterator[Event]:
    """The checks of these names: contracts on all of the input as it is now, tests on the table.

    The node is not held and remembers nothing, so that no baseline comes of it. What cannot be
    read makes its checks errors.
    """
    node = run.node
    run.planner.engine.discretion.withholds = run.planner.discreet(node)
    tests = [c for c in node.tests if c.check_name in asked]
    beside = [rule for test in tests for rule in test.beside()]
    run.node = replace(
        node,
        contracts=tuple(c for c in node.contracts if INPUT_PREFIX + c.check_name in asked),
        tests=tuple(c for c in node.tests if c in tests or c in beside),
    )
    yield from face.rejudged(_input(run), _asked(_table(run), asked))


def _input(run: NodeRun) -> Judged:
    if not run.node.contracts:
        return Judged((), None)
    try:
        return run.judge_input(run.planner.inputs(run.node))
    except DataReadError as error:
        return _unread(run.node.contracts, f"the input cannot be read: {error}", INPUT_PREFIX)


def _table(run: NodeRun) -> Judged:
    if not run.node.tests:
        return Judged((), None)
    try:
        return run.judge_table(run.planner.result(run.node.id))
    except DataReadError as error:
        return _unread(run.node.tests, str(error))


def _asked(judged: Judged, asked: Collection[str]) -> Judged:
    """Without the judgements that only others are made of."""
    found = tuple(each for each in judged.judgements if each.check_name in asked)
    return replace(judged, judgements=found)


def _unread(contracts: Sequence[Contract], reason: str, prefix: str = "") -> Judged:
    verdict = Verdict(False, reason, error=True)
    return Judged(tuple(Judgement(contract, verdict) for contract in contracts), None, prefix)
