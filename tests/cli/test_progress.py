"""What the terminal and a pipe show while a node is held in the middle of its sink."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest

from tests.cli.support import PROJECT, child_environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.support import Cli

OFTEN = """
import sys
from itertools import repeat

from odibi_dagster.assets import progress
from odibi_dagster.cli import main
from odibi_dagster.core.watch import Watch

progress.WATCH = Watch(lambda: repeat(0.05))
sys.exit(main())
"""
"""The command, on a watch that does not wait for ten seconds."""
HELD = re.compile(r"gold/answers: \d+ s, writing, 0 rows")


@contextmanager
def started(cli: Cli, *words: str, stdout: int, **environment: str) -> Iterator[Any]:
    """A process that does not outlive the test, also where nobody opens the gate."""
    process = subprocess.Popen(
        [sys.executable, *words, "run", "odibi.yaml"],
        cwd=cli.root,
        env=child_environment(**environment),
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def gate(cli: Cli) -> Path:
    """gold/answers is held in its sink until somebody opens this fifo."""
    os.mkfifo(cli.root / "gate")
    held = f"function: hold_the_sink\n              params: {{at: '{cli.root / 'gate'}'}}"
    cli.write(PROJECT.replace("function: above\n              params: {limit: 5}", held))
    return cli.root / "gate"


def test_a_terminal_shows_how_far_the_node_is(cli: Cli, gate: Path) -> None:
    ours, theirs = pty.openpty()
    terminal = {"TERM": "xterm-256color", "COLUMNS": "60"}
    said = ""
    with started(cli, "-m", "odibi_dagster.cli", stdout=theirs, **terminal) as process:
        os.close(theirs)
        with suppress(OSError):  # how Linux says that the other end is closed
            while chunk := os.read(ours, 100_000).decode():
                said += chunk
                if HELD.search(said) and gate.exists():
                    gate.write_text("go on")
                    gate.unlink()
        assert (process.stderr.read(), process.wait(timeout=60)) == ("", 0)
    os.close(ours)
    assert "3 nodes: 3 ok" in said


def test_a_pipe_is_told_on_stderr_now_and_then(cli: Cli, gate: Path) -> None:
    with started(cli, "-c", OFTEN, stdout=subprocess.PIPE) as process:
        for line in process.stderr:
            if HELD.match(line):
                gate.write_text("go on")
                break
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
    assert "3 nodes: 3 ok" in out
    assert "writing" not in out
    assert all(line.startswith(("silver/orders: ", "gold/")) for line in err.splitlines())
