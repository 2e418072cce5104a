"""The judgement on a batch where rows hang on one another.

A row that an upsert brings replaces a stored one, and a row may refer to another of its batch. If
that row is set aside, it does neither, and then a row that kept `unique` or `foreign_key` may break
it. So such rules are judged again, against the rows that would be published, until no more rows
are set aside: each round can only set aside more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from odibi_dagster.checks.base import Shape
from odibi_dagster.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Callable

    from odibi_dagster.assets.judging import Judged
    from odibi_dagster.core.frame import Frame

ROUNDS = 100


def settled(
    judge: Callable[[Frame], Judged], batch: Frame, kept: Callable[[Judged], Frame]
) -> Judged:
    """The judgement on the batch that is true of what is published.

    `judge` is told which rows those are, `kept` says it by an earlier judgement. Nothing is judged
    twice where no row is set aside, nor where no rule looks at which rows are published.
    ContractError where rows hang on one another in a chain of more than 100.
    """
    judged = judge(batch)
    if judged.blocks or not judged.quarantines or not _hangs(judged):
        return judged
    for _ in range(ROUNDS):
        before, judged = judged, judge(kept(judged))
        if judged.blocks or _broken(judged) == _broken(before):
            return judged
    msg = (
        f"after {ROUNDS} rounds there are still rows that only keep their contracts by rows that "
        "are set aside; nothing was published: mend those rows, or let the contract that sets the "
        "first of them aside fail"
    )
    raise ContractError(msg)


def _hangs(judged: Judged) -> bool:
    if judged.frame is None:
        return False
    shape = Shape(judged.frame.collect_schema(), tables=judged.tables)
    return any(
        each.contract.hangs_on_published(shape)
        for each in judged.judgements
        if not (each.verdict.error or each.verdict.skipped)
    )


def _broken(judged: Judged) -> list[int | None]:
    return [each.verdict.failed_rows for each in judged.judgements]
