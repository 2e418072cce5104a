"""Every amount of room that is too small: the old version stays, and nothing is left behind."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from deltalake import DeltaTable

from odibi_dagster.state import tables
from tests.kills.disk import Disk, small_disk
from tests.kills.field import BAD, Field
from tests.kills.nursery import Nursery

pytestmark = [pytest.mark.databases, pytest.mark.timeout(600)]
TYPED = ("WriteError", "StateUnavailableError", "DatabaseUnavailableError")


def known(ground: Field) -> tuple[str | None, int]:
    """Mark and batch of the state."""
    engine = sa.create_engine(ground.state_url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        row = connection.execute(sa.select(tables.state.c.mark, tables.state.c.batch)).one()
    return row.mark, row.batch


def good(ground: Field) -> list[int]:
    """The rows of the source that are not rejected."""
    return [key for key in range(1, ground.last + 1) if key % BAD]


def leftovers(ground: Field) -> list[str]:
    """Files of runs that failed; what a life read goes when it exits, and none here does."""
    staged = map(str, ground.root.rglob("*.staged-*"))
    found = [path for path in staged if ".staged-read" not in path]
    if ground.format == "delta":
        for name in ("orders", "orders_error"):
            found += DeltaTable(str(ground.root / "lake" / name)).vacuum(0, True, False)
    return found


def squeeze(ground: Field, disk: Disk, full: str) -> int:
    """Run with more and more room until it is enough; how often it was not."""
    before, versions = known(ground), [good(ground)]
    ground.grow(20)
    if "state" in full:
        versions.append(good(ground))  # all of it is visible, and could not be confirmed
    for failures, free in enumerate(disk.steps()):
        life = ground.life(**disk.fill(free))
        code = life.wait()
        disk.empty()
        ground.lease_runs_out()
        if code == 0:
            assert known(ground) != before
            return failures
        assert life.error.startswith(TYPED), f"with {free} bytes: {life.error}"
        version = versions.index(sorted(ground.stored()["id"]))
        assert known(ground) == before or version == 1, f"with {free} bytes"
    raise AssertionError


@pytest.mark.parametrize(
    ("format", "full"),
    [("delta", "target"), ("parquet", "target"), ("csv", "target"), ("delta", "state"),
     ("sql", "target and state")],
)  # fmt: skip
def test_too_little_room(tmp_path: Path, nursery: Nursery, format: str, full: str) -> None:
    root, state = tmp_path / "field", tmp_path / "state"
    with small_disk(root / "lake" if full == "target" else state) as disk:
        state.mkdir(exist_ok=True)
        ground = Field(root, format, f"sqlite:///{state}/state.db", nursery)
        ground.grow()
        ground.drain()
        assert squeeze(ground, disk, full) > 0
        ground.drain()
        assert leftovers(ground) == []
        assert (verdict := ground.verdict()).is_exact, verdict
