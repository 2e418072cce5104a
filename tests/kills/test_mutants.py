"""Each way in which the protocol could be wrong is found out at its own point, and only then."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from odibi_dagster.state import tables
from tests.kills.field import Field
from tests.kills.nursery import Nursery

pytestmark = [pytest.mark.databases, pytest.mark.timeout(300)]


@pytest.fixture
def ground(tmp_path: Path, nursery: Nursery) -> Field:
    ground = Field(tmp_path / "field", "delta", f"sqlite:///{tmp_path}/state.db", nursery)
    ground.grow()
    ground.drain()
    return ground


def killed(point: str) -> Callable[[Field], None]:
    """A run that dies there."""

    def scene(ground: Field) -> None:
        ground.grow()
        assert ground.life(fuses={point: "kill"}).end() == -signal.SIGKILL

    return scene


def overtaken_in_publishing(ground: Field) -> None:
    """A run sleeps past its lease when it has looked at the table, and another one publishes."""
    ground.grow()
    sleeper = ground.life(fuses={"in publish": "hang"})
    sleeper.until_stopped()
    ground.lease_runs_out()
    assert ground.life().end() == 0
    sleeper.signal(signal.SIGCONT)
    sleeper.end()


def overtaken_before_its_intent(ground: Field) -> None:
    """A run sleeps with the rows that it has read, and announces them over another one's batch."""
    ground.grow()
    sleeper = ground.life(fuses={"before intend": "hang", "after intend": "kill"})
    sleeper.until_stopped()
    ground.lease_runs_out()
    ground.grow()
    other = ground.life(fuses={"before publish": "hang", "after publish": "kill"})
    other.until_stopped()
    sleeper.signal(signal.SIGCONT)
    sleeper.end()
    other.signal(signal.SIGCONT)
    other.end()


SCENES = {
    "write_then_mark": killed("after publish"),
    "mark_then_write": killed("before publish"),
    "fresh_snapshot": overtaken_in_publishing,
    "no_fence": overtaken_before_its_intent,
    "no_transaction": killed("amid confirm"),
}


def is_right(ground: Field) -> bool:
    """Whether every row is stored once, and every batch remembered."""
    ground.drain()
    engine = sa.create_engine(ground.state_url)
    with engine.connect() as connection:
        last = connection.execute(sa.select(tables.state.c.batch)).scalar_one()
        known = connection.execute(sa.select(tables.batches.c.number)).scalars().all()
    engine.dispose()
    return ground.verdict().is_exact and sorted(known) == list(range(1, last + 1))


@pytest.mark.parametrize("mutant", SCENES)
def test_the_right_protocol_passes_where_a_wrong_one_fails(ground: Field, mutant: str) -> None:
    SCENES[mutant](ground)
    assert is_right(ground)
    ground.mutant = mutant
    SCENES[mutant](ground)
    ground.mutant = ""
    assert not is_right(ground), f"{mutant} was not found out"


def written(ground: Field) -> set[tuple[int, Path]]:
    """Every file of the targets, as what it is on the disk."""
    lake = ground.root / "lake"
    files = (path for path in lake.rglob("*") if path.is_file() and lake / "in" != path.parent)
    return {(path.stat().st_ino, path) for path in files}


def unflushed(ground: Field) -> set[Path]:
    """What a run published, and had not brought to the disk when it went on to the mark."""
    before = written(ground)
    ground.grow(BAD_AND_GOOD)
    life = ground.life(watch_flushes=True)
    assert life.end() == 0, life.error
    flushed = set(json.loads(life.told.with_suffix(".flushed").read_text()))
    new = {path for _, path in written(ground) - before}
    return {path for path in new | {p.parent for p in new} if path.stat().st_ino not in flushed}


BAD_AND_GOOD = 20
"""Rows, of which some are rejected: both tables get a file."""


@pytest.mark.parametrize("format", ["delta", "parquet", "csv"])
def test_all_is_on_the_disk_before_the_mark_moves(
    tmp_path: Path, nursery: Nursery, format: str
) -> None:
    ground = Field(tmp_path / "field", format, f"sqlite:///{tmp_path}/state.db", nursery)
    assert unflushed(ground) == set(), "the first batch makes the tables"
    assert unflushed(ground) == set(), "the second one adds to them"
    ground.mutant = "no_flush"
    assert unflushed(ground) != set()
