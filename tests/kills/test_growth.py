"""A Delta table takes new columns by the commit that adds the rows, whatever befalls that run."""

from __future__ import annotations

import itertools
import signal
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl
import pytest

from tests.kills.field import BAD, PROJECT, Field
from tests.kills.points import POINTS
from tests.kills.test_failpoints import LEFT, befall

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.kills.nursery import Nursery

pytestmark = [pytest.mark.databases, pytest.mark.timeout(1_200)]
EVOLVE = "schema_policy: {mode: evolve}\n        write:"


@dataclass
class Growing(Field):
    """Its source gets a column with every batch; a row has a value in those as old as itself."""

    project: str = PROJECT.replace("write:", EVOLVE.replace("{", "{{").replace("}", "}}"))
    firsts: list[int] = field(default_factory=list)
    """The first row with a value in each of these columns."""

    def grow(self, rows: int | None = None) -> None:
        self.firsts.append(self.last + 1)
        self.last += rows or self.chance.randint(BAD, 2 * BAD)
        self.gather()  # in one file: a folder has the columns of one schema

    def _rows(self, first: int, last: int) -> pl.DataFrame:
        grown = {
            f"c{start}": pl.when(pl.col("id") >= start).then(pl.col("id")) for start in self.firsts
        }
        return super()._rows(first, last).with_columns(**grown)

    def misplaced(self) -> list[str]:
        """What is stored and not as the source has it, or the other way round."""
        expected = self._rows(1, self.last)
        good = expected["v"] >= 0
        found = []
        for name, rows in (("orders", good), ("orders_error", ~good)):
            table = pl.read_delta(str(self.root / "lake" / name)).sort("id")
            missing = set(expected.columns) - set(table.columns)
            wrong = [] if missing else table.select(expected.columns).equals(expected.filter(rows))
            found += [f"{name} lacks {missing}"] * bool(missing) + [name] * (wrong is False)
        return found


@pytest.fixture
def ground(tmp_path: Path, nursery: Nursery) -> Iterator[Growing]:
    url = f"sqlite:///{tmp_path}/state.db"
    yield Growing(tmp_path / "field", "growing delta", url, nursery)
    nursery.clear()


@pytest.mark.parametrize("action", ["kill", "full", "hang"])
def test_whatever_befalls_a_run_that_adds_a_column(ground: Growing, action: str) -> None:
    ground.watch(pause=0.03)
    ground.grow(2 * BAD)
    ground.drain()
    for point in POINTS:
        if "recover" not in point:
            befall(ground, point, action)
    ground.drain()
    assert (verdict := ground.verdict()).is_exact, verdict
    assert verdict.reads > 0
    assert ground.misplaced() == []


def test_the_run_that_recovers_finds_another_column(ground: Growing) -> None:
    """What died had one, and the run that puts it right, and dies as well, has two."""
    ground.grow(2 * BAD)
    ground.drain()
    lefts = itertools.cycle(LEFT)
    for point in POINTS:
        left = next(lefts)
        if point == "in quarantine":
            ground.drain()  # one that is there already is not published again
            left = "after intend"
        ground.grow(2 * BAD)
        assert ground.life(fuses={left: "kill"}).end() == -signal.SIGKILL
        befall(ground, point, "kill")
    ground.drain()
    assert (verdict := ground.verdict()).is_exact, verdict
    assert ground.misplaced() == []
