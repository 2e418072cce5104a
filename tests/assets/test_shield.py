"""A stop between the quarantine and its target would leave one of them a run ahead."""

from __future__ import annotations

import signal
import threading

import pytest

from odibi_dagster.assets.shield import uninterrupted


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_waits_for_the_end_of_the_block(number: signal.Signals) -> None:
    done: list[str] = []
    stopped = RuntimeError("stopped")

    def stop(*_: object) -> None:
        raise stopped

    before = signal.signal(number, stop)
    try:
        with pytest.raises(RuntimeError, match="stopped"), uninterrupted():
            signal.raise_signal(number)
            done.append("published")
        assert signal.getsignal(number) is stop
    finally:
        signal.signal(number, before)
    assert done == ["published"]


def test_an_error_in_the_block_is_raised_and_the_handlers_are_back() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(ValueError, match="full"), uninterrupted():
        raise ValueError("full")
    assert signal.getsignal(signal.SIGINT) is before


def test_other_threads_run_the_block_as_it_is() -> None:
    done: list[str] = []

    def work() -> None:
        with uninterrupted():
            done.append("published")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == ["published"]
