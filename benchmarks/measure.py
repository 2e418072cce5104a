"""One command as a process of its own: seconds, CPU seconds, and the most memory its tree held."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

INTERVAL = 0.02
"""Seconds between two samples of memory; one costs about 20 microseconds per process."""
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
        watch = _Watch(process.pid)
        try:
            _, status, used = os.wait4(process.pid, 0)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        finally:
            watch.stop()
        wall = time.perf_counter() - started
    # it is reaped already: without this Popen would complain that it still runs
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        tail = log.read_text(encoding="utf-8", errors="replace")[-3000:]
        raise CommandError(f"{' '.join(command)}: exit code {process.returncode}\n{tail}")
    return Measured(wall, used.ru_utime + used.ru_stime, watch.peak, watch.processes)


class _Watch:
    """Samples the resident sets of a process and its children in a thread.

    Resident sets count a page that two processes share twice. The proportional set (PSS) would
    not, but reading it takes 12 ms for each GB while the process cannot get new memory: sampled
    often it slows down what it measures. The contenders are single processes, where both agree.
    """

    def __init__(self, pid: int) -> None:
        self.peak = 0
        self.processes = 0
        self._pid = pid
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Take no more samples."""
        self._done.set()
        self._thread.join()

    def _sample(self) -> None:
        family: list[psutil.Process] = []
        looked = -FAMILY
        while not self._done.wait(INTERVAL):
            if time.monotonic() - looked > FAMILY:
                family, looked = _family(self._pid), time.monotonic()
                self.processes = max(self.processes, len(family))
            self.peak = max(self.peak, sum(map(_resident, family)))


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
