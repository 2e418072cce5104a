#!/usr/bin/env python3
"""Run the tests group by group and say how long each took.

    python scripts/run_tests.py                 every group
    python scripts/run_tests.py lint polars     some of them

What the system lacks is left out and named in the last line. Under CI=true leaving out fails,
and so does a group that takes longer than its budget.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
CI = os.environ.get("CI") == "true"
MARKED = ("spark", "databases", "airflow", "browser")
DOCS = "tests/project/test_docs.py"

Command = list[str]


@dataclass(frozen=True)
class Group:
    """Commands that are judged and timed together."""

    name: str
    budget: int
    """Seconds it may take under CI on two cores."""
    commands: tuple[Command, ...]
    needs: tuple[str, ...] = ()
    """Names from scripts/system-packages without which it is left out."""


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
        (pytest(" and ".join(f"not {mark}" for mark in MARKED), f"--ignore={DOCS}"),),
    ),
    Group("spark", 720, (pytest("spark and not databases and not browser"),), ("java",)),
    Group("databases", 1200, (pytest("databases and not browser"),), ("mariadb",)),
    Group("airflow", 480, (pytest("airflow"),)),
    Group("browser", 360, (pytest("browser"),), ("chromium",)),
)


def run(command: Command, seconds: float) -> tuple[int, str]:
    """The exit code, and why it failed; a command over time is ended with all it started."""
    print(f"\n$ {' '.join([Path(command[0]).name, *command[1:]])}", flush=True)
    # without a UTF-8 locale Java takes the letters of file names for others
    env = {**os.environ, "LC_ALL": os.environ.get("LC_ALL") or "C.UTF-8"}
    process = subprocess.Popen(command, cwd=ROOT, env=env, start_new_session=True)
    try:
        code = process.wait(timeout=seconds if CI else None)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return 1, f"over its budget of {seconds:.0f} s"
    except KeyboardInterrupt:
        os.killpg(process.pid, signal.SIGINT)
        process.wait()
        raise
    return code, f"exit code {code}"


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


def run_group(group: Group, missing: set[str]) -> Outcome:
    outcome = Outcome(group)
    if lacking := sorted(missing.intersection(group.needs)):
        outcome.skipped.append(f"{group.name} (no {', '.join(lacking)})")
        return outcome
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        for command in group.commands:
            report = Path(folder, "report.xml")
            extra = [f"--junitxml={report}"] if command[0].endswith("pytest") else []
            left = group.budget - (time.monotonic() - started)
            code, reason = run([*command, *extra], max(left, 1.0))
            if code:
                outcome.failed.append(f"{Path(command[0]).name}: {reason}")
            outcome.skipped += skipped_tests(report)
            report.unlink(missing_ok=True)
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
    sys.exit(main(sys.argv[1:]))
