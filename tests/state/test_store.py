"""Leases, fences, marks and batches, on three real databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from inspect import signature
from typing import Any

import pytest
import sqlalchemy as sa

from odibi_dagster.errors import FencedError, LeaseHeldError
from odibi_dagster.state import tables
from odibi_dagster.state.identity import Identity
from odibi_dagster.state.marks import Mark
from odibi_dagster.state.records import Facts, Intent, Lease
from odibi_dagster.state.store import WAIT_SECONDS, Store, prune
from tests.state.conftest import ME


def publish(
    store: Store, number: int, upper: Mark | None, owner: str = "run", **facts: Any
) -> None:
    """One whole life of a batch."""
    lease = store.acquire(ME, owner)
    intent = Intent(number, owner, lease.remembered.mark, upper)
    store.intend(lease, intent, "file:///orders")
    store.confirm(lease, intent, Facts(**{"in_target": number, **facts}))


def remembered(store: Store, identity: Identity = ME) -> Any:
    lease = store.acquire(identity, "look")
    store.release(lease)
    return lease.remembered


def row(store: Store) -> Any:
    with store.engine.connect() as connection:
        return connection.execute(sa.select(tables.state)).one()


def run_out(store: Store) -> None:
    """The lease as it is when nobody has renewed it for long, by the database's clock."""
    with store.engine.begin() as connection:
        connection.execute(sa.update(tables.state).values(lease_until=1.0))


def test_a_fresh_row_knows_nothing(store: Store) -> None:
    known = store.acquire(ME, "a").remembered
    assert (known.mark, known.batch, known.in_target, known.intent) == (None, 0, 0, None)


def test_a_held_lease_names_its_holder(store: Store) -> None:
    store.acquire(ME, "first")
    with pytest.raises(
        LeaseHeldError,
        match=r"shop/bronze/orders is being materialized by run first \(lease for another \d+ s\)",
    ):
        store.acquire(ME, "second", wait=0)


def test_a_minute_is_waited_for_whoever_holds_it(store: Store) -> None:
    assert signature(Store.acquire).parameters["wait"].default == WAIT_SECONDS == 60.0
    first = store.acquire(ME, "first")
    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(store.acquire, ME, "second")
        assert store.release(first)
        assert second.result(WAIT_SECONDS).owner == "second"


def test_a_lease_that_ran_out_is_taken_over_and_its_holder_fenced(store: Store) -> None:
    slept = store.acquire(ME, "first")
    intent = Intent(1, "first", None, 10)
    store.intend(slept, intent, "file:///orders")
    run_out(store)
    second = store.acquire(ME, "second", wait=0)
    assert second.fence == slept.fence + 1
    assert second.remembered.intent == intent
    for write in (
        lambda: store.renew(slept),
        lambda: store.intend(slept, replace(intent, upper=99), "file:///elsewhere"),
        lambda: store.confirm(slept, intent, Facts()),
    ):
        with pytest.raises(FencedError, match="was taken over by another run while run first"):
            write()
    store.release(slept)
    now = row(store)
    assert (now.owner, now.fence, now.batch, now.mark) == ("second", second.fence, 0, None)
    assert now.lease_until > 1.0


def test_the_same_run_takes_over_from_its_own_earlier_try(store: Store) -> None:
    first = store.acquire(ME, "run")
    again = store.acquire(ME, "run", wait=0)
    assert again.fence == first.fence + 1
    with pytest.raises(FencedError):
        store.renew(first)


def test_a_lease_of_a_row_that_was_forgotten_is_not_one_of_the_next_row(store: Store) -> None:
    slept = store.acquire(ME, "first")
    with store.engine.begin() as connection:
        connection.execute(sa.delete(tables.state))
    store.acquire(ME, "second")
    with pytest.raises(FencedError):
        store.intend(slept, Intent(1, "first", None, 10), "file:///orders")


def test_a_renewed_lease_is_held_on(store: Store) -> None:
    lease = store.acquire(ME, "first")
    run_out(store)
    store.renew(lease)
    with pytest.raises(LeaseHeldError):
        store.acquire(ME, "second", wait=0)


def test_a_lease_that_ended_is_not_brought_back_by_a_late_heartbeat(store: Store) -> None:
    lease = store.acquire(ME, "first")
    store.release(lease)
    with pytest.raises(FencedError):
        store.renew(lease)
    assert row(store).lease_until is None


def test_a_released_lease_is_free_and_says_why(store: Store) -> None:
    store.release(store.acquire(ME, "first"), "disk full")
    store.acquire(ME, "second", wait=0)
    with store.engine.connect() as connection:
        (told,) = connection.execute(sa.select(tables.runs)).all()
    assert (told.run_id, told.action, told.message) == ("first", "failed", "disk full")


@pytest.mark.parametrize(
    "mark",
    [
        7,
        2**62,
        0.1,
        Decimal("12.3400"),
        date(2024, 2, 29),
        datetime(2024, 2, 29, 12, 0, 0, 123456),
        datetime(2024, 2, 29, 12, tzinfo=UTC),
    ],
)
def test_a_mark_comes_back_as_what_it_was(store: Store, mark: Mark) -> None:
    publish(store, 1, mark)
    known = remembered(store)
    assert (known.mark, type(known.mark)) == (mark, type(mark))


@pytest.mark.parametrize(
    ("high", "low"),
    [
        (10, 9),
        (10, 9.5),
        (9.5, 9),
        (Decimal("9.5"), 9),
        (date(2024, 2, 2), date(2024, 2, 1)),
        (datetime(2024, 2, 2), datetime(2024, 2, 1, 23)),
    ],
)
def test_marks_never_move_backwards(store: Store, high: Mark, low: Mark) -> None:
    publish(store, 1, high)
    publish(store, 2, low)
    publish(store, 3, None)
    known = remembered(store)
    assert (known.mark, known.batch) == (high, 3)


def test_a_batch_that_replaces_the_target_replaces_the_mark(store: Store) -> None:
    publish(store, 1, 10)
    lease = store.acquire(ME, "refresh")
    full = Intent(2, "refresh", None, 4, full=True)
    store.intend(lease, full, "file:///orders")
    store.confirm(lease, full, Facts(in_target=2))
    assert remembered(store).mark == 4


def test_confirming_twice_changes_nothing(store: Store) -> None:
    lease = store.acquire(ME, "run")
    intent = Intent(1, "run", None, 10)
    store.intend(lease, intent, "file:///orders")
    facts = Facts(rows=3, in_target=1, metrics={"row_count": {"rows": 3.0}})
    store.confirm(lease, intent, facts)
    store.confirm(lease, intent, facts)  # as when the answer to the first was lost
    known = remembered(store)
    assert (known.mark, known.batch, known.intent) == (10, 1, None)
    with store.engine.connect() as connection:
        for table in (tables.batches, tables.runs, tables.metrics):
            assert len(connection.execute(sa.select(table)).all()) == 1


def test_a_batch_that_is_confirmed_anew_leaves_no_intent(store: Store) -> None:
    publish(store, 1, 10)
    publish(store, 1, 10)  # the same run once more: the target has adopted the batch
    assert remembered(store).intent is None


def test_an_adopted_batch_keeps_the_lease_and_is_marked(store: Store) -> None:
    dead = store.acquire(ME, "dead")
    intent = Intent(1, "dead", None, 10)
    store.intend(dead, intent, "file:///orders")
    run_out(store)
    lease = store.acquire(ME, "next")
    store.confirm(lease, intent, Facts(adopted=True, in_target=1), release=False)
    store.renew(lease)
    with store.engine.connect() as connection:
        (batch,) = connection.execute(sa.select(tables.batches)).all()
    assert (batch.adopted, batch.run_key, batch.row_count) == (True, "dead", None)
    assert row(store).owner == "next"


def test_what_is_known_of_a_batch(store: Store) -> None:
    publish(store, 1, 10, rows=3, quarantined=1, bytes=2**40, seconds=0.5)
    with store.engine.connect() as connection:
        (batch,) = connection.execute(sa.select(tables.batches)).all()
    assert (batch.row_count, batch.quarantined, batch.bytes, batch.seconds) == (3, 1, 2**40, 0.5)
    assert batch.published_at == pytest.approx(datetime.now(UTC).timestamp(), abs=60)


def test_the_window_of_a_confirmed_batch(store: Store) -> None:
    publish(store, 1, 10, "a")
    publish(store, 2, 20, "b")
    assert store.window(ME, 2) == Intent(2, "b", 10, 20)
    assert store.window(ME, 3) is None


def test_identities_are_apart(store: Store) -> None:
    publish(store, 1, 10)
    others = [
        replace(ME, project="other"),
        replace(ME, pipeline="silver"),
        replace(ME, node="Orders"),
        replace(ME, environment="prod"),
        replace(ME, key_prefix="team"),
        replace(ME, partition="2024-01-01"),
        Identity("shop/bronze", "orders", ""),
    ]
    assert len({each.key for each in [ME, *others]}) == len(others) + 1
    assert [remembered(store, each).batch for each in others] == [0] * len(others)
    assert remembered(store).batch == 1


def test_prune_forgets_what_is_old_and_never_the_newest(store: Store) -> None:
    for number in range(1, 8):
        publish(store, number, number, metrics={"row_count": {"rows": 1.0}})
    with store.engine.begin() as connection:
        assert prune(connection, ME.key, 7, batches=2) == 0, "nothing is 400 days old"
        connection.execute(
            sa.update(tables.batches).where(tables.batches.c.number <= 3).values(published_at=1.0)
        )
        assert prune(connection, ME.key, 7, batches=2) == 3
        connection.execute(sa.update(tables.batches).values(published_at=1.0))
        assert prune(connection, ME.key, 7, batches=2) == 2
        assert prune(connection, ME.key, 7, batches=0) == 1, "the newest stays whatever is asked"
        left = connection.execute(sa.select(tables.batches.c.number)).scalars().all()
        metrics = connection.execute(sa.select(tables.metrics.c.number)).scalars().all()
    assert left == metrics == [7]


def test_what_is_old_is_forgotten_by_itself(store: Store) -> None:
    """400 days, 50 batches: nobody has to call for it."""
    for number in (1, 2, 99):
        publish(store, number, number)
    with store.engine.begin() as connection:
        connection.execute(sa.update(tables.batches).values(published_at=1.0))
    publish(store, 100, 100)
    with store.engine.connect() as connection:
        left = connection.execute(sa.select(tables.batches.c.number)).scalars().all()
    assert sorted(left) == [99, 100], "of the newest 50, however old"


def test_a_lease_by_any_clock_but_the_database(store: Store, monkeypatch: Any) -> None:
    """A machine whose clock is a day ahead takes nothing over."""
    monkeypatch.setattr("time.time", lambda: 4e9)
    monkeypatch.setenv("ODIBI_NOW", "2090-01-01")
    held: Lease = store.acquire(ME, "first")
    with pytest.raises(LeaseHeldError):
        store.acquire(ME, "second", wait=0)
    store.renew(held)
