"""What a person changes in the state, while runs may be at work with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from odibi_dagster.errors import FencedError
from odibi_dagster.state.admin import Admin
from odibi_dagster.state.identity import Identity
from odibi_dagster.state.records import Facts, Intent, Lease
from odibi_dagster.state.store import Store
from tests.state.conftest import ME

CHANGES: dict[str, Callable[[Admin], None]] = {
    "reset": lambda admin: admin.reset(ME, 1),
    "repair": lambda admin: admin.repair(ME, mark=1, in_target=1, target="file:///other"),
    "rename": lambda admin: admin.rename(ME, replace(ME, node="new")),
    "forget": lambda admin: admin.forget(ME),
}


class Sleepy(Store):
    """Its process sleeps through each lease that it takes, and a run takes the node over."""

    def acquire(self, identity: Identity, owner: str, *, wait: float = 0) -> Lease:
        """The lease, which is over by now."""
        lease = super().acquire(identity, owner, wait=wait)
        Store(str(self.engine.url)).acquire(identity, "a run", wait=wait)
        return lease


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_by_hand_that_slept_through_its_lease(change: str, tmp_path: object) -> None:
    url = f"sqlite:///{tmp_path}/state.db"
    store = Store(url)
    lease = store.acquire(ME, "first")
    intent = Intent(1, "first", None, 7)
    store.intend(lease, intent, "file:///orders")
    store.confirm(lease, intent, Facts(in_target=1))
    with pytest.raises(FencedError, match="taken over by another run"):
        CHANGES[change](Admin(Sleepy(url, lease_seconds=0), ME.project, "somebody"))
    known = store.acquire(ME, "a run").remembered
    assert (known.mark, known.batch, known.target) == (7, 1, "file:///orders")
