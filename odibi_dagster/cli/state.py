"""What is remembered between runs: marks, batches, and who is at work. Changes are asked for first.

list, show and history look; reset, repair, rename, forget and prune change.
"""

from __future__ import annotations

import getpass
import sys
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from odibi_dagster.cli.validate import config_arguments, counted
from odibi_dagster.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping, Sequence

    from odibi_dagster.cli.terminal import Terminal
    from odibi_dagster.config.project import Project
    from odibi_dagster.state.admin import Admin, Row
    from odibi_dagster.state.marks import Mark
    from odibi_dagster.state.store import Store

NAME = "state"
HELP = "what is remembered between runs: marks and batches"
EXAMPLES = """\
examples:
  odibi-dagster state list odibi.yaml                       every mark
  odibi-dagster state show odibi.yaml bronze/orders         one node, and what was tried with it
  odibi-dagster state history odibi.yaml bronze/orders      its batches: rows, seconds, bytes
  odibi-dagster state reset odibi.yaml bronze/orders        forget the mark
  odibi-dagster state reset odibi.yaml bronze/orders --to 2024-01-31
  odibi-dagster state repair odibi.yaml bronze/orders       take the target as it is
  odibi-dagster state rename odibi.yaml bronze/old bronze/new
  odibi-dagster state forget odibi.yaml bronze/gone         everything of a node
  odibi-dagster state prune odibi.yaml --older-than 90d     old batches of every node

What changes anything asks first; --yes answers. A node that is no longer in the file keeps its
state until it is forgotten.
"""
ACTIONS = ("list", "show", "history", "reset", "repair", "rename", "forget", "prune")


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("action", choices=ACTIONS, metavar="ACTION", help=", ".join(ACTIONS))
    config_arguments(parser)
    parser.add_argument("nodes", nargs="*", metavar="NODE", help="PIPELINE/NODE")
    parser.add_argument("--to", metavar="MARK", help="reset: a number, a date or a timestamp")
    parser.add_argument("--limit", type=int, default=20, metavar="N", help="history: so many (20)")
    parser.add_argument("--older-than", default="400d", metavar="AGE", help="prune: 400d")
    parser.add_argument("--keep", type=int, default=50, metavar="N", help="prune: the newest (50)")
    parser.add_argument("--yes", action="store_true", help="do not ask")


def execute(args: argparse.Namespace, terminal: Terminal) -> int:
    """0 when it was done, or there was nothing to do; 1 where the answer was no."""
    from odibi_dagster.config.load import load_project

    project = load_project(args.config, env=args.env)
    return _State(args, project, terminal).act()


class _State:
    """One call of the command."""

    def __init__(self, args: argparse.Namespace, project: Project, terminal: Terminal) -> None:
        from odibi_dagster.state.admin import Admin

        self.args, self.project, self.terminal = args, project, terminal
        self.store = _open(args, project)
        self.admin: Admin = Admin(self.store, project.config.project, f"cli:{getpass.getuser()}")
        env = project.env or ""
        self.rows = [row for row in self.admin.rows() if row.identity.environment == env]

    def act(self) -> int:
        actions: Mapping[str, Callable[[], int]] = {
            "list": self.list, "show": self.show, "history": self.history, "reset": self.reset,
            "repair": self.repair, "rename": self.rename, "forget": self.forget,
            "prune": self.prune,
        }  # fmt: skip
        return actions[self.args.action]()

    def list(self) -> int:
        known = {
            (identity.pipeline, identity.node)
            for identity in map(self._identity, self.project.nodes.values())
        }
        self._table(
            ("node", "mark", "batch", "last change", ""),
            [
                (
                    _name(row),
                    "" if row.mark is None else str(row.mark),
                    str(row.batch),
                    _moment(row.updated_at),
                    _remarks(row, (row.identity.pipeline, row.identity.node) in known),
                )
                for row in self.rows
            ],
            "nothing is remembered yet",
        )
        return 0

    def show(self) -> int:
        row = self._row()
        for name, value in (
            ("node", row.identity),
            ("mark", "none" if row.mark is None else row.mark),
            ("last batch", row.batch),
            ("in the target", row.in_target),
            ("target", row.target or "none"),
            ("held by", row.holder or "nobody"),
            ("unfinished", "a batch was about to be published" if row.pending else "nothing"),
        ):
            self.terminal.line(f"{name:<14} {value}")
        self.terminal.line()
        self._table(
            ("when", "what", "batch", "run", ""),
            [
                (_moment(n.at), n.action, str(n.number or ""), n.run_id[:8], _one_line(n.message))
                for n in self.admin.notes(row.identity, self.args.limit)
            ],
            "nothing was tried yet",
        )
        return 0

    def history(self) -> int:
        rows = [self._row()] if self.args.nodes else self.rows
        batches = self.admin.batches([row.identity for row in rows], self.args.limit)
        self._table(
            ("node", "batch", "published", "rows", "quarantined", "bytes", "seconds", "up to"),
            [
                (
                    f"{b.identity.pipeline}/{b.identity.node}",
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

    def reset(self) -> int:
        row = self._row()
        mark = None if self.args.to is None else parse_mark(self.args.to)
        what = "forget the mark" if mark is None else f"set the mark to {mark}"
        if not self._agreed(f"{what} of {row.identity} (it is {row.mark})"):
            return 1
        self.admin.reset(row.identity, mark)
        return self._done(row)

    def repair(self) -> int:
        from odibi_dagster.assets.repair import examine
        from odibi_dagster.cli.show import find_node
        from odibi_dagster.engines.base import get_engine
        from odibi_dagster.plan.planner import Planner

        row = self._row()
        node = self.project.nodes[find_node(self.project, self.args.nodes[0])[0]]
        planner = Planner(self.project, get_engine(self.project.engine))
        found = examine(self.store, row, node, planner)
        self.terminal.line(f"state:  mark {row.mark}, batch {row.in_target} in the target")
        self.terminal.line(f"target: mark {found.mark}, batch {found.in_target}, {found.target}")
        if not self._agreed(f"take the target of {row.identity} as it is"):
            return 1
        self.admin.repair(
            row.identity, mark=found.mark, in_target=found.in_target, target=found.target
        )
        return self._done(row)

    def rename(self) -> int:
        from dataclasses import replace

        if len(self.args.nodes) != 2 or self.args.nodes[1].count("/") != 1:
            msg = "state rename takes the old and the new PIPELINE/NODE"
            raise ConfigError(msg)
        row = self._row()
        pipeline, node = self.args.nodes[1].split("/")
        new = replace(row.identity, pipeline=pipeline, node=node)
        if not self._agreed(f"let {new} carry on where {row.identity} is"):
            return 1
        self.admin.rename(row.identity, new)
        return self._done(row)

    def forget(self) -> int:
        row = self._row()
        if not self._agreed(f"forget everything of {row.identity}; its data stays"):
            return 1
        self.admin.forget(row.identity)
        return self._done(row)

    def prune(self) -> int:
        from odibi_dagster.core.units import parse_duration

        try:
            seconds = parse_duration(self.args.older_than).total_seconds()
        except ValueError as error:
            raise ConfigError(str(error)) from None
        kept = f"but the newest {self.args.keep} of each node"
        if not self._agreed(f"forget the batches older than {self.args.older_than}, {kept}"):
            return 1
        gone = self.admin.prune(seconds, self.args.keep)
        self.terminal.line(f"{counted(gone, 'batch').replace('batchs', 'batches')} forgotten")
        return 0

    def _row(self) -> Row:
        """The row that the first NODE names."""
        if not self.args.nodes:
            msg = f"state {self.args.action} takes a PIPELINE/NODE"
            raise ConfigError(msg)
        text = self.args.nodes[0]
        found = [row for row in self.rows if text in (_name(row), row.identity.node)]
        if len(found) == 1:
            return found[0]
        if found:
            msg = f"'{text}' could be {' or '.join(map(_name, found))}"
            raise ConfigError(msg)
        known = [_name(row) for row in self.rows]
        hint = did_you_mean(text, known) if known else "nothing is remembered yet"
        msg = f"nothing is remembered of '{text}'; {hint}"
        raise ConfigError(msg)

    def _identity(self, node: Any) -> Any:
        from odibi_dagster.assets.identity import identity_of

        return identity_of(self.project, node)

    def _agreed(self, what: str) -> bool:
        if self.args.yes:
            return True
        if not sys.stdin.isatty():
            msg = f"nobody is there to ask whether to {what}; --yes says so"
            raise ConfigError(msg)
        self.terminal.write(f"{what}? [y/N] ")
        self.terminal.flush()
        return sys.stdin.readline().strip().lower() in ("y", "yes")

    def _done(self, row: Row) -> int:
        self.terminal.line(f"{row.identity}: {self.args.action} done", "green")
        return 0

    def _table(self, head: Sequence[str], rows: Sequence[Sequence[str]], empty: str) -> None:
        if not rows:
            self.terminal.line(empty)
            return
        lines = [head, *rows]
        widths = [max(len(line[place]) for line in lines) for place in range(len(head))]
        for number, line in enumerate(lines):
            cells = (f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True))
            self.terminal.line("  ".join(cells).rstrip(), "" if number else "bold")


def parse_mark(text: str) -> Mark:
    """A mark as somebody types it.

    >>> parse_mark("2024-01-31T12:00:00")
    datetime.datetime(2024, 1, 31, 12, 0)
    """
    for read in (int, float, date.fromisoformat, datetime.fromisoformat):
        try:
            mark: Mark = read(text)
        except ValueError:
            continue
        return mark
    msg = f"{text!r} is no mark; write a number, 2024-01-31 or 2024-01-31T12:00:00"
    raise ConfigError(msg)


def _open(args: argparse.Namespace, project: Project) -> Store:
    """The store that runs of this project use."""
    import os

    from odibi_dagster.assets.instance import find_home, open_instance
    from odibi_dagster.assets.state_url import VARIABLE, open_store, state_url

    if os.environ.get(VARIABLE) or project.config.dagster.state_url:
        return open_store(state_url(project, None))
    home, ours = find_home(args.config)
    with open_instance(home, ours=ours) as instance:
        return open_store(state_url(project, instance))


def _name(row: Row) -> str:
    prefix = f"{row.identity.key_prefix}/" if row.identity.key_prefix else ""
    return f"{prefix}{row.identity.pipeline}/{row.identity.node}"


def _remarks(row: Row, known: bool) -> str:
    remarks = [] if known else ["no node of the file"]
    remarks += [f"held by run {row.holder}"] if row.holder else []
    remarks += ["unfinished"] if row.pending and not row.holder else []
    return ", ".join(remarks)


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
