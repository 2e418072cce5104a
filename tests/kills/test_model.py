"""Whatever happens in whatever order: the target holds what a plain list says, or a run refuses."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import sqlite3
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import hypothesis.strategies as st
import polars as pl
import pytest
from deltalake import DeltaTable
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.kills.field import Field
from tests.kills.nursery import Nursery

pytestmark = [pytest.mark.databases, pytest.mark.timeout(6_000)]
LONG = "ODIBI_TEST_KILLS" in os.environ
LAG = 5
START = datetime(2024, 1, 1)
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
          incremental: {{mode: stateful, column: at LAG}}
        write: {{{write}, mode: MODE}}
"""
Row = tuple[int, int]
"""A row: its key, and its cursor in seconds after `START`."""


@dataclass
class Pending:
    """A batch that was announced."""

    number: int
    upper: int | None
    lower: int | None = None
    full: bool = False


@dataclass
class Target:
    rows: list[Row] | None = None
    """None: it is not there."""
    batch: int = 0
    """The last batch that it names."""


@dataclass
class State:
    mark: int | None = None
    last: int = 0
    in_target: int = 0
    pending: Pending | None = None


class Refused(Exception):
    """The run must stop with a StateMismatchError."""


@dataclass
class Model:
    """The protocol in words that need neither files nor processes."""

    names_overwrites: bool
    once: bool
    """Whether keys that are stored are recognised, and late rows within the lag are read."""
    source: list[Row] = field(default_factory=list)
    target: Target = field(default_factory=Target)
    state: State = field(default_factory=State)

    def run(self, *, full: bool = False, until: str = "") -> bool:
        """One run, that dies at a point; whether it came there. Refused."""
        batch = self._due(full=full)
        if batch is None:
            return False
        if until == "before intend":
            return True
        self.state.pending = batch
        if until == "after intend":
            return True
        self._publish(batch)
        if until == "after publish":
            return True
        self._confirm(batch)
        return False

    def _due(self, *, full: bool) -> Pending | None:
        """The batch to publish now; None where nothing is new."""
        state, pending = self.state, self.state.pending
        if pending is not None and pending.number == self.target.batch:
            self._confirm(pending)
            state, pending = self.state, None
        if full:
            used = max(state.last, self.target.batch, pending.number if pending else 0)
            return Pending(used + 1, self._latest(None), full=True)
        if pending is not None and pending.full:
            return pending
        self._refuse()
        if pending is not None:
            return pending
        lower = None if state.mark is None else state.mark - (LAG if self.once else 0)
        upper = self._latest(lower)
        if upper is None and self.target.rows is not None:
            return None
        return Pending(max(state.last, self.target.batch) + 1, upper, lower)

    def _refuse(self) -> None:
        state, there = self.state, self.target.rows is not None
        unread = not self.once and there and not state.last and state.pending is None
        if (state.last and not there) or self.target.batch != state.in_target or unread:
            raise Refused

    def _latest(self, lower: int | None) -> int | None:
        return max((at for _, at in self._within(lower, None)), default=None)

    def _within(self, lower: int | None, upper: int | None) -> list[Row]:
        return [
            row
            for row in self.source
            if (lower is None or row[1] > lower) and (upper is None or row[1] <= upper)
        ]

    def _publish(self, batch: Pending) -> None:
        rows = self._within(batch.lower, batch.upper) if batch.upper is not None else []
        if batch.full or self.target.rows is None:
            named = batch.number if self.names_overwrites or not batch.full else 0
            self.target = Target(rows, named)
            return
        if self.once:
            known = {key for key, _ in self.target.rows}
            rows = [row for row in rows if row[0] not in known]
        if rows:
            self.target = Target([*self.target.rows, *rows], batch.number)

    def _confirm(self, batch: Pending) -> None:
        mark = None if batch.full else self.state.mark
        marks = [each for each in (mark, batch.upper) if each is not None]
        self.state = State(max(marks, default=None), batch.number, self.target.batch)


class Machine(RuleBasedStateMachine):
    """The real thing beside the model."""

    nursery: ClassVar[Nursery]
    folder: ClassVar[Path]
    format: ClassVar[str]
    mode: ClassVar[str]
    numbers: ClassVar = itertools.count()

    def __init__(self) -> None:
        super().__init__()
        root = self.folder / str(next(self.numbers))
        lag = f", watermark_lag: {LAG}s" if self.mode == "append_once" else ""
        mode = self.mode + (", options: {{keys: [id]}}" if self.mode == "append_once" else "")
        text = PROJECT.replace(" LAG", lag).replace("MODE", mode)
        url = f"sqlite:///{root}/state.db"
        self.ground = Field(root, self.format, url, self.nursery, project=text)
        self.model = Model(self.format == "delta", self.mode == "append_once")
        self.saved: dict[str, Any] = {}

    @property
    def stored(self) -> Path:
        return self.ground.root / "lake/orders"

    def _land(self, *cursors: int) -> None:
        first = len(self.model.source)
        rows = [(first + n, at) for n, at in enumerate(cursors)]
        self.model.source += rows
        frame = pl.DataFrame(
            {
                "id": [key for key, _ in rows],
                "at": [START + timedelta(seconds=at) for _, at in rows],
            },
            schema={"id": pl.Int64, "at": pl.Datetime("us")},
        )
        frame.write_parquet(self.ground.root / f"lake/in/{first:06}.parquet")

    @property
    def _newest(self) -> int:
        return max(at for _, at in self.model.source)

    def _check(self) -> None:
        rows = []
        if self.stored.exists():
            frame = self.ground.stored()
            if frame["at"].dtype == pl.String:
                frame = frame.with_columns(pl.col("at").str.to_datetime(time_unit="us"))
            cursors = [(at - START) // timedelta(seconds=1) for at in frame["at"].to_list()]
            rows = sorted(zip(frame["id"].to_list(), cursors, strict=True))
        assert rows == sorted(self.model.target.rows or [])

    def _run(self, *, full: bool = False, fuse: str = "") -> None:
        fuses = {fuse: "kill"} if fuse else {}
        life = self.ground.life(full_refresh=full, fuses=fuses)
        code = life.end()
        try:
            dies = self.model.run(full=full, until=fuse)
        except Refused:
            assert life.error.startswith("StateMismatchError"), (code, life.error)
        else:
            assert code == (-signal.SIGKILL if dies else 0), life.error
        self._check()

    @initialize(cursors=st.lists(st.integers(0, 20), min_size=1, max_size=5))
    def begin(self, cursors: list[int]) -> None:
        self._land(*cursors)

    @rule(ahead=st.lists(st.integers(1, 20), min_size=1, max_size=5))
    def rows_arrive(self, ahead: list[int]) -> None:
        self._land(*(self._newest + step for step in ahead))

    @rule(late=st.integers(0, 2 * LAG))
    def a_late_row_arrives(self, late: int) -> None:
        """With 0 it has the very cursor of the newest one."""
        self._land(self._newest - late)

    @rule()
    def run(self) -> None:
        self._run()

    @rule(point=st.sampled_from(["before intend", "after intend", "after publish"]))
    def a_run_dies(self, point: str) -> None:
        self._run(fuse=point)

    @rule()
    def a_full_refresh(self) -> None:
        self._run(full=True)

    @rule(point=st.sampled_from(["after intend", "after publish"]))
    def a_full_refresh_dies(self, point: str) -> None:
        self._run(full=True, fuse=point)

    @rule()
    def two_runners_at_once(self) -> None:
        lives = [self.ground.life() for _ in range(2)]
        codes = [life.end() for life in lives]
        for code, life in zip(codes, lives, strict=True):
            try:
                self.model.run()
            except Refused:
                assert life.error.startswith("StateMismatchError"), (code, life.error)
            else:
                assert code == 0, life.error
        self._check()

    @rule()
    def save_the_state(self) -> None:
        self._copy_database(self.ground.root / "state.db", self.ground.root / "saved.db")
        self.saved["state"] = replace(self.model.state)

    @precondition(lambda self: "state" in self.saved)
    @rule()
    def restore_the_state(self) -> None:
        self._copy_database(self.ground.root / "saved.db", self.ground.root / "state.db")
        self.model.state = replace(self.saved["state"])

    @precondition(lambda self: self.model.target.rows is not None)
    @rule()
    def save_the_target(self) -> None:
        self._copy_target(self.ground.root / "lake", self.ground.root / "saved")
        self.saved["target"] = replace(self.model.target)

    @precondition(lambda self: "target" in self.saved)
    @rule()
    def restore_the_target(self) -> None:
        self._copy_target(self.ground.root / "saved", self.ground.root / "lake")
        self.model.target = replace(self.saved["target"])

    @rule()
    def the_target_is_deleted(self) -> None:
        for path in (self.ground.root / "lake").glob("*orders*"):
            _remove(path)
        self.model.target = Target()

    @precondition(lambda self: self.format == "delta" and self.model.target.rows is not None)
    @rule()
    def the_table_is_tidied(self) -> None:
        table = DeltaTable(str(self.stored))
        table.vacuum(0, dry_run=False, enforce_retention_duration=False)
        table.create_checkpoint()
        table.cleanup_metadata()
        self._check()

    def _copy_database(self, source: Path, copy: Path) -> None:
        with sqlite3.connect(source) as old, sqlite3.connect(copy) as new:
            old.backup(new)
        old.close()
        new.close()

    def _copy_target(self, source: Path, copy: Path) -> None:
        """The target and what lies hidden beside it."""
        copy.mkdir(exist_ok=True)
        for path in copy.glob("*orders*"):
            _remove(path)
        for path in source.glob("*orders*"):
            put = shutil.copytree if path.is_dir() else shutil.copy2
            put(path, copy / path.name)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


@pytest.mark.parametrize(
    ("format", "mode"),
    [
        ("delta", "append"),
        ("delta", "append_once"),
        ("parquet", "append"),
        ("parquet", "append_once"),
        ("csv", "append"),
    ],
)
def test_against_a_plain_list(tmp_path: Path, nursery: Nursery, format: str, mode: str) -> None:
    said = {"nursery": nursery, "folder": tmp_path, "format": format, "mode": mode}
    run_state_machine_as_test(
        type("Machine", (Machine,), said),
        settings=settings(
            max_examples=200 if LONG else 10,
            stateful_step_count=30 if LONG else 15,
            deadline=None,
            database=None,
            derandomize=not LONG,
            suppress_health_check=list(HealthCheck),
        ),
    )
