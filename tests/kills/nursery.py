"""The process that every life is forked from: all imports are paid once.

It reads one order a line and answers each with one line. Nothing here runs a query: a fork of a
process with threads that compute is not a process.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.kills.lives import Order, born, import_all, load


@dataclass
class Nursery:
    """The test's side of it."""

    _process: subprocess.Popen[str]

    @classmethod
    def open(cls, log: Path) -> Nursery:
        environment = {**os.environ, "POLARS_MAX_THREADS": "2"}
        with log.open("w") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.kills.nursery"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env=environment,
            )
        return cls(process)

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()

    def fork(self, order: Order) -> int:
        """A new process that carries the order out; its id."""
        return int(self._ask({"do": order.what, **vars(order)}))

    def wait(self, process: int) -> int:
        """Until that process has ended; its exit code, negative for a signal."""
        return int(self._ask({"do": "wait", "process": process}))

    def clear(self) -> None:
        """End every process that a test left behind."""
        self._ask({"do": "clear"})

    def _ask(self, question: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the nursery has ended; see its log"
        return json.loads(answer)


def main() -> None:
    import_all()
    gc.collect()
    gc.freeze()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a life prints is for the log
    living: set[int] = set()
    for line in sys.stdin:
        answers.write(f"{_answer(json.loads(line), living)}\n")
        answers.flush()
    _clear(living)


def _answer(question: dict[str, Any], living: set[int]) -> int:
    match question.pop("do"):
        case "wait":
            living.discard(question["process"])
            return os.waitstatus_to_exitcode(os.waitpid(question["process"], 0)[1])
        case "clear":
            return _clear(living)
    load(question["config"])
    process = os.fork()
    if process == 0:
        os._exit(born(Order(**question)))
    living.add(process)
    return process


def _clear(living: set[int]) -> int:
    for process in living:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
    count = len(living)
    living.clear()
    return count


if __name__ == "__main__":
    main()
