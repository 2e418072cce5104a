"""Runs the contenders of a goal in turn, each in a fresh process, and keeps what was measured."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import environments
from benchmarks.compare import Facts, differences, shared
from benchmarks.machine import machine
from benchmarks.measure import Measured, measure
from benchmarks.model import Contender, Goal
from benchmarks.results import Result, Run

ROOT = Path(__file__).parent.parent
WARM_ROWS = 1000
_DAGSTER = "telemetry: {enabled: false}\nnux: {enabled: false}\n"


@dataclass
class Bench:
    """One working folder, which nothing is written outside of, and one size."""

    work: Path
    rows: int
    _facts: dict[str, Facts] = field(default_factory=dict)

    @property
    def results(self) -> Path:
        """Where the last result of each goal is kept."""
        return self.work / "results"

    def make_environments(self, goal: Goal, only: Iterable[str] = ()) -> None:
        """Make what a goal needs before anything is measured. CommandError where it cannot be."""
        for contender in chosen(goal, only):
            environments.interpreter(contender.python, self.work)

    def run(self, goal: Goal, repeats: int, only: Iterable[str] = ()) -> Result:
        """Every contender in turn, `repeats` times over; only those named, where any are.

        CommandError where one of them fails. What they left behind is compared once.
        """
        contenders = chosen(goal, only)
        self._facts = {}
        self._prepare(contenders)
        result = Result(
            goal=goal.name,
            rows=self.rows,
            date=f"{datetime.now(UTC):%Y-%m-%d}",
            machine=machine(),
            versions={c.python: environments.versions(c.python, self.work) for c in contenders},
        )
        for repeat in range(repeats):
            for contender in contenders:
                if repeat and contender.once:
                    continue
                said = f"{goal.name} {repeat + 1}/{repeats} {contender.name}"
                print(f"{said:<36}", end="", flush=True)
                run = self._measured(contender, repeat)
                print(_shown(run), flush=True)
                result.runs.append(run)
        result.compared = shared(self._facts)
        result.differences = self._compare(goal.base)
        result.save(self.results)
        return result

    def _prepare(self, contenders: list[Contender]) -> None:
        """Data, and one small run of each: bytecode and Dagster's tables exist afterwards."""
        for contender in contenders:
            if contender.kind is not None:
                self._data(contender.kind, self._rows(contender))
                self._execute(contender, WARM_ROWS)

    def _rows(self, contender: Contender) -> int:
        return int(self.rows * contender.times)

    def _data(self, kind: str, rows: int) -> Path:
        """The folder of the data, which is generated where it is not there."""
        folder = self.work / "data" / f"{kind}-{rows}"
        if not folder.exists():
            half = folder.with_name(f".{folder.name}")
            shutil.rmtree(half, ignore_errors=True)
            command = [sys.executable, "-m", "benchmarks.generate", str(half), str(rows), kind]
            subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
            half.rename(folder)
        return folder

    def _out(self, contender: Contender) -> Path:
        return self.work / "out" / contender.name

    def _execute(self, contender: Contender, rows: int) -> Measured:
        """One run, into an empty folder."""
        out = self._out(contender)
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        python = environments.interpreter(contender.python, self.work)
        # what others left to be written to disk shall not be written while this one is measured
        os.sync()
        return measure(
            [str(python), *contender.command],
            {**os.environ, **self._environment(contender, rows)},
            ROOT,
            self.work / f"{contender.name}.log",
        )

    def _environment(self, contender: Contender, rows: int) -> Mapping[str, str]:
        home = self.work / "dagster_home"
        home.mkdir(parents=True, exist_ok=True)
        (home / "dagster.yaml").write_text(_DAGSTER, encoding="utf-8")
        data = self._data(contender.kind, rows) if contender.kind else self.work
        return {
            "BENCH_DATA": str(data),
            "BENCH_OUT": str(self._out(contender)),
            "BENCH_REPORT": str(self._report(contender)),
            "DAGSTER_HOME": str(home),
            # as installed packages have it; else each run would compile all that it imports
            "PYTHONDONTWRITEBYTECODE": "",
            **contender.variables,
        }

    def _report(self, contender: Contender) -> Path:
        return self.work / f"{contender.name}.json"

    def _measured(self, contender: Contender, repeat: int) -> Run:
        self._report(contender).unlink(missing_ok=True)
        measured = self._execute(contender, self._rows(contender))
        said = self._said(contender)
        if contender.name not in self._facts:
            self._facts[contender.name] = Facts(self._tables(contender), said.get("checks", {}))
        figures = {"wall": measured.wall, "cpu": measured.cpu, "memory": float(measured.memory)}
        return Run(
            contender.name,
            repeat,
            figures | said.get("figures", {}),
            {node: round(took, 3) for node, took in said.get("seconds", {}).items()},
        )

    def _said(self, contender: Contender) -> dict[str, Any]:
        """What it reported, and what Dagster logged of it; foreign tools say nothing."""
        report = self._report(contender)
        said: dict[str, Any] = json.loads(report.read_text("utf-8")) if report.exists() else {}
        if contender.logged:
            said |= _ask("benchmarks.dagster_log", str(self.work / "dagster_home"))
        return said

    def _tables(self, contender: Contender) -> dict[str, Any]:
        """Digests of what it left behind, by a process of its own: ours stays small."""
        named = [f"{node}={file}" for node, file in contender.tables.items()]
        return _ask("benchmarks.digest", str(self._out(contender)), *named) if named else {}

    def _compare(self, base: str) -> list[str]:
        if base not in self._facts:
            return []
        return [
            line
            for name, seen in self._facts.items()
            if name != base
            for line in differences(name, seen, base, self._facts[base])
        ]


def chosen(goal: Goal, only: Iterable[str]) -> list[Contender]:
    """The contenders of a goal with these names; all of them where none is named."""
    names = set(only) or {contender.name for contender in goal.contenders}
    return [contender for contender in goal.contenders if contender.name in names]


def _ask(module: str, *arguments: str) -> dict[str, Any]:
    """What a module of ours prints as JSON when it is run as a process."""
    command = [sys.executable, "-W", "ignore", "-m", module, *arguments]
    output = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    said: dict[str, Any] = json.loads(output)
    return said


def _shown(run: Run) -> str:
    memory = run.figures["memory"] / 2**20
    return f"{run.figures['wall']:8.2f} s  {run.figures['cpu']:8.2f} s CPU  {memory:8,.0f} MB"
