"""A project whose inputs are large in one way, on either engine, and the size of its events."""

from __future__ import annotations

import json
import os
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import polars as pl

from tests.assets.support import Run, Shop

FULL = bool(os.environ.get("ODIBI_TEST_LARGE"))
"""Whether 10,000 partitions and 100,000 files are tried in full, as `make large` does."""
MAX_EVENT = 1_000_000
"""Bytes of one event in Dagster's database: what docs/limits.md promises."""
READ: Mapping[str, Callable[[Path], pl.DataFrame]] = {
    "csv": lambda path: pl.read_csv(path),
    # Polars' own reader would mix up the columns of a wide row
    "json": lambda path: pl.DataFrame(list(map(json.loads, path.read_text("utf-8").splitlines()))),
    "parquet": lambda path: pl.read_parquet(path),
    "delta": lambda path: pl.read_delta(str(path)),
}
WRITE: Mapping[str, Callable[[pl.DataFrame, Path], object]] = {
    "csv": lambda frame, path: frame.write_csv(path),
    "json": lambda frame, path: frame.write_ndjson(path),
    "parquet": lambda frame, path: frame.write_parquet(path),
    "delta": lambda frame, path: frame.write_delta(str(path)),
}


@dataclass
class Large(Shop):
    """A shop of one node, `bronze/wide`, that reads `lake/in` and writes `lake/out`."""

    engine: str = "polars"

    def land_frame(self, frame: pl.DataFrame, format: str) -> None:
        """The input, as a file or a table of that format."""
        (self.root / "lake").mkdir(exist_ok=True)
        WRITE[format](frame, self.root / "lake/in")

    def node(self, format: str, body: str = "", *, reads: str = "", write: str = "") -> None:
        """The node reads one format (`reads`: another one) and writes the other."""
        self.write(
            f"engine: {self.engine}\n"
            "pipelines:\n"
            "  - pipeline: bronze\n"
            "    nodes:\n"
            "      - name: wide\n"
            f"        read: {{connection: lake, format: {reads or format}, path: in}}\n"
            + textwrap.indent(textwrap.dedent(body), " " * 8)
            + f"        write: {{connection: lake, format: {format}, path: out{write}}}\n"
        )

    def out(self, format: str) -> pl.DataFrame:
        """What was written, read by Polars alone."""
        return self.stored_by(format, "out")

    def stored_by(self, format: str, name: str) -> pl.DataFrame:
        """A table of the lake, read by Polars alone."""
        return READ[format](self.root / "lake" / name)

    def largest_event(self, run: Run) -> int:
        """Bytes of the largest event of a run, as Dagster stores it."""
        events = self.instance.all_logs(run.result.run_id)
        return max(len(dg.serialize_value(event).encode()) for event in events)
