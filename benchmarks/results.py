"""What was measured, kept as one JSON file per goal, so that goals can be run apart."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.model import Claim


@dataclass(frozen=True)
class Run:
    """One run of one contender."""

    contender: str
    repeat: int
    figures: dict[str, float]
    """`wall` and `cpu` in seconds, `memory` in bytes, and what the contender reports itself."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Wall seconds per node, where the contender says so."""


@dataclass
class Result:
    """All runs of one goal, and whether the contenders agreed."""

    goal: str
    rows: int
    date: str
    machine: str
    versions: dict[str, str]
    """By environment: interpreter and packages."""
    runs: list[Run] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)
    compared: list[str] = field(default_factory=list)
    """What was found equal, or not: tables and checks."""

    def of(self, contender: str) -> list[Run]:
        """The runs of one contender, by repeat."""
        return [run for run in self.runs if run.contender == contender]

    def save(self, folder: Path) -> None:
        """As `<goal>.json`; an older one is replaced."""
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(asdict(self), indent=1)
        (folder / f"{self.goal}.json").write_text(text, encoding="utf-8")


def load(folder: Path, goal: str) -> Result | None:
    """The last result of a goal; None where it was never run to its end."""
    file = folder / f"{goal}.json"
    if not file.exists():
        return None
    said: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return Result(**{**said, "runs": [Run(**run) for run in said["runs"]]})


@dataclass(frozen=True)
class Spread:
    """A median and the range around it."""

    median: float
    least: float
    most: float

    def shown(self, digits: int = 2) -> str:
        """Such as `1.21 (1.19 to 1.24)`; the range is left out where there is none."""
        middle, low, high = (f"{v:,.{digits}f}" for v in (self.median, self.least, self.most))
        return middle if low == high else f"{middle} ({low} to {high})"


def spread(values: list[float], scale: float = 1) -> Spread:
    """Median, least and most of these values, each divided by `scale`."""
    scaled = [value / scale for value in values]
    return Spread(statistics.median(scaled), min(scaled), max(scaled))


def ratios(result: Result, measure: str, of: str, to: str) -> list[float]:
    """Run by run of the same repeat; a contender that ran once is compared with the first."""
    return [a / b for a, b in _pairs(result, measure, of, to)]


def _pairs(result: Result, measure: str, of: str, to: str) -> Iterator[tuple[float, float]]:
    base = {run.repeat: run.figures[measure] for run in result.of(to)}
    for run in result.of(of):
        if run.repeat in base:
            yield run.figures[measure], base[run.repeat]


def judged(result: Result, claim: Claim) -> Spread | None:
    """What a claim is judged by; None where one of its contenders was not run."""
    if claim.to is None:
        values = [run.figures[claim.measure] for run in result.of(claim.of)]
    else:
        values = ratios(result, claim.measure, claim.of, claim.to)
    return spread(values) if values else None
