"""One thread that speaks of long work, and of nothing else."""

from __future__ import annotations

import threading
from itertools import islice, repeat
from typing import Any

import pytest

from odibi_dagster.core.watch import Watch, humane

TEN_SECONDS = 10


def test_the_pace_is_humane() -> None:
    assert list(islice(humane(), 9)) == [10, 10, 20, 40, 80, 160, 300, 300, 300]


def test_work_that_goes_on_speaks_again_and_again_and_then_no_more() -> None:
    watch, spoken, often = Watch(lambda: repeat(0.01)), [], threading.Event()

    def speak() -> None:
        spoken.append(threading.current_thread().name)
        if len(spoken) > 2:
            often.set()

    with watch.over(speak):
        assert often.wait(TEN_SECONDS)
    number = len(spoken)
    again = threading.Event()
    with watch.over(again.set):  # the thread still looks; at this alone
        assert again.wait(TEN_SECONDS)
    assert len(spoken) == number
    assert set(spoken) == {"odibi-watch"}


def test_short_work_says_nothing_and_shares_one_thread() -> None:
    watch, spoken = Watch(), []
    before = set(threading.enumerate())
    for number in range(100):
        with watch.over(lambda number=number: spoken.append(number)):  # type: ignore[misc]
            assert len(set(threading.enumerate()) - before) == 1
    assert spoken == []


def test_a_report_that_fails_is_seen_and_does_not_end_the_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watch, seen, failed = Watch(lambda: repeat(0.01)), [], threading.Event()

    def excepthook(args: Any) -> None:
        seen.append(args.exc_type)
        failed.set()

    monkeypatch.setattr(threading, "excepthook", excepthook)
    with watch.over(lambda: 1 / 0):  # type: ignore[arg-type]
        assert failed.wait(TEN_SECONDS)
    assert seen == [ZeroDivisionError]
    again = threading.Event()
    with watch.over(again.set):
        assert again.wait(TEN_SECONDS)
