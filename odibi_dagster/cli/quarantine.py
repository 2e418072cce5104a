"""Rejected rows: which nodes have any, why each was rejected, and how it is brought back.

list and show look; replay publishes corrected rows, once, and takes them out of the quarantine.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from odibi_dagster.cli.partition import partition_argument
from odibi_dagster.cli.quarantine_look import list_all, show
from odibi_dagster.cli.quarantine_replay import replay
from odibi_dagster.cli.quarantine_rows import Quarantines
from odibi_dagster.cli.validate import config_arguments

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from odibi_dagster.cli.terminal import Terminal

NAME = "quarantine"
HELP = "rejected rows: what there is, why, and how it is brought back"
EXAMPLES = """\
examples:
  odibi-dagster quarantine list odibi.yaml                          nodes, rows, batches, places
  odibi-dagster quarantine show odibi.yaml silver/flights           rows, and what each broke
  odibi-dagster quarantine show odibi.yaml silver/flights --test range_amount --limit 5
  odibi-dagster quarantine replay odibi.yaml silver/flights         after they were corrected
  odibi-dagster quarantine replay odibi.yaml silver/flights --batch ID --from corrected.csv

show masks pii and sensitive columns; --reveal does not. A batch is replayed as a whole or not at
all: its rows go through the checks of the node, those that its input had rejected through its steps
first, and what is in the target is taken out of the quarantine. A replay that was stopped is
finished by the same command. --from FILE (parquet or csv) is what the batch becomes.
"""
ACTIONS: Mapping[str, Callable[[Quarantines], int]] = {
    "list": list_all,
    "show": show,
    "replay": replay,
}
_LIMIT = 20


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("action", choices=list(ACTIONS), metavar="ACTION", help=", ".join(ACTIONS))
    config_arguments(parser)
    parser.add_argument("nodes", nargs="*", metavar="NODE", help="PIPELINE/NODE")
    partition_argument(parser, "of this partition alone")
    parser.add_argument("--batch", metavar="ID", help="show, replay: the rows of this batch alone")
    parser.add_argument("--test", metavar="NAME", help="show: the rows that broke this test")
    parser.add_argument(
        "--limit", type=_count, default=_LIMIT, metavar="N", help=f"show: so many rows ({_LIMIT})"
    )
    parser.add_argument("--reveal", action="store_true", help="show: nothing is masked")
    parser.add_argument("--json", action="store_true", help="list, show: one array of objects")
    parser.add_argument("--from", dest="file", metavar="FILE", help="replay: the corrected rows")
    parser.add_argument("--yes", action="store_true", help="replay: do not ask")


def execute(args: argparse.Namespace, terminal: Terminal) -> int:
    """0 when it was done; 1 where the answer was no, 3 where rows are still broken."""
    from odibi_dagster.config.load import load_project

    project = load_project(args.config, env=args.env)
    return ACTIONS[args.action](Quarantines(args, project, terminal))


def _count(text: str) -> int:
    if not text.isdecimal():
        msg = f"{text!r} is no number of rows; write 0 or more"
        raise argparse.ArgumentTypeError(msg)
    return int(text)
