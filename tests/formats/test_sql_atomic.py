"""Databases under kills, readers and lost connections: whole batches, each exactly once."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa

from odibi_dagster.core.batch import Batch
from odibi_dagster.errors import DatabaseUnavailableError, OdibiError
from odibi_dagster.formats.base import Staged
from odibi_dagster.formats.database import publish
from tests.formats.support import POLARS, numbered
from tests.formats.tables import SERVED, SQL, Database, database
from tests.mariadb import free_port

ROWS = 2_000


def batch_of(number: int, way: str = "append") -> pl.LazyFrame:
    """Rows of one batch. `upsert`: the same keys every time; `swap`: other columns each time."""
    rows = pl.LazyFrame({"k": range(ROWS)}).with_columns(batch=pl.lit(number, pl.Int64))
    return rows.with_columns(pl.lit(0).alias(f"c{number % 2}")) if way == "swap" else rows


def write(db: Database, number: int, way: str) -> Any:
    mode = "overwrite" if way == "swap" else way
    keys = {"keys": ["k"]} if way == "upsert" else {}
    return db.write(POLARS.wrap(batch_of(number, way)), batch=f"b{number}", mode=mode, **keys)


def counts(db: Database) -> dict[int, int]:
    """How many rows of each batch a reader sees."""
    return dict(db.run("SELECT batch, count(*) FROM orders GROUP BY batch"))


def whole(way: str, last: int) -> dict[int, int]:
    """What must be there once a batch is: all of them, or it alone."""
    return dict.fromkeys(range(1, last + 1) if way == "append" else [last], ROWS)


WAYS = ["append", "upsert", "swap"]


@pytest.mark.parametrize("way", WAYS)
def test_a_reader_in_a_loop_sees_whole_batches(db: Database, way: str) -> None:
    write(db, 1, way)
    seen: list[int] = []
    wrong: list[object] = []
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            try:
                found = counts(db)
            except sa.exc.SQLAlchemyError as error:
                wrong.append(error)
                return
            last = max(found)
            if found != whole(way, last):
                wrong.append(found)
            seen.append(last)

    reader = threading.Thread(target=look)
    reader.start()
    for number in range(2, 8):
        write(db, number, way)
    done.set()
    reader.join()
    assert wrong == []
    assert seen == sorted(seen), "a batch that was there stays"
    assert counts(db) == whole(way, 7)


PROGRAM = """
import sys
from itertools import count
from pathlib import Path
from tests.formats.tables import database
from tests.formats.test_sql_atomic import write

kind, root, url, way, first = sys.argv[1:]
db = database(kind, Path(root), url)
for number in count(int(first)):
    print(number, flush=True)
    write(db, number, way)
"""


def kill_at_random(command: list[str], delay: float) -> int:
    """Publish batch after batch until a kill some time later; the batch that was at work."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        last = int(process.stdout.readline())
        killer = threading.Timer(delay, process.kill)
        killer.start()
        for line in process.stdout:
            last = int(line)
        killer.join()
    assert process.returncode == -signal.SIGKILL
    return last


@pytest.mark.parametrize("way", WAYS)
def test_killed_at_any_moment(db: Database, way: str) -> None:
    """Whoever was killed tries its batch again: no row is lost, none is there twice."""
    url = getattr(db.connection, "url", None)
    command = [sys.executable, "-c", PROGRAM, db.kind, str(db.root)]
    command += [url.reveal() if url else "", way]
    chance, batch = random.Random(way), 1
    for _ in range(4):
        batch = kill_at_random([*command, str(batch)], chance.uniform(0.01, 0.8))
        if SQL.exists(db.table()):
            found = counts(db)
            assert found == whole(way, max(found))
            assert max(found) == SQL.published(db.table(), "tests")
            assert max(found) in (batch - 1, batch)
    write(db, batch, way)
    assert counts(db) == whole(way, batch)
    assert [path for path in db.leftovers() if "read" not in path.name] == []


@pytest.mark.parametrize("way", WAYS)
def test_a_try_that_ends_before_it_is_recorded(
    db: Database, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MySQL ends its transaction with the swap of a table: the table itself tells the next try."""
    write(db, 1, way)
    with monkeypatch.context() as patch:
        patch.setattr(publish.published, "record", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            write(db, 2, way)
    swapped = db.kind == "mysql" and way == "swap"
    assert counts(db) == whole(way, 2 if swapped else 1)
    assert SQL.published(db.table(), "tests") == (2 if swapped else 1)
    assert write(db, 2, way).adopted == swapped
    assert counts(db) == whole(way, 2)
    assert SQL.published(db.table(), "tests") == 2


CONNECTIONS = {
    "postgres": "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()",
    "mysql": "SELECT concat('KILL ', id) FROM information_schema.processlist "
    "WHERE db = DATABASE() AND id <> connection_id()",
}


def cut_all_connections(db: Database) -> None:
    for (answer,) in db.run(CONNECTIONS[db.kind]):
        if isinstance(answer, str):
            db.run(answer)


@pytest.mark.databases
@pytest.mark.parametrize("kind", list(CONNECTIONS))
@pytest.mark.parametrize("way", WAYS)
def test_a_database_that_goes_away_in_the_middle(
    kind: str,
    way: str,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    db = database(kind, tmp_path, request.getfixturevalue(SERVED[kind]))
    write(db, 1, way)
    batches = publish._batches

    def interrupted(staged: Staged) -> Iterator[pl.DataFrame]:
        for batch in batches(staged):
            half = batch.height // 2
            yield batch[:half]
            cut_all_connections(db)
            yield batch[half:]

    with monkeypatch.context() as patch:
        patch.setattr(publish, "_batches", interrupted)
        with pytest.raises(DatabaseUnavailableError, match="does not answer") as error:
            write(db, 2, way)
    assert (error.value.exit_code, error.value.transient) == (1, True)
    assert counts(db) == whole(way, 1)
    assert not write(db, 2, way).adopted
    assert counts(db) == whole(way, 2)


@pytest.mark.parametrize("kind", list(CONNECTIONS))
def test_nobody_answers(kind: str, tmp_path: Path) -> None:
    scheme = {"postgres": "postgresql", "mysql": "mysql"}[kind]
    url = f"{scheme}://me:s3cr3t@127.0.0.1:{free_port()}/shop"
    db = database(kind, tmp_path, url)
    for attempt in (
        lambda: SQL.exists(db.table()),
        lambda: SQL.scan(POLARS, db.table()),
        lambda: write(db, 1, "append"),
    ):
        with pytest.raises(DatabaseUnavailableError, match="does not answer") as error:
            attempt()
        assert "s3cr3t" not in str(error.value)


def test_a_missing_sqlite_file_is_not_made_by_reading(tmp_path: Path) -> None:
    db = database("sqlite", tmp_path, "")
    assert not SQL.exists(db.table())
    assert SQL.published(db.table(), "tests") is None
    with pytest.raises(OdibiError, match="does not exist"):
        SQL.scan(POLARS, db.table())
    assert list(tmp_path.rglob("*.db")) == []


PUBLISHER = """
import sys
from pathlib import Path
from tests.formats.support import POLARS
from tests.formats.tables import database
from tests.formats.test_sql_atomic import batch_of
from odibi_dagster.core.batch import Batch
from tests.formats.tables import SQL

kind, root, url, owner = sys.argv[1:]
db = database(kind, Path(root), url)
for number in range(1, 6):
    rows = POLARS.wrap(batch_of(number))
    options = SQL.write_options(keys=["k"])
    staged = SQL.stage(POLARS, rows, db.table(), batch=Batch(owner, number), mode="upsert",
                       options=options)
    SQL.publish(POLARS, staged)
"""


def test_many_publishers_at_once(db: Database) -> None:
    """The first one makes the table, the others upsert the same keys: each key is there once."""
    url = getattr(db.connection, "url", None)
    command = [sys.executable, "-c", PUBLISHER, db.kind, str(db.root)]
    command += [url.reveal() if url else ""]
    running = [
        subprocess.Popen([*command, f"owner {number}"], stderr=subprocess.PIPE, text=True)
        for number in range(4)
    ]
    errors = [process.communicate()[1] for process in running]
    assert errors == [""] * 4
    assert counts(db) == {5: ROWS}
    assert [SQL.published(db.table(), f"owner {number}") for number in range(4)] == [5] * 4


def test_two_tries_of_one_batch_at_once(db: Database) -> None:
    write(db, 1, "append")
    rows = POLARS.wrap(batch_of(2))
    staged = [
        SQL.stage(POLARS, rows, db.table(), batch=numbered("b2"), mode="append") for _ in range(3)
    ]
    done: list[bool] = []
    tries = [
        threading.Thread(target=lambda one=one: done.append(SQL.publish(POLARS, one).adopted))
        for one in staged
    ]
    for one in tries:
        one.start()
    for one in tries:
        one.join()
    assert sorted(done) == [False, True, True]
    assert counts(db) == whole("append", 2)


@pytest.mark.parametrize("how", ["made anew", "replaced"])
def test_a_table_holds_no_batch_of_whoever_wrote_the_one_before(db: Database, how: str) -> None:
    def publish_as(owner: str) -> None:
        rows, batch = POLARS.wrap(batch_of(1)), Batch(owner, 5)
        SQL.publish(POLARS, SQL.stage(POLARS, rows, db.table(), batch=batch))

    publish_as("first")
    if how == "made anew":
        db.run("DROP TABLE orders")
    publish_as("second")
    assert SQL.published(db.table(), "first") is None
    assert SQL.published(db.table(), "second") == 5
