"""A replay that is killed, really, at each of its steps: the same again finishes it, once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from odibi_dagster.state import tables
from tests.cli.conftest import cli
from tests.cli.support import child_environment
from tests.cli.test_quarantine import (
    FORMATS,
    GOOD,
    corrected,
    layout,
    published,
    quarantine,
    shown,
    started,
)
from tests.kills.layouts import LAYOUTS

if TYPE_CHECKING:
    from tests.cli.support import Cli

__all__ = ["cli", "layout"]
pytestmark = [pytest.mark.databases, pytest.mark.timeout(600)]

STARTS = (1, 11, 21, 31)
ALL = {start + place for start in STARTS for place in range(3)}
PUBLISH = "odibi_dagster.assets.run:NodeRun._publish"
INSIDE = {
    kind: (("after" if LAYOUTS[kind].end else "before"), LAYOUTS[kind].inside)
    for kind in ("delta", "parquet", "sql")
}
"""Between what is staged and what is visible."""
OUT = {
    "delta": ("before", "odibi_dagster.formats.delta_commit:_committed"),
    "parquet": ("before", "odibi_dagster.formats.expiry:swap"),
    "sql": ("after", "sqlalchemy.engine:Connection.execute"),
}
"""While the rejected rows are being taken out."""


def steps(layout: str) -> list[tuple[str, str]]:
    """When a process dies, and where, in the order of a replay."""
    format = FORMATS[layout]
    withdraw = f"{format.__module__}:{format.__name__}.withdraw"
    kind = format.kind
    publishing, (when, taking) = INSIDE[kind], OUT[kind]
    return [
        ("before", PUBLISH),
        (publishing[0], f"{PUBLISH}>{publishing[1]}"),
        ("after", PUBLISH),
        (when, f"{withdraw}>{taking}"),
        ("after", withdraw),
    ]


def killed(cli: Cli, step: tuple[str, str], *words: str) -> None:
    """The command, in a process that dies at that step; then its lease runs out."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.kills.doomed", *step, *words],
        cwd=cli.root,
        env=child_environment(),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, (step, done.stdout, done.stderr)
    url = os.environ.get("ODIBI_STATE_URL")
    url = url or f"sqlite:///{cli.root / '.dagster_home/storage/odibi_state.db'}"
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        held = tables.state.c.lease_until.is_not(None)
        connection.execute(sa.update(tables.state).where(held).values(lease_until=1.0))


@pytest.mark.parametrize("layout", ["parquet", "delta", "postgres"], indirect=True)
def test_whatever_kills_it(cli: Cli, layout: str) -> None:
    """Between two tries the node may run, or not."""
    started(cli, layout, starts=STARTS)
    words = ("replay", "odibi.yaml", "p/orders", "--yes", "--from", corrected(cli, **GOOD))
    expected = {key: 2 * amount for key, amount in rows().items()}
    for number, step in enumerate(steps(layout)):
        killed(cli, step, "quarantine", *words)
        if number % 2 == 0:
            key = 100 + number
            cli.land("in", id=[key], amount=[1], mail=["d@x"])
            expected[key] = 2
            assert cli("run", "odibi.yaml").code == 0
        visible = [key for key, _ in published(cli)]
        assert len(visible) == len(set(visible)), step
        assert {*visible, *(row["id"] for row in shown(cli))} >= ALL, step
    done = quarantine(cli, "replay", "p/orders", *words[3:])
    assert done.code == 0, done.err
    assert published(cli) == sorted(expected.items())
    assert shown(cli) == []


def rows() -> dict[int, int]:
    """The amounts as they are corrected, by id."""
    return {start + place: amount for start in STARTS for place, amount in enumerate((5, 7, 9))}
