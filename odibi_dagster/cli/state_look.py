"""`odibi-dagster state list`, `show` and `history`: what is remembered; nothing is changed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from odibi_dagster.cli.state_rows import States
    from odibi_dagster.state.admin import Row
    from odibi_dagster.state.identity import Identity


def list_all(states: States) -> int:
    """One line for each row, also of nodes that are no longer in the file."""
    _table(
        states,
        ("node", "mark", "batch", "last change", ""),
        [
            (
                _title(row.identity),
                "" if row.mark is None else str(row.mark),
                str(row.batch),
                _moment(row.updated_at),
                _remarks(row, known=states.node_of(row) is not None),
            )
            for row in states.rows
        ],
        "nothing is remembered yet",
    )
    return 0


def show(states: States) -> int:
    """One row, and what was tried with it or changed by hand."""
    row = states.row()
    for name, value in (
        ("node", row.identity),
        ("mark", "none" if row.mark is None else row.mark),
        ("last batch", row.batch),
        ("in the target", row.in_target),
        ("target", row.target or "none"),
        ("held by", row.holder or "nobody"),
        ("unfinished", "a batch was about to be published" if row.pending else "nothing"),
    ):
        states.terminal.line(f"{name:<14} {value}")
    states.terminal.line()
    _table(
        states,
        ("when", "what", "batch", "run", ""),
        [
            (_moment(n.at), n.action, str(n.number or ""), n.run_id, _one_line(n.message))
            for n in states.admin.notes(row.identity, states.args.limit)
        ],
        "nothing was tried yet",
    )
    return 0


def history(states: States) -> int:
    """The batches of one node, with all of its partitions, or of every node, the newest first."""
    rows = states.parts() if states.args.nodes else states.rows
    batches = states.admin.batches([row.identity for row in rows], states.args.limit)
    _table(
        states,
        ("node", "batch", "published", "rows", "quarantined", "bytes", "seconds", "up to"),
        [
            (
                _title(b.identity),
                f"{b.number}{' (adopted)' if b.adopted else ''}",
                _moment(b.published_at),
                _number(b.rows),
                _number(b.quarantined),
                _number(b.bytes),
                "" if b.seconds is None else f"{b.seconds:.2f}",
                _mark_text(b.upper),
            )
            for b in batches
        ],
        "no batch is remembered yet",
    )
    return 0


LOOKS: Mapping[str, Callable[[States], int]] = {
    "list": list_all,
    "show": show,
    "history": history,
}


def _table(states: States, head: Sequence[str], rows: Sequence[Sequence[str]], empty: str) -> None:
    if not rows:
        states.terminal.line(empty)
        return
    lines = [head, *rows]
    widths = [max(len(line[place]) for line in lines) for place in range(len(head))]
    for number, line in enumerate(lines):
        cells = (f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True))
        states.terminal.line("  ".join(cells).rstrip(), "" if number else "bold")


def _remarks(row: Row, *, known: bool) -> str:
    remarks = [] if known else ["no node of the file"]
    remarks += [f"held by run {row.holder}"] if row.holder else []
    remarks += ["unfinished"] if row.pending and not row.holder else []
    return ", ".join(remarks)


def _title(identity: Identity) -> str:
    return " ".join(filter(None, (identity.path, identity.partition)))


def _moment(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _mark_text(text: str | None) -> str:
    from odibi_dagster.state.marks import shown

    return "" if text is None else shown(text)


def _one_line(text: str | None) -> str:
    return "" if text is None else " ".join(text.split())[:100]
