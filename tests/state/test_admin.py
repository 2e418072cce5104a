"""What is changed by hand is fenced as a run is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from odibi_dagster.core.history import Lookback
from odibi_dagster.errors import FencedError, StateMismatchError
from odibi_dagster.state import tables
from odibi_dagster.state.admin import Admin
from odibi_dagster.state.records import Facts, Intent, Lease
from odibi_dagster.state.store import Store
from tests.state.conftest import ME

SALES = replace(ME, node="sales")


def publish(store: Store, number: int) -> None:
    lease = store.acquire(ME, "run")
    intent = Intent(number, "run", None, number)
    store.intend(lease, intent, "file:///orders")
    store.confirm(lease, intent, Facts(in_target=number, metrics={"count": {"rows": 1.0}}))


class Slept(Store):
    """A store whose leases are over when they come: another run has gone on."""

    def acquire(self, *words: Any, **more: Any) -> Lease:
        lease = super().acquire(*words, **more)
        with self.engine.begin() as connection:
            mine = tables.state.c.id == lease.identity.key
            connection.execute(sa.update(tables.state).where(mine).values(lease_until=1.0))
        super().acquire(lease.identity, "another", wait=0)
        return lease


@pytest.mark.parametrize(
    "change",
    [
        lambda admin: admin.reset(ME, None),
        lambda admin: admin.repair(ME, mark=1, in_target=1, target="file:///orders"),
        lambda admin: admin.rename(ME, SALES),
        lambda admin: admin.forget(ME),
    ],
    ids=["reset", "repair", "rename", "forget"],
)
def test_a_change_that_slept_through_its_lease_is_none(
    state_url: str, change: Callable[[Admin], None]
) -> None:
    publish(Store(state_url), 7)
    slept = Slept(state_url)
    with pytest.raises(FencedError):
        change(Admin(slept, ME.project, "cli:me"))
    (row,) = (row for row in Admin(slept, ME.project, "cli:me").rows() if row.identity == ME)
    assert (row.mark, row.batch, row.holder) == (7, 7, "another")


def test_a_rename_takes_everything_along(state_url: str) -> None:
    """Mark, batches, notes and metrics; whose batches the target holds stays as it was."""
    store = Store(state_url)
    publish(store, 3)
    admin = Admin(store, ME.project, "cli:me")
    admin.rename(ME, SALES)
    (row,) = admin.rows()
    assert (row.identity, row.name, row.mark, row.batch, row.in_target) == (
        SALES, str(ME), 3, 3, 3
    )  # fmt: skip
    assert [batch.number for batch in admin.batches([SALES], 9)] == [3]
    assert [note.action for note in admin.notes(SALES, 9)] == ["rename", "published"]
    (past,) = store.history(SALES, {"count": Lookback(1)}, before=9)["count"]
    assert past.metrics == {"rows": 1.0}


def test_a_row_that_remembers_nothing_makes_room_and_its_run_is_fenced(state_url: str) -> None:
    store = Store(state_url)
    publish(store, 3)
    refused = store.acquire(SALES, "run")
    store.release(refused)
    Admin(store, ME.project, "cli:me").rename(ME, SALES)
    with pytest.raises(FencedError):
        store.intend(refused, Intent(1, "run"), "file:///orders")
    assert store.acquire(SALES, "run").remembered.mark == 3


def test_a_row_that_remembers_something_does_not_make_room(state_url: str) -> None:
    store = Store(state_url)
    publish(store, 3)
    store.intend(lease := store.acquire(SALES, "run"), Intent(1, "run"), "file:///sales")
    store.release(lease)
    with pytest.raises(StateMismatchError, match="'odibi-dagster state forget CONFIG bronze/sales"):
        Admin(store, ME.project, "cli:me").rename(ME, SALES)
