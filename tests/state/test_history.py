"""What checks compare with: the published batches, on three real databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from odibi_dagster.core.history import Lookback
from odibi_dagster.state import tables
from odibi_dagster.state.records import Facts, Intent
from tests.state.conftest import ME

if TYPE_CHECKING:
    from collections.abc import Mapping

    from odibi_dagster.state.identity import Identity
    from odibi_dagster.state.store import Store

COUNT = {"count": Lookback(3)}


def publish(
    store: Store, number: int, lower: int | None = None, of: Identity = ME, **facts: Any
) -> None:
    lease = store.acquire(of, "run")
    intent = Intent(number, "run", lower, number)
    store.intend(lease, intent, "file:///orders")
    store.confirm(lease, intent, Facts(in_target=number, rows=number, **facts))


def seen(value: float, check: str = "count") -> Mapping[str, Mapping[str, float]]:
    return {check: {"rows": value}}


def age(store: Store, days: Mapping[int, float]) -> None:
    """Let batches have been published so many days ago."""
    for number, ago in days.items():
        at = datetime.now(UTC).timestamp() - ago * 86_400
        with store.engine.begin() as connection:
            batches = sa.update(tables.batches).where(tables.batches.c.number == number)
            connection.execute(batches.values(published_at=at))


def test_nothing_was_published(store: Store) -> None:
    assert store.history(ME, COUNT, before=1) == {"count": ()}


def test_the_newest_first_with_rows_times_and_the_metrics_of_that_check(store: Store) -> None:
    for number in (1, 2, 3):
        both = {**seen(number * 10.0), **seen(-1.0, "größe")}
        publish(store, number, metrics=None if number == 2 else both)

    found = store.history(ME, {"count": Lookback(3), "größe": Lookback(1)}, before=4)

    assert [(past.number, past.rows) for past in found["count"]] == [(3, 3), (2, 2), (1, 1)]
    assert [past.metrics for past in found["count"]] == [{"rows": 30.0}, {}, {"rows": 10.0}]
    assert found["größe"][0].metrics == {"rows": -1.0}
    now = datetime.now(UTC)
    assert found["count"][0].at.timestamp() == pytest.approx(now.timestamp(), abs=60)


def test_a_batch_is_not_compared_with_itself(store: Store) -> None:
    publish(store, 1, metrics=seen(1.0))
    publish(store, 2, metrics=seen(2.0))
    assert [past.number for past in store.history(ME, COUNT, before=2)["count"]] == [1]


def test_confirming_twice_remembers_once(store: Store) -> None:
    publish(store, 1, metrics=seen(1.0))
    publish(store, 1, metrics=seen(9.0))
    (past,) = store.history(ME, COUNT, before=2)["count"]
    assert past.metrics == {"rows": 1.0}, "what was published first is what lies there"


def test_increments_are_compared_with_increments(store: Store) -> None:
    publish(store, 1)
    publish(store, 2, lower=1)
    publish(store, 3)

    def numbers(*, windowed: bool | None) -> list[int]:
        found = store.history(ME, COUNT, before=9, windowed=windowed)
        return [past.number for past in found["count"]]

    assert numbers(windowed=True) == [2]
    assert numbers(windowed=False) == [3, 1]
    assert numbers(windowed=None) == [3, 2, 1]


def test_days_go_by_the_clock_of_the_database(store: Store) -> None:
    for number in range(1, 21):
        publish(store, number, metrics=seen(float(number)))
    age(store, {number: 20 - number + 0.5 for number in range(1, 21)})
    wanted = {"week": Lookback(days=7), "count": Lookback(1)}

    found = store.history(ME, wanted, before=21)

    assert [past.number for past in found["week"]] == [20, 19, 18, 17, 16, 15, 14]
    assert found["count"][0].number == 20


def test_others_are_not_looked_at(store: Store) -> None:
    publish(store, 1, metrics=seen(1.0))
    assert store.history(type(ME)("shop", "bronze", "other"), COUNT, before=9) == {"count": ()}


def test_the_last_batch_of_each_other_partition(store: Store) -> None:
    """The one published last first; of no other node, and not of the partition itself."""
    days = {day: replace(ME, partition=f"2026-01-0{day}") for day in range(1, 6)}
    for day in (1, 2, 3):
        publish(store, 1, of=days[day], metrics=seen(day * 10.0))
    publish(store, 2, of=days[1], metrics=seen(11.0))
    publish(store, 1, of=days[4], lower=0, metrics=seen(40.0))
    publish(store, 1, of=replace(days[1], node="other"), metrics=seen(99.0))
    publish(store, 1, metrics=seen(98.0))
    with store.engine.begin() as connection:
        at = datetime.now(UTC).timestamp()
        for place, day in enumerate((2, 3, 1)):
            batches = sa.update(tables.batches).where(tables.batches.c.state_id == days[day].key)
            connection.execute(batches.values(published_at=at + place))

    def pasts(day: int, *, windowed: bool = False) -> list[tuple[str, float]]:
        found = store.siblings(days[day], {"count": Lookback(7)}, windowed=windowed)["count"]
        return [(past.partition[-1], past.metrics["rows"]) for past in found]

    assert pasts(5) == [("1", 11.0), ("3", 30.0), ("2", 20.0)]
    assert pasts(1) == [("3", 30.0), ("2", 20.0)]
    assert pasts(5, windowed=True) == [("4", 40.0)]
    assert store.history(days[2], COUNT, before=9)["count"][0].partition == ""
