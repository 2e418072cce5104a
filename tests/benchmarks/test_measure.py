"""What a process takes is seen from outside, children included."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from benchmarks.measure import CommandError, Measured, measure

if TYPE_CHECKING:
    from pathlib import Path

LARGE = "x = bytearray(150 * 2**20); import time; time.sleep(0.5)"
BUSY = "import time\nwhile time.process_time() < 0.4: pass"
PARENT = "import subprocess, sys; subprocess.run([sys.executable, '-c', {code!r}], check=True)"


def run(code: str, folder: Path) -> Measured:
    return measure([sys.executable, "-c", code], dict(os.environ), folder, folder / "log")


@pytest.mark.parametrize("code", [LARGE, PARENT.format(code=LARGE)], ids=["itself", "a child"])
def test_memory(code: str, tmp_path: Path):
    assert 150 * 2**20 < run(code, tmp_path).memory < 300 * 2**20


@pytest.mark.parametrize("code", [BUSY, PARENT.format(code=BUSY)], ids=["itself", "a child"])
def test_cpu(code: str, tmp_path: Path):
    measured = run(code, tmp_path)
    assert measured.cpu >= 0.4
    assert measured.wall >= 0.4


def test_a_command_that_fails_shows_its_last_words(tmp_path: Path):
    with pytest.raises(CommandError, match=r"(?s)exit code 3.*out of ideas"):
        run("print('out of ideas'); raise SystemExit(3)", tmp_path)


@pytest.fixture
def _heard():
    """Interrupts are heard, also where a shell started the tests in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_heard")
def test_an_interrupt_ends_what_was_started(tmp_path: Path):
    child = "import os, time; open('child', 'w').write(str(os.getpid())); {}; time.sleep(60)"
    interrupt = "os.kill(os.getppid(), 2)"
    with pytest.raises(KeyboardInterrupt):
        run(child.format(interrupt), tmp_path)

    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "child").read_text()), 0)
