"""`odibi-dagster`: check a project, run it, look at what it stored.

One file per command; each imports what it needs when it runs, so that `--help` costs nothing.
"""

from odibi_dagster.cli.entry import main

__all__ = ["main"]
