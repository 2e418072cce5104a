#!/usr/bin/env python3
"""Run the tests group by group and say how long each took.

    python scripts/run_tests.py                 every group
    python scripts/run_tests.py lint polars     some of them

What the system lacks is left out and named in the last line. Under CI=true leaving out fails,
and so does a group that takes half as long again as its budget: machines are not equally fast.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
CI = os.environ.get("CI") == "true"
PATIENCE = 1.5
"""Budgets after which a group is ended under CI."""
MARKED = ("spark", "databases", "airflow", "browser")
PLAIN = " and ".join(f"not {mark}" for mark in MARKED)
DOCS = "tests/project/test_docs.py"
SPARK = "spark and not databases and not browser"
DATABASES = "databases and not browser"
FAILPOINTS = "tests/kills/test_failpoints.py"
STEPS = ("tests/kills/test_replay.py", "tests/kills/test_growth.py")
APART = (FAILPOINTS, *STEPS)
"""Kills that have commands of their own."""

Command = list[str]
RUNNING: list[subprocess.Popen[bytes]] = []
"""What was started and has not ended."""


@dataclass(frozen=True)
class Group:
    """Commands that are judged and timed together."""

    name: str
    budget: int
    """Seconds that it is meant to take on two cores."""
    commands: tuple[Command, ...]
    needs: tuple[str, ...] = ()
    """Names from scripts/system-packages without which it is left out."""
    at_once: int = 1
    """Commands that run at the same time; of more than one, each says all it has to at its end."""


@dataclass
class Outcome:
    """What became of one group."""

    group: Group
    seconds: float = 0.0
    failed: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


def tool(name: str, *arguments: str) -> Command:
    return [str(BIN / name), *arguments]


def pytest(marker: str, *arguments: str) -> Command:
    return tool("pytest", "-q", "--durations=5", "-m", marker, *arguments)


GROUPS = (
    Group(
        "lint",
        180,
        (
            tool("ruff", "check", "."),
            tool("ruff", "format", "--check", "."),
            tool("mypy"),
            tool("lint-imports"),
            tool("pytest", "-q", DOCS),
        ),
    ),
    Group(
        "polars",
        600,
        (
            pytest(PLAIN, "tests/assets"),
            pytest(PLAIN, "--ignore=tests/assets", "--ignore=tests/cli", f"--ignore={DOCS}"),
            pytest(PLAIN, "tests/cli", "--ignore-glob=*/test_[r-z]*.py"),
            pytest(PLAIN, "tests/cli", "--ignore-glob=*/test_[a-q]*.py"),
        ),
        at_once=2,
    ),
    Group(
        "spark",
        720,
        (
            pytest(SPARK, "tests/assets", "tests/checks"),
            pytest(SPARK, "--ignore=tests/assets", "--ignore=tests/checks"),
        ),
        ("java",),
        at_once=2,
    ),
    # in an order in which both cores end at about the same time
    Group(
        "databases",
        600,
        (
            pytest(DATABASES, "--ignore=tests/kills"),
            pytest(DATABASES, FAILPOINTS, "-k", "recovers"),
            pytest(DATABASES, FAILPOINTS, "-k", "not recovers"),
            pytest(DATABASES, "tests/kills", *(f"--ignore={file}" for file in APART)),
            pytest(DATABASES, *STEPS),
        ),
        ("mariadb",),
        at_once=2,
    ),
    Group("airflow", 480, (pytest("airflow"),)),
    Group("browser", 300, (pytest("browser"),), ("chromium",)),
)


def run(command: Command, seconds: float, output: IO[str] | None = None) -> tuple[int, str]:
    """The exit code, and why it failed; a command over time is ended with all it started."""
    # without a UTF-8 locale Java takes the letters of file names for others
    env = {**os.environ, "LC_ALL": os.environ.get("LC_ALL") or "C.UTF-8"}
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=env,
        start_new_session=True,
        stdout=output,
        stderr=subprocess.STDOUT if output else None,
    )
    RUNNING.append(process)
    try:
        code = process.wait(timeout=seconds if CI else None)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return 1, f"ended after {seconds:.0f} s"
    finally:
        RUNNING.remove(process)
    return code, f"exit code {code}"


def interrupt() -> None:
    """Tell all that runs to end, as Ctrl-C does; once more, and for good, what does not."""
    for number in (signal.SIGINT, signal.SIGINT, signal.SIGKILL):
        for process in RUNNING.copy():
            with suppress(ProcessLookupError):
                os.killpg(process.pid, number)
        until = time.monotonic() + 10
        while RUNNING and time.monotonic() < until:
            time.sleep(0.1)


def skipped_tests(report: Path) -> list[str]:
    """The tests that a JUnit report calls skipped; an expected failure is not one of them."""
    if not report.exists():
        return []
    cases = ElementTree.parse(report).iter("testcase")
    return [
        f"{case.get('classname')}::{case.get('name')}"
        for case in cases
        if (skip := case.find("skipped")) is not None and skip.get("type") != "pytest.xfail"
    ]


def execute(command: Command, outcome: Outcome, left: float) -> None:
    """Run one command of a group, and note what became of it."""
    title = f"\n$ {' '.join([Path(command[0]).name, *command[1:]])}"
    with tempfile.TemporaryDirectory() as folder:
        report, said = Path(folder, "report.xml"), Path(folder, "said")
        # in the folder that sessions share, the start of one shuts out the Postgres of another
        options = [f"--junitxml={report}", f"--basetemp={folder}/tests"]
        extra = options if command[0].endswith("pytest") else []
        if outcome.group.at_once == 1:
            print(title, flush=True)
            code, reason = run([*command, *extra], left)
        else:
            with said.open("w") as output:
                code, reason = run([*command, *extra], left, output)
            print(f"{title}\n{said.read_text()}", flush=True)
        outcome.skipped += skipped_tests(report)
    if code:
        outcome.failed.append(f"{Path(command[0]).name}: {reason}")


def run_group(group: Group, missing: set[str]) -> Outcome:
    outcome = Outcome(group)
    if lacking := sorted(missing.intersection(group.needs)):
        outcome.skipped.append(f"{group.name} (no {', '.join(lacking)})")
        return outcome
    started = time.monotonic()

    def in_time(command: Command) -> None:
        left = PATIENCE * group.budget - (time.monotonic() - started)
        execute(command, outcome, max(left, 1.0))

    with ThreadPoolExecutor(group.at_once) as pool:
        try:
            list(pool.map(in_time, group.commands))
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            interrupt()
            raise
    outcome.seconds = time.monotonic() - started
    return outcome


def missing_packages() -> set[str]:
    command = [str(ROOT / "scripts/system-packages"), "--missing"]
    return set(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())


def report(outcomes: list[Outcome]) -> int:
    skipped = [name for outcome in outcomes for name in outcome.skipped]
    print("\ngroup        seconds  budget  result")
    for outcome in outcomes:
        group = outcome.group
        left_out = "left out" if group.needs and not outcome.seconds else "ok"
        left_out += ", over its budget" * (outcome.seconds > group.budget)
        result = "; ".join(outcome.failed) or left_out
        print(f"{group.name:<12}{outcome.seconds:>8.0f}{group.budget:>8}  {result}")
    total = sum(outcome.seconds for outcome in outcomes)
    print(f"{'total':<12}{total:>8.0f}")
    failed = any(outcome.failed for outcome in outcomes)
    if skipped and CI:
        print("failed: under CI=true nothing may be skipped")
        failed = True
    print(f"skipped: {', '.join(skipped) or 'nothing'}")
    return int(failed)


def main(names: list[str]) -> int:
    known = {group.name: group for group in GROUPS}
    if unknown := set(names) - known.keys():
        print(f"unknown group {', '.join(sorted(unknown))}; there are {', '.join(known)}")
        return 2
    missing = missing_packages()
    return report([run_group(known[name], missing) for name in names or known])


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
