"""What is remembered between runs: marks, batches, and who is at work. Changes are asked for first.

list, show and history look; reset, repair, rename, forget and prune change.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from odibi_dagster.cli.partition import partition_argument
from odibi_dagster.cli.state_change import CHANGES
from odibi_dagster.cli.state_look import LOOKS
from odibi_dagster.cli.state_rows import States
from odibi_dagster.cli.validate import config_arguments

if TYPE_CHECKING:
    from odibi_dagster.cli.terminal import Terminal

NAME = "state"
HELP = "what is remembered between runs: marks and batches"
EXAMPLES = """\
examples:
  odibi-dagster state list odibi.yaml                       every mark
  odibi-dagster state show odibi.yaml bronze/orders         one node, and what was tried with it
  odibi-dagster state history odibi.yaml bronze/orders      its batches: rows, seconds, bytes
  odibi-dagster state reset odibi.yaml bronze/orders        forget the mark
  odibi-dagster state reset odibi.yaml bronze/orders --to 2024-01-31
  odibi-dagster state reset odibi.yaml bronze/days --partition 2024-01-31
  odibi-dagster state repair odibi.yaml bronze/orders       take the target as it is
  odibi-dagster state rename odibi.yaml bronze/old bronze/new
  odibi-dagster state forget odibi.yaml bronze/gone         everything of a node
  odibi-dagster state prune odibi.yaml --older-than 90d     old batches of every node

What changes anything asks first; --yes answers. A node that is no longer in the file keeps its
state until it is forgotten.
"""
ACTIONS = {**LOOKS, **CHANGES}


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("action", choices=list(ACTIONS), metavar="ACTION", help=", ".join(ACTIONS))
    config_arguments(parser)
    parser.add_argument("nodes", nargs="*", metavar="NODE", help="PIPELINE/NODE")
    partition_argument(parser, "of this partition alone")
    parser.add_argument("--to", metavar="MARK", help="reset: a number, a date or a timestamp")
    parser.add_argument(
        "--limit", type=_count, default=20, metavar="N", help="history: so many (20)"
    )
    parser.add_argument("--older-than", default="400d", metavar="AGE", help="prune: 400d")
    parser.add_argument(
        "--keep", type=_count, default=50, metavar="N", help="prune: the newest (50)"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask")


def execute(args: argparse.Namespace, terminal: Terminal) -> int:
    """0 when it was done, or there was nothing to do; 1 where the answer was no."""
    from odibi_dagster.config.load import load_project

    project = load_project(args.config, env=args.env)
    return ACTIONS[args.action](States(args, project, terminal))


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        msg = f"{text!r} is no number of rows; write 1 or more"
        raise argparse.ArgumentTypeError(msg)
    return int(text)
