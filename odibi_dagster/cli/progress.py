"""What a run looks like: what is at work, one line per node as it finishes, then the summary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from odibi_dagster.cli.report import (
    FAILED,
    OK,
    RUNNING,
    SKIPPED,
    STOPPED,
    VIEW,
    WARNED,
    CheckReport,
    NodeReport,
    RunReport,
)
from odibi_dagster.cli.validate import counted

if TYPE_CHECKING:
    from types import TracebackType

    from rich.live import Live
    from rich.text import Text

    from odibi_dagster.assets.progress import Board
    from odibi_dagster.cli.terminal import Terminal

_STYLES = {
    OK: "green",
    VIEW: "green",
    WARNED: "yellow",
    FAILED: "bold red",
    SKIPPED: "dim",
    STOPPED: "magenta",
}
_SHOWN_BROKEN = ("expected", "observed", "threshold")
_STRICT = ("0 rows", "any")
"""Thresholds that nobody wrote."""


class Progress:
    """Prints a node when it is done; on a terminal a last line shows what runs right now.

    In a pipe, nodes that take long say so on stderr, as often as in Dagster's log.
    """

    def __init__(
        self,
        report: RunReport,
        terminal: Terminal,
        board: Board,
        *,
        traces: bool = False,
        quiet: bool = False,
    ) -> None:
        """`quiet`: nothing but notes is said, and stdout is left to the caller."""
        self._report, self._terminal, self._traces = report, terminal, traces
        self._board, self._quiet = board, quiet
        self._width = max((len(str(node.id)) for node in report), default=0)
        self._live: Live | None = None

    def __enter__(self) -> Progress:
        """On a terminal, start the living line."""
        if self._terminal.is_live and not self._quiet:
            from rich.live import Live

            self._live = Live(
                get_renderable=self._running,
                console=self._terminal.console,
                refresh_per_second=8,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """The living line disappears."""
        if self._live is not None:
            self._live.stop()

    def changed(self, node: NodeReport) -> None:
        """Print the node if it is done."""
        if not node.is_done:
            return
        style = _STYLES.get(node.state, "")
        lines = [] if self._quiet else [self.text(node), *(f"    {one}" for one in details(node))]
        for line in lines:
            self._terminal.line(line, style)
        if self._traces and node.trace:
            self._terminal.note(node.trace)
        self._terminal.flush()

    def said(self, text: str) -> None:
        """Note what a long node says of itself, where no living line and no log shows it."""
        if self._live is None and not self._traces:
            self._terminal.note(text)

    def text(self, node: NodeReport) -> str:
        """`silver/flights  ok  44,120 rows  5 checks  155 quarantined  0.42 s`."""
        cells = [
            f"{node.id!s:<{self._width}}",
            f"{node.state:<7}",
            f"{'' if node.rows is None else counted(node.rows, 'row'):>15}",
            f"{_checks(node):<24}",
            f"{'' if node.seconds is None else f'{node.seconds:.2f} s':>9}",
        ]
        if node.quarantined:
            cells.append(f"{node.quarantined:,} quarantined")
        if node.state == SKIPPED and node.message:
            cells.append(node.message)
        return "  ".join(cells).rstrip()

    def _running(self) -> Text:
        from rich.text import Text

        done = sum(node.is_done for node in self._report)
        nodes = ", ".join(self._at_work(node) for node in self._report if node.state == RUNNING)
        line = f"[{done}/{len(self._report.nodes)}] {nodes}"
        return Text(line, no_wrap=True, overflow="ellipsis")

    def _at_work(self, node: NodeReport) -> str:
        work = self._board.get(node.id)
        return f"{node.id}: {work}" if work else str(node.id)


def _checks(node: NodeReport) -> str:
    if not node.checks:
        return ""
    parts = [
        f"{node.counted(state):,} {state}"
        for state in ("failed", "warned", SKIPPED)
        if node.counted(state) > 0
    ]
    text = counted(len(node.checks), "check")
    return f"{text}: {', '.join(parts)}" if parts else text


def details(node: NodeReport) -> list[str]:
    """What to know about a node that is not simply ok: its broken checks, or its error."""
    lines = [line for check in node.checks if not check.passed for line in _broken(check)]
    if node.state == FAILED and not node.counted("failed"):
        lines += node.message.splitlines()
    return lines


def _broken(check: CheckReport) -> list[str]:
    """The check and what it found; what was expected and seen where the sentence lacks it."""
    found = check.description.removeprefix(f"{SKIPPED}, ")
    head = f"{check.name} {check.state}: {found}"
    seen = [
        f"{name} {check.metadata[name]}"
        for name in _SHOWN_BROKEN
        if name in check.metadata and _is_news(str(check.metadata[name]), check.description)
    ]
    return [head, f"  {', '.join(seen)}"] if seen else [head]


def _is_news(value: str, description: str) -> bool:
    return value not in _STRICT and value not in description


def summary(report: RunReport, *, stores: bool = True) -> list[str]:
    """The run in two or three lines; of rows nothing where it `stores` none."""
    states = report.states()
    parts = [f"{number} {state}" for state, number in states.items() if number]
    done = f"{counted(report.rows, 'row')} stored" if stores else "judged"
    lines = [
        f"{counted(len(report.nodes), 'node')}: {', '.join(parts)}; {done} in "
        f"{report.seconds:.1f} s"
    ]
    checks = [
        f"{report.checks(state):,} {state}"
        for state in ("passed", "warned", "failed", SKIPPED)
        if report.checks(state)
    ]
    if checks:
        lines.append(f"checks: {', '.join(checks)}")
    if report.quarantined:
        lines.append(f"quarantined: {counted(report.quarantined, 'row')}")
    return lines
