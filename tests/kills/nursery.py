"""The process that every life is forked from: all imports are paid once.

It reads one order a line and answers each with one line. Nothing here runs a query: a fork of a
process with threads that compute is not a process.
"""

from __future__ import annotations

import functools
import gc
import itertools
import json
import os
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.kills.points import Board, Fuses, watch, watch_flushes


@dataclass
class Nursery:
    """The test's side of it."""

    _process: subprocess.Popen[str]

    @classmethod
    def open(cls, log: Path) -> Nursery:
        environment = {**os.environ, "POLARS_MAX_THREADS": "2"}
        with log.open("w") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.kills.nursery"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env=environment,
            )
        return cls(process)

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()

    def fork(self, order: Order) -> int:
        """A new process that carries the order out; its id."""
        return int(self._ask({"do": order.what, **vars(order)}))

    def wait(self, process: int) -> int:
        """Until that process has ended; its exit code, negative for a signal."""
        return int(self._ask({"do": "wait", "process": process}))

    def _ask(self, question: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the nursery has ended; see its log"
        return json.loads(answer)


@dataclass
class Order:
    """What one process shall do."""

    config: str
    format: str
    state_url: str
    run_id: str
    board: str
    what: str = "run"
    lease_seconds: float = 0.3
    fuses: dict[str, str] = field(default_factory=dict)
    mutant: str = ""
    full_refresh: bool = False
    patience: float | None = None
    """Seconds for which a database that does not answer is asked again."""
    watch_flushes: bool = False
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


@functools.cache
def _node(config: str) -> Any:
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

    project, node = _node(order.config)
    memory = Memory(
        _store(order.state_url, order.lease_seconds),
        identity_of(project, node),
        run_id,
        run_id,
        full_refresh=order.full_refresh,
    )
    run = NodeRun(node, Planner(project, get_engine("polars")), memory)
    for _ in run_node(run, _Quiet(Board(Path(order.board)))):
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
    board = Board(Path(order.board))
    watch(board, Fuses(dict(order.fuses)), order.format)
    if order.watch_flushes:
        watch_flushes(Path(f"{order.told}.flushed"))
    board.enter("begin")


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


def _read(order: Order) -> None:
    """Read the target again and again until told to stop: rows, keys and the last key."""
    import narwhals.stable.v2 as nw

    from odibi_dagster.engines.base import get_engine

    engine = get_engine("polars")
    _, node = _node(order.config)
    target = node.target
    stop, told = Path(f"{order.told}.stop"), Path(order.told)
    with told.open("a") as log:
        while not stop.exists():
            if not target.format.exists(target.location):
                continue
            frame = target.format.scan(engine, target.location)
            keys = nw.col("id")
            seen = engine.fetch(
                frame.select(rows=nw.len(), keys=keys.n_unique(), last=keys.max()), 1
            )
            time.sleep(0.002)  # two cores are shared with the lives
            log.write(json.dumps([seen[0]["rows"], seen[0]["keys"], seen[0]["last"]]) + "\n")
            log.flush()


def _born(order: Order) -> int:
    """The exit code of a process: 0, or 1 with what happened in its file."""
    try:
        _prepare(order)
        {"run": _run, "loop": _loop, "read": _read}[order.what](order)
    except BaseException as error:  # noqa: BLE001  (the process ends here)
        text = json.dumps({"error": type(error).__name__, "says": str(error)})
        Path(order.told).write_text(text)
        traceback.print_exc()
        return 1
    return 0


def main() -> None:
    _import_all()
    gc.collect()
    gc.freeze()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a life prints is for the log
    for line in sys.stdin:
        question = json.loads(line)
        if question.pop("do") == "wait":
            answer = os.waitstatus_to_exitcode(os.waitpid(question["process"], 0)[1])
        else:
            _node(question["config"])
            answer = os.fork()
            if answer == 0:
                os._exit(_born(Order(**question)))
        answers.write(f"{answer}\n")
        answers.flush()


def _import_all() -> None:
    import deltalake.transaction  # noqa: F401
    import psycopg2  # noqa: F401
    import pyarrow.parquet  # noqa: F401
    import pymysql  # noqa: F401
    import sqlalchemy.dialects.mysql
    import sqlalchemy.dialects.postgresql
    import sqlalchemy.dialects.sqlite  # noqa: F401

    import odibi_dagster.assets.factory
    import odibi_dagster.engines.polars
    import odibi_dagster.plan.planner  # noqa: F401
    from odibi_dagster.formats.base import formats
    from odibi_dagster.transforms.base import transforms

    assert formats.known, transforms.known


if __name__ == "__main__":
    main()
