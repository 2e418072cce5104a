"""One command as a process of its own: seconds, CPU seconds, and the most memory its tree held."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

INTERVAL = 0.01
"""Seconds between two looks at a process; one costs about 20 microseconds per process."""
FAMILY = 0.2
"""Seconds between two looks for new child processes, which costs a millisecond."""


@dataclass(frozen=True)
class Measured:
    """What one run took."""

    wall: float
    cpu: float
    """User and system seconds of the process and of every child that it waited for."""
    memory: int
    """Bytes: the peak of the summed resident sets of the process and its children."""
    processes: int
    """The most processes that ran at once."""


class CommandError(Exception):
    """A command ended with another exit code than 0; the message shows its last words."""


def measure(
    command: Sequence[str], environment: Mapping[str, str], folder: Path, log: Path
) -> Measured:
    """Run the command in `folder` to its end; its output goes to `log`.

    CommandError where it fails. An interrupt ends it and all it started, and is raised.
    """
    with log.open("wb") as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            command,
            env={**environment},
            cwd=folder,
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            measured = _watched(process, started)
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
    if process.returncode:
        tail = log.read_text(encoding="utf-8", errors="replace")[-3000:]
        raise CommandError(f"{' '.join(command)}: exit code {process.returncode}\n{tail}")
    return measured


def _watched(process: subprocess.Popen[bytes], started: float) -> Measured:
    """Look at the process until it ends. Never blocks for long, so that an interrupt is heard.

    Resident sets count a page that two processes share twice. The proportional set (PSS) would
    not, but reading it takes 12 ms for each GB while the process cannot get new memory: sampled
    often it slows down what it measures. The contenders are single processes, where both agree.
    """
    family: list[psutil.Process] = []
    looked, peak, most = -FAMILY, 0, 0
    while True:
        pid, status, used = os.wait4(process.pid, os.WNOHANG)
        now = time.perf_counter()
        if pid:
            # it is reaped: without this Popen would wait for it in vain
            process.returncode = os.waitstatus_to_exitcode(status)
            return Measured(now - started, used.ru_utime + used.ru_stime, peak, most)
        if now - looked > FAMILY:
            family, looked = _family(process.pid), now
            most = max(most, len(family))
        peak = max(peak, sum(map(_resident, family)))
        time.sleep(INTERVAL)


def _family(pid: int) -> list[psutil.Process]:
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
        return 0
