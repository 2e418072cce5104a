"""What became of a run, as a JSON file that another program reads."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from odibi_dagster.errors import OdibiError, shortened
from odibi_dagster.formats.disk import write_text

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from odibi_dagster.cli.report import RunReport

SUCCEEDED, FAILED, STOPPED = "succeeded", "failed", "stopped"
_TRANSIENT = 1
_MAX_MESSAGE = 4_000


@dataclass(frozen=True)
class Result:
    """One run. Counts are None where nothing was stored."""

    outcome: str
    """`succeeded`, `failed` or `stopped` (by a signal)."""
    retryable: bool
    """Whether running it again, unchanged, may succeed."""
    message: str = ""
    """Why it did not succeed."""
    rows: int | None = None
    quarantined_rows: int | None = None
    warnings: tuple[str, ...] = ()
    """The checks that did not pass and only warn."""
    failed_checks: tuple[str, ...] = ()
    """The checks for which nothing was published."""
    dagster_run_id: str = ""
    seconds: float = 0.0
    partition: str = ""
    """The key that was run; empty where no node has partitions."""

    def write(self, file: Path) -> None:
        """All of it or nothing: a reader never sees half a file."""
        write_text(file, json.dumps(asdict(self), indent=2) + "\n")


def of_run(report: RunReport, stopped: int | None, partition: str = "") -> Result:
    """The result of a run that came to an end, by itself or by the signal `stopped`."""
    code = report.exit_code
    outcome = STOPPED if stopped is not None else FAILED if code else SUCCEEDED
    messages = [node.message for node in report if node.state == "failed" and node.message]
    return Result(
        outcome=outcome,
        retryable=outcome == STOPPED or code == _TRANSIENT,
        message=shortened("\n".join([*messages, report.failure]).strip(), _MAX_MESSAGE),
        rows=_sum(node.rows for node in report),
        quarantined_rows=_sum(node.quarantined for node in report),
        warnings=_checks(report, "warned"),
        failed_checks=_checks(report, "failed"),
        dagster_run_id=report.run_id,
        seconds=round(report.seconds, 3),
        partition=partition,
    )


def of_error(error: BaseException) -> Result:
    """The result where nothing was run: a wrong file, a database that does not answer."""
    if isinstance(error, KeyboardInterrupt):
        return Result(STOPPED, retryable=True, message="stopped before anything was run")
    retryable = isinstance(error, OdibiError) and error.transient
    told = str(error) or type(error).__name__
    return Result(FAILED, retryable=retryable, message=shortened(told, _MAX_MESSAGE))


def _sum(counts: Iterable[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def _checks(report: RunReport, state: str) -> tuple[str, ...]:
    """By name; of several nodes, each with its node."""
    alone = len(report.nodes) == 1
    return tuple(
        check.name if alone else f"{node.id}: {check.name}"
        for node in report
        for check in node.checks
        if check.state == state
    )
