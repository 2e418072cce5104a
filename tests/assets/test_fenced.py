"""A run that slept through its lease hears it from whatever it does next, and writes nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from odibi_dagster.assets.identity import identity_of
from odibi_dagster.assets.memory import Memory, Session
from odibi_dagster.config.load import load_project
from odibi_dagster.errors import FencedError, LeaseHeldError, WriteError
from odibi_dagster.state import tables
from odibi_dagster.state.records import Lease
from odibi_dagster.state.store import Store

PROJECT = """\
project: shop
connections: {lake: {type: local, base_path: ./lake}}
pipelines:
  - pipeline: bronze
    nodes:
      - name: orders
        read:
          connection: lake
          format: parquet
          path: in
          incremental: {mode: stateful, column: id, state_key: inbox}
        write: {connection: lake, format: delta, path: orders, mode: append}
"""
AGAIN = "'odibi-dagster run CONFIG bronze/orders' goes on"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(f"sqlite:///{tmp_path}/state.db")


@pytest.fixture
def memory(tmp_path: Path, store: Store) -> tuple[Memory, Any]:
    (tmp_path / "odibi.yaml").write_text(PROJECT)
    project = load_project(tmp_path / "odibi.yaml")
    (node,) = project.nodes.values()
    return Memory(store, identity_of(project, node), "run", "run"), node


def taken_over(store: Store, memory: Memory) -> Lease:
    """As if this run had slept, and another one had gone on."""
    with store.engine.begin() as connection:
        connection.execute(sa.update(tables.state).values(lease_until=1.0))
    return store.acquire(memory.identity, "another", wait=0)


def announces(session: Session) -> None:
    session.intend(None)


def confirms(session: Session) -> None:
    session._intended = True
    session.confirm()


def fails(_: Session) -> None:
    raise WriteError("the table was changed by another writer since this run began")


@pytest.mark.parametrize("act", [announces, confirms, fails])
def test_whatever_it_does_is_refused_and_said_to_be_safe_to_repeat(
    store: Store, memory: tuple[Memory, Any], act: Callable[[Session], None]
) -> None:
    """What fails in it only shows what the other one did: it is fenced, and not retried."""
    mine, node = memory
    with pytest.raises(FencedError) as caught, mine.session(node) as session:
        other = taken_over(store, mine)
        act(session)
    assert "was taken over by another run while run run paused" in str(caught.value)
    assert str(caught.value).endswith(AGAIN)
    assert not caught.value.transient
    assert store.release(other), "the other one is not disturbed"


def test_what_fails_in_a_run_that_is_not_fenced_stays_what_it_is(
    store: Store, memory: tuple[Memory, Any]
) -> None:
    mine, node = memory
    with pytest.raises(WriteError, match="another writer"), mine.session(node) as session:
        fails(session)
    assert store.release(store.acquire(mine.identity, "next", wait=0)), "and the lease has ended"


def test_a_bug_of_a_fenced_run_is_not_hidden(store: Store, memory: tuple[Memory, Any]) -> None:
    mine, node = memory
    with pytest.raises(ZeroDivisionError), mine.session(node):
        taken_over(store, mine)
        1 / 0  # noqa: B018


def test_a_run_waits_as_long_as_the_store_does_by_default(
    tmp_path: Path, memory: tuple[Memory, Any]
) -> None:
    """It says no other time than the minute of `Store.acquire`."""
    mine, node = memory
    said: list[dict[str, Any]] = []

    class Impatient(Store):
        def acquire(self, *words: Any, **more: Any) -> Lease:
            said.append(more)
            return super().acquire(*words, wait=0)

    hasty = Impatient(f"sqlite:///{tmp_path}/state.db")
    held = mine.store.acquire(mine.identity, "another")
    words = mine.identity, "run", "run"
    with pytest.raises(LeaseHeldError), Memory(hasty, *words).session(node):
        pytest.fail("it is held")
    assert said == [{}]
    mine.store.release(held)


def test_under_a_key_prefix_no_command_is_named_that_would_run_another_state(
    store: Store, memory: tuple[Memory, Any], tmp_path: Path
) -> None:
    project = load_project(tmp_path / "odibi.yaml")
    mine = Memory(store, identity_of(project, memory[1], ["eu"]), "run", "run")
    says = r"; materializing it again goes on$"
    with pytest.raises(FencedError, match=says), mine.session(memory[1]) as session:
        taken_over(store, mine)
        announces(session)
