"""Each rule befalls a real node and the model of it alike; then both hold the same rows."""

from __future__ import annotations

import copy
import itertools
import signal
from pathlib import Path
from typing import Any, ClassVar

import hypothesis.strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.kills.model import LAG, Model, Refused, Target
from tests.kills.nursery import Nursery
from tests.kills.world import World


class Machine(RuleBasedStateMachine):
    """Each rule befalls the real thing and the model alike."""

    nursery: ClassVar[Nursery]
    folder: ClassVar[Path]
    format: ClassVar[str]
    mode: ClassVar[str]
    numbers: ClassVar = itertools.count()

    def __init__(self) -> None:
        super().__init__()
        root = self.folder / str(next(self.numbers))
        self.world = World(root, self.format, self.mode, self.nursery)
        self.model = Model(
            names_overwrites=self.format in ("delta", "sql"),
            names_known_rows=self.format == "sql",
            once=self.mode == "append_once",
        )
        self.saved: dict[str, Any] = {}

    def _land(self, *cursors: int) -> None:
        first = len(self.model.source)
        rows = [(first + n, at) for n, at in enumerate(cursors)]
        self.model.source += rows
        self.world.land(first, rows)

    @property
    def _newest(self) -> int:
        return max(at for _, at in self.model.source)

    def _check(self) -> None:
        assert self.world.stored() == sorted(self.model.target.rows or [])

    def _run(self, *, full: bool = False, fuse: str = "", until: str | None = None) -> None:
        """A run that dies at a fuse; `until` is what the model calls that moment, if it comes."""
        life = self.world.life(full=full, fuse=fuse)
        code = life.end()
        if until is not None:
            fuse = until if code == -signal.SIGKILL else ""
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
    def a_run_dies_in_publishing(self) -> None:
        """Where the rows lie ready: readers see nothing of them."""
        self._run(fuse="in publish", until="after intend")

    @rule()
    def a_full_refresh(self) -> None:
        self._run(full=True)

    @rule(point=st.sampled_from(["after intend", "after publish"]))
    def a_full_refresh_dies(self, point: str) -> None:
        self._run(full=True, fuse=point)

    @rule()
    def two_runners_at_once(self) -> None:
        lives = [self.world.life() for _ in range(2)]
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
    def the_node_is_renamed(self) -> None:
        """In odibi.yaml alone; whether the state follows is another rule."""
        self.model.node = self.model.other
        self.world.call_it(self.model.node)

    @rule()
    def the_state_follows(self) -> None:
        """By `state rename`, before a run under the new name or after one that was refused."""
        try:
            expected = 0 if self.model.rename() else 2
        except Refused:
            expected = 4
        code, said = self.world.rename_state(self.model.other, self.model.node)
        assert code == expected, said

    @precondition(lambda self: self.model.states)
    @rule()
    def save_the_state(self) -> None:
        self.world.save_state()
        self.saved["state"] = copy.deepcopy(self.model.states)

    @precondition(lambda self: "state" in self.saved)
    @rule()
    def restore_the_state(self) -> None:
        self.world.restore_state()
        self.model.states = copy.deepcopy(self.saved["state"])

    @precondition(lambda self: self.model.target.rows is not None)
    @rule()
    def save_the_target(self) -> None:
        self.world.save_target()
        self.saved["target"] = copy.deepcopy(self.model.target)

    @precondition(lambda self: "target" in self.saved)
    @rule()
    def restore_the_target(self) -> None:
        self.world.restore_target()
        self.model.target = copy.deepcopy(self.saved["target"])

    @rule()
    def the_target_is_deleted(self) -> None:
        self.world.delete_target()
        self.model.target = Target()

    @precondition(lambda self: self.format == "delta" and self.model.target.rows is not None)
    @rule()
    def the_table_is_tidied(self) -> None:
        self.world.tidy()
        self._check()
