"""The one entry point: arguments in, exit code out, and every error as one readable message."""

from __future__ import annotations

import argparse
import sys
import traceback
from typing import TYPE_CHECKING, Protocol

from odibi_dagster.cli import (
    checks,
    export_airflow,
    init,
    ls,
    quarantine,
    run,
    run_node,
    show,
    state,
    validate,
)
from odibi_dagster.cli.terminal import Terminal
from odibi_dagster.errors import ConfigError, OdibiError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Command(Protocol):
    """What the module of a command holds; the first line of its docstring describes it."""

    NAME: str
    HELP: str
    EXAMPLES: str
    __doc__: str | None

    def arguments(self, parser: argparse.ArgumentParser, /) -> None:
        """Add what the command takes."""
        ...

    def execute(self, args: argparse.Namespace, terminal: Terminal, /) -> int:
        """Do it; the exit code. Errors are raised."""
        ...


_MODULES: tuple[Command, ...] = (
    validate, run, checks, show, ls, state, quarantine, init, run_node, export_airflow,
)  # fmt: skip
COMMANDS: Mapping[str, Command] = {command.NAME: command for command in _MODULES}

_EPILOG = """\
examples:
  odibi-dagster init my_project                    a small project that runs
  odibi-dagster validate odibi.yaml                every problem of the file at once
  odibi-dagster run odibi.yaml                     everything, in one process
  odibi-dagster run odibi.yaml +gold/routes        one node and what it needs
  odibi-dagster show odibi.yaml gold/routes        the rows it stored

exit codes: 0 ok; 1 failed, trying again may help; 2 the file or the command line is wrong;
3 a contract stopped a node, the old data is in place; 4 failed, trying again will not help;
130 and 143 stopped by Ctrl-C or SIGTERM
"""

_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. Tracebacks are shown with `--debug` alone.

    >>> main(["validate", "odibi.yaml"])  # doctest: +SKIP
    0
    """
    words = list(sys.argv[1:] if argv is None else argv)
    terminal = Terminal()
    if (code := _unknown_command(words, terminal)) is not None:
        return code
    arguments = parse(words)
    try:
        return COMMANDS[arguments.command].execute(arguments, terminal)
    except KeyboardInterrupt:
        terminal.error("stopped")
        return _INTERRUPTED
    except Exception as error:  # noqa: BLE001  (the last door: nobody above us would explain it)
        if arguments.debug:
            traceback.print_exc(file=terminal.stderr)
        return _explain(error, terminal)
    finally:
        terminal.close()


def _explain(error: Exception, terminal: Terminal) -> int:
    """The message of an error, and the exit code that goes with it."""
    if isinstance(error, ConfigError):
        for problem in error.problems:
            terminal.error(str(problem))
        return error.exit_code
    if isinstance(error, OdibiError):
        terminal.error(str(error))
        return error.exit_code
    if isinstance(error, OSError):
        terminal.error(str(error))
        return OdibiError.exit_code
    terminal.error(f"unexpected {type(error).__name__}: {error}")
    terminal.note("--debug shows where it happened")
    return OdibiError.exit_code


def parse(words: Sequence[str]) -> argparse.Namespace:
    """The arguments of one call; argparse itself ends the process where they make no sense.

    Nodes may stand before and after options, which argparse does not take of its own accord.
    """
    parser = _parser()
    arguments, rest = parser.parse_known_args(words)
    if rest and (any(word.startswith("-") for word in rest) or not hasattr(arguments, "nodes")):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:
        arguments.nodes += rest
    return arguments


def _unknown_command(words: Sequence[str], terminal: Terminal) -> int | None:
    """argparse lists the commands for a mistyped one; we name the one that was meant."""
    command = next((word for word in words if not word.startswith("-")), None)
    if command is None or command in COMMANDS:
        return None
    terminal.error(f"unknown command '{command}'; {did_you_mean(command, COMMANDS)}")
    return ConfigError.exit_code


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--debug",
        action="store_true",
        default=argparse.SUPPRESS,
        help="show tracebacks and what Dagster logs",
    )
    parser = argparse.ArgumentParser(
        prog="odibi-dagster",
        description="odibi.yaml as a Dagster project: check it, run it, look at its rows.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=_version())
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        sub = commands.add_parser(
            name,
            parents=[common],
            help=command.HELP,
            description=(command.__doc__ or "").split("\n", 1)[0],
            epilog=command.EXAMPLES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.arguments(sub)
    return parser


def _version() -> str:
    from odibi_dagster import __version__

    return f"odibi-dagster {__version__}"
