"""Write a small project that runs: two pipelines, contracts, a quarantine, a Python step."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from odibi_dagster.errors import ConfigError

if TYPE_CHECKING:
    import argparse

    from odibi_dagster.cli.terminal import Terminal

NAME = "init"
HELP = "write a small project that runs"
EXAMPLES = """\
examples:
  odibi-dagster init my_project
  odibi-dagster run my_project/odibi.yaml
"""
_TEMPLATE = Path(__file__).parent / "template"


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("folder", type=Path, metavar="DIR", help="the folder; made if need be")


def execute(args: argparse.Namespace, terminal: Terminal) -> int:
    """0 when it is written; 2 when a file of the project is there already."""
    folder: Path = args.folder
    files = {path: folder / path.relative_to(_TEMPLATE) for path in _template()}
    _refuse_to_replace(folder, [there for there in files.values() if there.exists()])
    for path, target in files.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
        terminal.line(f"wrote {target}")
    config = shlex.quote(str(folder / "odibi.yaml"))
    home = shlex.quote(str((folder / ".dagster_home").absolute()))
    terminal.line()
    terminal.line("Next:")
    terminal.line(f"  odibi-dagster validate {config}")
    terminal.line(f"  odibi-dagster run {config}")
    terminal.line(f"  odibi-dagster show {config} gold/revenue")
    terminal.line(f"  cd {shlex.quote(str(folder))} && DAGSTER_HOME={home} dagster dev")
    return 0


def _template() -> list[Path]:
    """Every file of the project, as it is written."""
    paths = sorted(path for path in _TEMPLATE.rglob("*") if path.is_file())
    return [path for path in paths if "__pycache__" not in path.parts]


def _refuse_to_replace(folder: Path, present: list[Path]) -> None:
    if folder.exists() and not folder.is_dir():
        msg = f"{folder} is a file; name a folder"
        raise ConfigError(msg)
    if present:
        names = ", ".join(str(path.relative_to(folder)) for path in present)
        msg = f"{folder} has {names} already; choose an empty folder, nothing was written"
        raise ConfigError(msg)
