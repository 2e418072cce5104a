"""One node, its growing source and its target; lives that are led and ended, and the verdict."""

from __future__ import annotations

import functools
import json
import os
import random
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import sqlalchemy as sa

from odibi_dagster.state import tables
from odibi_dagster.state.marks import decode
from tests.kills.layouts import LAKE, LAYOUTS, Layout, connection_of
from tests.kills.lives import Order
from tests.kills.nursery import Nursery
from tests.kills.points import Board

PROJECT = """\
project: shop
connections:
  lake: {lake}
  shop: {shop}
pipelines:
  - pipeline: bronze
    nodes:
      - name: orders
        read:
          connection: lake
          format: parquet
          path: in
          incremental: {{mode: stateful, column: id}}
        validation:
          tests: [{{type: range, column: v, min: 0, on_fail: quarantine}}]
        write: {{{write}, mode: append}}
"""
BAD = 7
"""Every seventh row is rejected."""
PATIENCE = 120.0
"""Seconds for which a life is waited for before it counts as hanging."""


@dataclass
class Life:
    """One process at work."""

    field: Field
    process: int
    board: Board
    told: Path

    def end(self) -> int:
        """Until it has ended; its exit code. The lease of one who failed runs out at once."""
        code = self.wait()
        if code != 0:
            self.field.lease_runs_out()
        return code

    def wait(self) -> int:
        """Until it has ended; its exit code."""
        return self.field.nursery.wait(self.process)

    def stop(self) -> int:
        """Tell a reader or a runner that it is enough; its exit code."""
        Path(f"{self.told}.stop").touch()
        return self.end()

    def signal(self, number: int) -> None:
        os.kill(self.process, number)

    def fate(self) -> str | None:
        """Until it has ended: the phase in which it was killed, or None where it was not."""
        code = self.end()
        assert code in (0, -signal.SIGKILL), self.error
        return self.board.phase if code else None

    def until_stopped(self) -> None:
        """Wait until it has stopped itself."""
        end = time.monotonic() + PATIENCE
        while (state := _process_state(self.process)) != "T":
            assert state not in ("Z", ""), f"it ended instead: {self.error}"
            assert time.monotonic() < end, f"hangs in phase {self.board.phase}"
            time.sleep(0.0005)

    @property
    def error(self) -> str:
        """The class of what it died of, and what that said."""
        if not self.told.exists():
            return ""
        said = json.loads(self.told.read_text())
        return f"{said['error']}: {said['says']}"


def _process_state(process: int) -> str:
    """R, S, T for stopped, Z for ended and not waited for, empty where there is none."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return ""


@dataclass
class Verdict:
    """What became of the rows of the source."""

    lost: set[int]
    twice: set[int]
    partial: list[Any]
    """Reads of the target that saw a part of a batch."""
    reads: int = 0

    @property
    def is_exact(self) -> bool:
        return not (self.lost or self.twice or self.partial)


@dataclass
class Field:
    """A project on disk."""

    root: Path
    format: str
    state_url: str
    nursery: Nursery
    seed: int = 0
    last: int = 0
    """The last row that the source has."""
    mutant: str = ""
    project: str = PROJECT
    config: str = "odibi.yaml"
    chance: random.Random = field(init=False)
    _shop_url: str = ""
    _lives: int = 0
    _run: int = 0
    _reader: Life | None = None

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        (self.root / "lake/in").mkdir(parents=True)
        shop, self._shop_url = connection_of(self.state_url)
        text = self.project.format(lake=LAKE, shop=shop, write=self.layout.write)
        (self.root / self.config).write_text(text)

    def grow(self, rows: int | None = None) -> None:
        """One more file in the source, complete from the first moment."""
        rows = rows or self.chance.randint(1, 80)
        self._add(self.last + 1, self.last + rows)
        self.last += rows

    def gather(self) -> None:
        """The source in one file, while nobody reads it: with a thousand, lives are long."""
        for file in (self.root / "lake/in").iterdir():
            file.unlink()
        self._add(1, self.last)

    def _add(self, first: int, last: int) -> None:
        aside = self.root / "lake/aside.parquet"
        self._rows(first, last).write_parquet(aside)
        aside.rename(self.root / f"lake/in/{first:08}.parquet")

    def _rows(self, first: int, last: int) -> pl.DataFrame:
        ids = range(first, last + 1)
        return pl.DataFrame({"id": ids, "v": [-1 if n % BAD == 0 else n for n in ids]})

    def life(self, *, same_run: bool = False, **more: Any) -> Life:
        """A new process that runs the node; `same_run`: as a retry of the last one."""
        self._run += not same_run
        return self._fork(run_id=f"run-{self._run}", **more)

    def runner(self) -> Life:
        """A new process that runs the node again and again until it is told to stop."""
        self._run += 1
        return self._fork(run_id=f"runner-{self._run}", what="loop", lease_seconds=0.3, pause=0.05)

    def _fork(self, **more: Any) -> Life:
        self._lives += 1
        board, told = self.root / f"board-{self._lives}", self.root / f"told-{self._lives}"
        Board(board)
        order = Order(
            str(self.root / self.config),
            self.format,
            self.state_url,
            board=str(board),
            told=str(told),
            **{"mutant": self.mutant, **more},
        )
        return Life(self, self.nursery.fork(order), Board(board), told)

    def lease_runs_out(self) -> None:
        """As if nobody had renewed it for long, by the clock of the database."""
        with self._state.begin() as connection:
            # what died may have sent its COMMIT, and holds the row until that is done
            connection.execute(sa.select(tables.state.c.id).with_for_update()).all()
            held = tables.state.c.lease_until.is_not(None)
            connection.execute(sa.update(tables.state).where(held).values(lease_until=1.0))

    @functools.cached_property
    def _state(self) -> sa.Engine:
        return sa.create_engine(self.state_url, poolclass=sa.NullPool)

    @property
    def layout(self) -> Layout:
        return LAYOUTS[self.format]

    def watch(self, pause: float = 0.002) -> None:
        """Let another process read the target all the time, with so many seconds in between."""
        self._reader = self._fork(run_id="reader", what="read", pause=pause)

    def drain(self) -> list[Life]:
        """Two lives that nothing befalls: whatever was begun is ended, and all is read."""
        lives = []
        for _ in range(2):
            lives.append(life := self.life())
            assert life.end() == 0, life.error
        return lives

    def verdict(self) -> Verdict:
        """Each row of the source must be in the target or its quarantine, once."""
        counts = Counter(self._ids("orders")) + Counter(self._ids("orders_error"))
        lost = set(range(1, self.last + 1)) - counts.keys()
        twice = {key for key, count in counts.items() if count > 1}
        reads = self._seen()
        return Verdict(lost, twice, [seen for seen in reads if not self._whole(*seen)], len(reads))

    def stored(self, name: str = "orders") -> pl.DataFrame:
        """The rows of the target, or of its quarantine."""
        return self.layout.read(self.root / "lake", self._shop_url, name)

    def _ids(self, name: str) -> list[int]:
        return self.stored(name)["id"].to_list()

    def _seen(self) -> list[tuple[int, int, int]]:
        if self._reader is None:
            return []
        assert self._reader.stop() == 0, self._reader.told.read_text()
        return [tuple(json.loads(line)) for line in self._reader.told.read_text().splitlines()]

    def _whole(self, rows: int, keys: int, last: int | None) -> bool:
        """Whether a read saw whole batches: all good rows up to the end of one, each once."""
        if rows == 0:
            return True
        assert last is not None
        return rows == keys == _good(last) and last in self._ends()

    def _ends(self) -> set[int]:
        """The last good row of every batch."""
        if not hasattr(self, "_known_ends"):
            with self._state.connect() as connection:
                uppers = connection.execute(sa.select(tables.batches.c.upper)).scalars().all()
            marks = (int(decode(upper)) for upper in uppers if upper)  # type: ignore[arg-type]
            self._known_ends = {mark - 1 if mark % BAD == 0 else mark for mark in marks}
        return self._known_ends


def _good(last: int) -> int:
    return last - last // BAD
