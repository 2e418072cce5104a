"""What a life does: run the node once, again and again, or read its target all the time."""

from __future__ import annotations

import functools
import itertools
import json
import resource
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tests.kills.layouts import LAYOUTS, connection_of
from tests.kills.points import Board, Fuses, watch, watch_flushes


@dataclass
class Order:
    """What one process shall do."""

    config: str
    format: str
    state_url: str
    run_id: str
    board: str
    what: str = "run"
    lease_seconds: float = 30.0
    fuses: dict[str, str] = field(default_factory=dict)
    mutant: str = ""
    full_refresh: bool = False
    doom: tuple[str, float] | None = None
    """See `Board`."""
    patience: float | None = None
    """Seconds for which a database that does not answer is asked again."""
    watch_flushes: bool = False
    longest_file: int | None = None
    """Bytes that a file may have."""
    pause: float = 0.002
    """Seconds between two runs, or two reads, but at least as long as one of them takes."""
    told: str = ""
    """The file in which the process leaves what it has to say."""


class _Quiet:
    """Nobody listens; what a check blocks does not come here."""

    publishes = True

    def __init__(self, board: Board) -> None:
        self._board = board

    def planned(self, *_: Any) -> Iterator[Any]:
        yield from ()

    def judged(self, *_: Any) -> Iterator[Any]:
        yield from ()

    def published(self, *_: Any) -> Iterator[Any]:
        self._board.enter("end")
        yield from ()


def _board(order: Order) -> Board:
    return Board(Path(order.board), order.doom)


@functools.cache
def load(config: str) -> Any:
    from odibi_dagster.config.load import load_project

    project = load_project(config)
    (node,) = project.nodes.values()
    return project, node


def _run(order: Order) -> None:
    """One run of the one node, as the op of an asset makes it."""
    _one(order, order.run_id)


def _one(order: Order, run_id: str) -> None:
    from odibi_dagster.assets.identity import identity_of
    from odibi_dagster.assets.memory import Memory
    from odibi_dagster.assets.run import NodeRun, run_node
    from odibi_dagster.engines.base import get_engine
    from odibi_dagster.plan.planner import Planner

    project, node = load(order.config)
    memory = Memory(
        _store(order.state_url, order.lease_seconds),
        identity_of(project, node),
        run_id,
        run_id,
        full_refresh=order.full_refresh,
    )
    run = NodeRun(node, Planner(project, get_engine("polars")), memory)
    for _ in run_node(run, _Quiet(_board(order))):
        pass


@functools.cache
def _store(url: str, lease_seconds: float) -> Any:
    from odibi_dagster.state.store import Store

    return Store(url, lease_seconds=lease_seconds)


def _prepare(order: Order) -> None:
    """The library as this process shall have it."""
    from odibi_dagster.state import database
    from tests.kills.mutants import MUTANTS

    if order.mutant:
        MUTANTS[order.mutant]()
    if order.patience is not None:
        database.PATIENCE = order.patience
    board = _board(order)
    watch(board, Fuses(dict(order.fuses)), LAYOUTS[order.format])
    if order.watch_flushes:
        watch_flushes(Path(f"{order.told}.flushed"))
    board.enter("begin")
    if order.longest_file is not None:
        _limit_files(order.longest_file)


def _loop(order: Order) -> None:
    """One run after the other until told to stop; what a run is refused, the next one may get."""
    from odibi_dagster.errors import OdibiError

    told, stop = Path(order.told), Path(f"{order.told}.stop")
    heard: Counter[str] = Counter()
    for number in itertools.count():
        if stop.exists():
            return
        try:
            _one(order, f"{order.run_id}-{number}")
            heard["ended well"] += 1
        except OdibiError as error:
            heard[type(error).__name__] += 1
        told.with_suffix(".heard").write_text(json.dumps(heard))
        time.sleep(order.pause)


def _read(order: Order) -> None:
    """Read the target again and again until told to stop: rows, keys and the last key."""
    stop, told = Path(f"{order.told}.stop"), Path(order.told)
    look = _look_sql(order) if order.format == "sql" else _look(order)
    with told.open("a") as log:
        while not stop.exists():
            began = time.monotonic()
            if (seen := look()) is not None:
                log.write(json.dumps(seen) + "\n")
                log.flush()
            # two cores are shared with the lives: half of one is enough
            time.sleep(max(order.pause, time.monotonic() - began))


def _look(order: Order) -> Callable[[], list[int] | None]:
    """By way of the library, as a node that reads the target does."""
    import narwhals.stable.v2 as nw

    from odibi_dagster.engines.base import get_engine

    engine = get_engine("polars")
    target = load(order.config)[1].target
    keys = nw.col("id")

    def look() -> list[int] | None:
        if not target.format.exists(target.location):
            return None
        frame = target.format.scan(engine, target.location)
        facts = frame.select(rows=nw.len(), keys=keys.n_unique(), last=keys.max())
        return list(engine.fetch(facts, 1)[0].values())

    return look


def _look_sql(order: Order) -> Callable[[], list[int] | None]:
    """By one statement of another client."""
    engine = sa.create_engine(connection_of(order.state_url)[1])
    query = "SELECT count(*), count(DISTINCT id), max(id) FROM orders"

    def look() -> list[int] | None:
        with engine.connect() as connection:
            if not sa.inspect(connection).has_table("orders"):
                return None
            connection.rollback()
            return list(connection.execute(sa.text(query)).one())

    return look


def _limit_files(longest: int) -> None:
    """To so many bytes each; -1 is no limit."""
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (longest, hard))


def born(order: Order) -> int:
    """The exit code of a process: 0, or 1 with what happened in its file."""
    try:
        _prepare(order)
        {"run": _run, "loop": _loop, "read": _read}[order.what](order)
        _board(order).enter("over")
    except BaseException as error:  # noqa: BLE001  (the process ends here)
        _limit_files(-1)
        text = json.dumps({"error": type(error).__name__, "says": str(error)})
        Path(order.told).write_text(text)
        traceback.print_exc()
        return 1
    return 0


def import_all() -> None:
    """Whatever a life needs, so that no life has to read it."""
    import deltalake.transaction  # noqa: F401
    import narwhals.stable.v2 as nw
    import polars as pl
    import psycopg2  # noqa: F401
    import pyarrow.parquet  # noqa: F401
    import pymysql  # noqa: F401
    import sqlalchemy.dialects.mysql
    import sqlalchemy.dialects.postgresql
    import sqlalchemy.dialects.sqlite  # noqa: F401

    import odibi_dagster.assets.run
    import odibi_dagster.checks.values
    import odibi_dagster.engines.polars
    import odibi_dagster.formats.database.publish
    import odibi_dagster.plan.planner  # noqa: F401
    from odibi_dagster.checks.base import contracts
    from odibi_dagster.connections.base import connections
    from odibi_dagster.formats.base import formats
    from odibi_dagster.transforms.base import transforms
    from tests.kills import mutants

    assert mutants.MUTANTS
    assert formats.known, transforms.known
    assert contracts["range"], [connections[kind] for kind in connections.known]
    nw.from_native(pl.LazyFrame({"id": [1]})).filter(nw.col("id") > 0)
