"""The command line as a process of its own: the command, and `python -m odibi_dagster.cli`."""

from __future__ import annotations

import gc
import sys

from odibi_dagster.cli.entry import main


def process() -> int:
    """What `main` says, from a process that ends with it.

    Python would walk all that Dagster and Polars load again and again while they load, and once
    more at the end: a third of the CPU time of a small run (measured). A command that works on
    rows calls `resume` before it does.
    """
    gc.disable()
    try:
        return main()
    finally:
        gc.freeze()


if __name__ == "__main__":
    sys.exit(process())
