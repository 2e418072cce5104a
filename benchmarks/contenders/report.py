"""What a contender says of its run: seconds per node, and what its checks saw.

Standard library only, because every environment has no more than that in common.
"""

from __future__ import annotations

import json
import os
import resource
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class Report:
    """Filled while the contender works, and written at its end to `$BENCH_REPORT`."""

    def __init__(self) -> None:
        self.said: dict[str, dict[str, Any]] = {"seconds": {}, "checks": {}, "figures": {}}
        """By kind: `seconds` and `checks` by node, `figures` by name."""

    @contextmanager
    def timing(self, node: str) -> Iterator[None]:
        """Add the seconds of a block to what the node took, its CPU to `node_cpu`.

        And to `node_memory` by how many bytes the process was larger at its peak than before.
        """
        started, cpu, before = time.perf_counter(), time.process_time(), _resident()
        try:
            yield
        finally:
            self.took(node, time.perf_counter() - started)
            figures = self.said["figures"]
            figures["node_cpu"] = figures.get("node_cpu", 0.0) + time.process_time() - cpu
            grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before
            figures["node_memory"] = max(figures.get("node_memory", 0.0), float(grown))

    def took(self, node: str, seconds: float) -> None:
        """Add seconds to what the node took."""
        self.said["seconds"][node] = self.said["seconds"].get(node, 0.0) + seconds

    def saw(self, node: str, checks: Mapping[str, Any]) -> None:
        """The values of a node's checks, by check: a count of broken rows, of rows, or a time."""
        self.said["checks"][node] = {name: plain(value) for name, value in checks.items()}

    def figure(self, name: str, value: float) -> None:
        """A number that claims may name, such as CPU seconds of a part of the run."""
        self.said["figures"][name] = value

    def write(self) -> None:
        """To the file that the runner reads; nowhere where none is asked for."""
        if place := os.environ.get("BENCH_REPORT"):
            Path(place).write_text(json.dumps(self.said), encoding="utf-8")


def plain(value: Any) -> Any:
    """A time as its whole seconds in ISO 8601, anything else as it is."""
    return value.isoformat(timespec="seconds") if hasattr(value, "isoformat") else value


def _resident() -> int:
    """Bytes of this process in memory now; 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1])
    except OSError:
        return 0
    return pages * resource.getpagesize()


def folders() -> tuple[Path, Path]:
    """Where the data lies, and where the tables go."""
    return Path(os.environ["BENCH_DATA"]), Path(os.environ["BENCH_OUT"])
