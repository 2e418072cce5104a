"""The words of a benchmark: a goal, its contenders, and what it claims of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

ROWS = 10_000_000
"""Orders, where a goal says nothing else."""
Kind = Literal["parquet", "csv"]


@dataclass(frozen=True)
class Contender:
    """One way to do the work: a command that is run as a fresh process."""

    name: str
    title: str
    command: tuple[str, ...]
    """What follows the interpreter."""
    python: str = "here"
    """The environment whose interpreter runs it; see `environments`."""
    times: float = 1
    """How many times the rows of the run it is given."""
    kind: Kind | None = "parquet"
    """The files it reads; None where it reads none."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Environment variables of its own."""
    logged: bool = False
    """Whether seconds per node and the values of checks are read from Dagster's log."""
    once: bool = False
    """A reference: run once, and not in every repeat."""
    tables: Mapping[str, str] = field(default_factory=dict)
    """What it leaves behind, by node: files to compare with those of the others."""


@dataclass(frozen=True)
class Claim:
    """A number to be kept: a measure of one contender, divided by that of another."""

    text: str
    measure: str
    """`wall`, `cpu`, `memory`, or a figure that the contenders report themselves."""
    of: str
    to: str | None
    """None: the measure itself is judged (bytes, seconds)."""
    limit: float
    at_least: bool = False

    def kept(self, value: float) -> bool:
        """Whether the value is on the right side of the limit."""
        return value >= self.limit if self.at_least else value <= self.limit


@dataclass(frozen=True)
class Goal:
    """Contenders that do the same work, in the order in which they take turns."""

    name: str
    title: str
    method: str
    """What is run, in a sentence or two of Markdown."""
    contenders: tuple[Contender, ...]
    claims: tuple[Claim, ...]
    base: str
    """The contender that the ratios of all others are taken to."""
    repeats: int = 3
