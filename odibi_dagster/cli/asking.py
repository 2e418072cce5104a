"""A change is asked for before it is made."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from odibi_dagster.errors import ConfigError

if TYPE_CHECKING:
    import argparse

    from odibi_dagster.cli.terminal import Terminal


def agreed(args: argparse.Namespace, terminal: Terminal, what: str) -> bool:
    """Whether `--yes` or the answer says so; ConfigError where nobody is there to ask."""
    if args.yes:
        return True
    if not sys.stdin.isatty():
        msg = f"nobody is there to ask whether to {what}; --yes says so"
        raise ConfigError(msg)
    terminal.write(f"{what}? [y/N] ")
    terminal.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")
