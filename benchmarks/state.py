"""How fast many processes update marks of their own, against the bare statements of the same.

    python -m benchmarks.state sqlite:////tmp/state.db
    python -m benchmarks.state postgresql://user:password@host/empty_database

Each process updates its own mark again and again, in three ways that take turns: by the `Store`
(lease, intent, confirm); by nothing but the same statements in the same three transactions, as
SQLAlchemy sends text; and by the driver alone, on one connection that stays open. The last lines
are ratios of the medians.
"""

from __future__ import annotations

import multiprocessing
import statistics
import sys
import time
from collections.abc import Callable

import sqlalchemy as sa

from odibi_dagster.state.database import connect
from odibi_dagster.state.identity import Identity
from odibi_dagster.state.records import Facts, Intent
from odibi_dagster.state.store import Store

PROCESSES, UPDATES, REPEATS = 64, 50, 3
LEASE = (
    "UPDATE odibi_state SET owner = 'bare', fence = fence + 1, lease_until = 9e9 "
    "WHERE id = ? AND owner IS NULL",
    "SELECT fence, mark, batch, (SELECT version FROM odibi_schema) FROM odibi_state WHERE id = ?",
)
INTEND = ("UPDATE odibi_state SET intent = 'a batch of some length' WHERE id = ?",)
CONFIRM = (
    "SELECT batch, mark FROM odibi_state WHERE id = ? FOR UPDATE",
    "UPDATE odibi_state SET batch = batch + 1, intent = NULL, owner = NULL, lease_until = NULL "
    "WHERE id = ?",
    "INSERT INTO odibi_batches (state_id, number, run_key, adopted, published_at) "
    "SELECT id, batch, 'bare', false, 1.0 FROM odibi_state WHERE id = ?",
    "INSERT INTO odibi_runs (state_id, run_id, action, at) "
    "SELECT id, 'bare', 'published', 1.0 FROM odibi_state WHERE id = ?",
)


def identity(number: int) -> Identity:
    return Identity("bench", "pipeline", f"node{number}")


def by_store(url: str, number: int, begin: Callable[[], object]) -> None:
    """As a run does it."""
    store, me = Store(url), identity(number)
    begin()
    for turn in range(UPDATES):
        lease = store.acquire(me, f"run-{turn}")
        known = lease.remembered
        intent = Intent(known.batch + 1, f"run-{turn}", None, turn)
        store.intend(lease, intent, "file:///orders")
        store.confirm(lease, intent, Facts(in_target=intent.number))


def by_statements(url: str, number: int, begin: Callable[[], object]) -> None:
    """The same, and nothing else."""
    engine = connect(url)
    key = (identity(number).key,)
    with engine.connect():
        begin()
    for _ in range(UPDATES):
        for statements in (LEASE, INTEND, CONFIRM):
            with engine.begin() as connection:
                for text in statements:
                    connection.exec_driver_sql(_told(text, engine), key)


def by_driver(url: str, number: int, begin: Callable[[], object]) -> None:
    """The same without SQLAlchemy."""
    engine = connect(url)
    connection = engine.raw_connection()
    cursor = connection.cursor()
    key = (identity(number).key,)
    begin()
    for _ in range(UPDATES):
        for statements in (LEASE, INTEND, CONFIRM):
            if engine.dialect.name == "sqlite":
                cursor.execute("BEGIN IMMEDIATE")
            for text in statements:
                cursor.execute(_told(text, engine), key)
            connection.commit()


def _told(text: str, engine: sa.Engine) -> str:
    if engine.dialect.name == "sqlite":
        return text.replace(" FOR UPDATE", "")
    return text.replace("?", "%s")


def seconds(url: str, work: Callable[[str, int, Callable[[], object]], None]) -> float:
    """How long all processes take together, from the moment at which all are connected."""
    fork = multiprocessing.get_context("fork")
    ready = fork.Barrier(PROCESSES + 1)
    processes = [
        fork.Process(target=work, args=(url, number, ready.wait)) for number in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    ready.wait()
    started = time.perf_counter()
    for process in processes:
        process.join()
    if any(process.exitcode for process in processes):
        raise SystemExit(1)
    return time.perf_counter() - started


def main(url: str) -> None:
    store = Store(url)
    for number in range(PROCESSES):
        store.release(store.acquire(identity(number), "first"))
    with store.engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM odibi_batches"))
    store.engine.dispose()
    ways = {"store": by_store, "statements": by_statements, "driver": by_driver}
    took: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(REPEATS):
        for way, work in ways.items():
            took[way].append(seconds(url, work))
            print(f"{way}: {PROCESSES * UPDATES / took[way][-1]:,.0f} updates/s", flush=True)
    medians = {way: statistics.median(times) for way, times in took.items()}
    for way in ("statements", "driver"):
        share = medians[way] / medians["store"]
        print(f"the store has {share:.2f} of the throughput of the {way} alone")


if __name__ == "__main__":
    main(sys.argv[1])
