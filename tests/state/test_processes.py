"""Many processes on one database: one creates the tables, and no update is lost."""

from __future__ import annotations

import subprocess
import sys

import pytest
import sqlalchemy as sa

from odibi_dagster.state import tables
from odibi_dagster.state.store import Store
from tests.state.conftest import ME

PROCESSES, UPDATES = 64, 50

FORK = """
import os, sys, traceback
import pymysql, psycopg2, sqlalchemy.dialects.mysql, sqlalchemy.dialects.sqlite
from odibi_dagster.errors import LeaseHeldError
from odibi_dagster.state.records import Facts, Intent
from odibi_dagster.state.store import Store
from tests.state.conftest import ME

def forked(count, work):
    ready, go = os.pipe()
    for number in range(count):
        if os.fork() == 0:
            os.close(go)
            os.read(ready, 1)  # all start at once: when the parent closes its end
            try:
                work(number)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
    os.close(go)
    sys.exit(sum(os.wait()[1] != 0 for _ in range(count)))
"""
START = """
def start(number):
    store = Store(sys.argv[1])
    store.release(store.acquire(ME, f"run {number}"))

forked(16, start)
"""
COUNT = """
def update(number):
    store = Store(sys.argv[1])
    for turn in range(int(sys.argv[3])):
        run = f"{number}-{turn}"
        lease = store.acquire(ME, run, wait=300)
        known = lease.remembered
        intent = Intent(known.batch + 1, run, known.mark, (known.mark or 0) + 1)
        store.intend(lease, intent, "file:///orders")
        store.confirm(lease, intent, Facts(in_target=intent.number))

forked(int(sys.argv[2]), update)
"""


def _run(program: str, *arguments: object) -> None:
    command = [sys.executable, "-c", FORK + program, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_sixteen_first_starts_at_once(state_url: str) -> None:
    _run(START, state_url)
    with Store(state_url).engine.connect() as connection:
        assert connection.execute(sa.select(tables.state.c.id)).scalars().all() == [ME.key]
        assert connection.execute(sa.select(tables.schema.c.version)).scalars().all() == [1]


@pytest.mark.databases
def test_no_update_of_one_mark_is_lost(state_url: str) -> None:
    Store(state_url)
    _run(COUNT, state_url, PROCESSES, UPDATES)
    store = Store(state_url)
    known = store.acquire(ME, "last").remembered
    assert (known.mark, known.batch) == (PROCESSES * UPDATES,) * 2
    with store.engine.connect() as connection:
        batches = connection.execute(sa.select(tables.batches.c.number)).scalars().all()
    assert sorted(batches) == list(range(1, PROCESSES * UPDATES + 1))
