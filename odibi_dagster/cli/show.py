"""Show rows: those a node stored, those a view gives, or those a quarantine holds."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from odibi_dagster.cli.partition import known_key, named_node, partition_argument
from odibi_dagster.cli.validate import config_arguments
from odibi_dagster.core.collector import resume
from odibi_dagster.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from odibi_dagster.cli.rows import Batches
    from odibi_dagster.cli.terminal import Terminal
    from odibi_dagster.config.project import Node, Project
    from odibi_dagster.core.frame import Frame
    from odibi_dagster.core.names import NodeId
    from odibi_dagster.engines.base import Engine
    from odibi_dagster.plan.planner import Planner

NAME = "show"
HELP = "show the rows of a node, a view or a quarantine"
EXAMPLES = """\
examples:
  odibi-dagster show odibi.yaml gold/routes
  odibi-dagster show odibi.yaml silver/flights__quarantine --limit 5
  odibi-dagster show odibi.yaml gold/routes --all --format csv > routes.csv
  odibi-dagster show odibi.yaml gold/routes --format json | jq '.[0]'
  odibi-dagster show odibi.yaml gold/routes --plan

Columns that are pii or sensitive are masked; --reveal shows them.

json: one array of objects; dates and times are ISO 8601, decimals are strings, binary is base64,
integers are exact, NaN and infinities are null (JSON has no word for them).
csv: null is empty, an empty string is "".
"""
_LIMIT = 20
_BATCH_ROWS = 10_000


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    config_arguments(parser)
    parser.add_argument(
        "node", metavar="PIPELINE/NODE", help="the node; with __quarantine its rejected rows"
    )
    amount = parser.add_mutually_exclusive_group()
    amount.add_argument(
        "--limit", type=_rows, default=_LIMIT, metavar="N", help=f"at most so many rows ({_LIMIT})"
    )
    amount.add_argument("--all", action="store_true", help="every row, batch by batch")
    amount.add_argument("--plan", action="store_true", help="the optimized plan; runs nothing")
    parser.add_argument(
        "--format", choices=["table", "csv", "json"], default="table", help="how to write (table)"
    )
    parser.add_argument("--reveal", action="store_true", help="nothing is masked")
    partition_argument(parser, "this partition alone (else all that are stored)")


def execute(args: argparse.Namespace, terminal: Terminal) -> int:
    """Print the rows; 0, or the exit code of the error."""
    from odibi_dagster.config.load import load_project
    from odibi_dagster.engines.base import get_engine
    from odibi_dagster.plan.planner import Planner

    project = load_project(args.config, env=args.env)
    node_id, quarantine = find_node(project, args.node)
    node = named_node(project, project.nodes[node_id], args.partition)
    if node.partitions and node.partition is None and (args.plan or node.is_view):
        known_key(project, node, None)  # a plan is that of one partition
    engine = get_engine(project.engine)
    planner = Planner(project.at(node.partition) if node.partition else project, engine)
    if args.plan:
        terminal.line(engine.explain(_planned(planner, node_id, quarantine=quarantine)))
        return 0
    frame = planner.quarantine(node_id) if quarantine else planner.result(node_id)
    is_stored = quarantine or not project.nodes[node_id].is_view
    hidden = frozenset() if args.reveal else _hidden(project.nodes[node_id], frame, quarantine)
    resume()
    _rows_out(args, engine, frame, terminal, is_stored=is_stored, hidden=hidden)
    if hidden:
        terminal.note(f"masked: {', '.join(sorted(hidden))}; --reveal shows them")
    return 0


def _hidden(node: Node, frame: Frame, quarantine: bool) -> frozenset[str]:
    from odibi_dagster.cli.quarantine_look import hidden_of

    names = frame.collect_schema().names()
    return hidden_of(node, names) if quarantine else node.hidden(names)


def find_node(project: Project, text: str) -> tuple[NodeId, bool]:
    """The node that `pipeline/node` or `pipeline/node__quarantine` means, and whether the latter.

    ConfigError with the nearest name where there is none; a pipeline may be left out where the
    name of the node says enough.
    """
    from odibi_dagster.core.names import QUARANTINE_SUFFIX

    plain = text.removesuffix(QUARANTINE_SUFFIX)
    found = [node for node in project.nodes if plain in (str(node), node.name)]
    if len(found) == 1:
        return found[0], text != plain
    if found:
        msg = f"'{text}' could be {' or '.join(map(str, found))}"
        raise ConfigError(msg)
    known = [str(node) for node in project.nodes]
    msg = f"no node '{text}'; {did_you_mean(plain, known)}"
    raise ConfigError(msg)


def _planned(planner: Planner, node_id: NodeId, *, quarantine: bool) -> Frame:
    """What makes the rows of a node: its inputs and steps, not the table they end in."""
    if quarantine:
        return planner.quarantine(node_id)
    node = planner.project.nodes[node_id]
    return planner.output(node, planner.inputs(node))


def _rows_out(
    args: argparse.Namespace,
    engine: Engine,
    frame: Frame,
    terminal: Terminal,
    *,
    is_stored: bool,
    hidden: frozenset[str],
) -> None:
    from odibi_dagster.cli.rows import FORMATS, masked

    names = list(frame.collect_schema())
    more = False
    if args.all:
        batches: Batches = engine.fetch_batches(frame, _BATCH_ROWS)
    else:
        rows = engine.fetch(frame, args.limit + 1)
        more = len(rows) > args.limit
        batches = [rows[: args.limit]]
    for text in FORMATS[args.format](names, masked(batches, hidden), terminal.is_live):
        terminal.write(text)
        if terminal.gone:
            return
    if more and args.format == "table":
        terminal.note(_remaining(args.limit, engine, frame, is_stored=is_stored))


def _remaining(limit: int, engine: Engine, frame: Frame, *, is_stored: bool) -> str:
    """How many rows were not shown; counting is cheap in storage, and a run of a view is not."""
    if not is_stored:
        return "there are more rows; --all shows every one, --limit N the first N"
    import narwhals.stable.v2 as nw

    total = engine.fetch(frame.select(rows=nw.len()), 1)[0]["rows"]
    return f"{total - limit:,} more of {total:,} rows; --all shows every one, --limit N the first N"


def _rows(text: str) -> int:
    if not text.isdecimal():
        msg = f"{text!r} is no number of rows; write 0 or more, or --all"
        raise argparse.ArgumentTypeError(msg)
    return int(text)
