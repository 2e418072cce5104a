"""The command line in a process that kills itself at one place: `WHEN FUNCTION` and then its words.

`WHEN` is `before` or `after` the first call of the function, `module:Class.attribute`; with
`FUNCTION>INNER` the first call of `INNER` that is made within it.
"""

from __future__ import annotations

import functools
import os
import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from odibi_dagster.cli import main
from tests.kills.points import found

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _around(path: str, context: Callable[[], Any]) -> None:
    owner, name, real = found(path)

    @functools.wraps(real)
    def wrapped(*arguments: Any, **words: Any) -> Any:
        with context():
            return real(*arguments, **words)

    setattr(owner, name, wrapped)


def doom(when: str, path: str) -> None:
    """From now on, this process dies there."""
    outer, _, inner = path.rpartition(">")
    within = [] if outer else [True]

    @contextmanager
    def deadly() -> Iterator[None]:
        if within and when == "before":
            _die()
        yield
        if within and when == "after":
            _die()

    @contextmanager
    def entered() -> Iterator[None]:
        within.append(True)
        yield
        within.pop()

    _around(inner, deadly)
    if outer:
        _around(outer, entered)


if __name__ == "__main__":
    doom(*sys.argv[1:3])
    sys.exit(main(sys.argv[3:]))
