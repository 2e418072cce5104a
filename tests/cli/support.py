"""A small project on disk, and the command line run on it: in this process, or as one."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from odibi_dagster.cli import main

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).parents[2]

PROJECT = """\
project: shop
engine: polars
connections:
  lake: {type: local, base_path: ./lake}
story: {connection: lake, path: stories}
system: {connection: lake, path: system}
pipelines:
  - pipeline: silver
    description: Checked.
    nodes:
      - name: orders
        read: {connection: lake, format: parquet, path: orders.parquet}
        contracts:
          - {type: row_count, min: 1}
        validation:
          tests:
            - {type: unique, columns: [id]}
            - {type: not_null, columns: [customer], on_fail: quarantine}
            - {type: range, column: amount, max: 100, on_fail: warn}
          quarantine: {connection: lake, path: rejected.parquet}
        write: {connection: lake, format: parquet, path: silver_orders.parquet}
  - pipeline: gold
    nodes:
      - name: large
        inputs: {orders: $silver.orders}
        transform:
          steps:
            - function: above
              params: {limit: 5}
      - name: answers
        depends_on: [large]
        write: {connection: lake, format: parquet, path: gold_answers.parquet}
"""

TRANSFORMS = """\
from pathlib import Path

import polars as pl

from odibi_dagster import transform


@transform
def above(context, limit: int):
    return context.df.filter(pl.col("amount") > limit)


@transform
def wait(context, at: str):
    Path(at).read_text()  # a fifo: held until somebody writes
    return context.df


@transform
def hold_the_sink(context, at: str):
    # inside the sink: Python's main thread is in native code and hears no signal
    def hold(frame):
        Path(at + ".reached").touch()
        Path(at).read_text()
        return frame

    return context.df.map_batches(hold)


@transform
def stumble(context):
    raise ZeroDivisionError("a mistake in transforms.py")
"""


@dataclass
class Cli:
    root: Path
    capsys: pytest.CaptureFixture[str]

    ORDERS = {"id": [1, 2, 3], "customer": ["a", None, "c"], "amount": [10, 20, 300]}

    def land(self, name: str, **columns: list[Any]) -> None:
        (self.root / "lake").mkdir(exist_ok=True)
        pl.DataFrame(columns).write_parquet(self.root / "lake" / f"{name}.parquet")

    def write(self, yaml: str = PROJECT) -> None:
        (self.root / "odibi.yaml").write_text(textwrap.dedent(yaml), encoding="utf-8")
        (self.root / "transforms.py").write_text(TRANSFORMS, encoding="utf-8")

    def replace(self, old: str, new: str) -> None:
        assert old in PROJECT
        self.write(PROJECT.replace(old, new))

    def __call__(self, *words: str) -> Answer:
        code = main(words)
        captured = self.capsys.readouterr()
        return Answer(code, captured.out, captured.err)

    def start(self, *words: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "odibi_dagster.cli", *words],
            cwd=self.root,
            env=child_environment(**environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def stored(self, name: str) -> pl.DataFrame:
        return pl.read_parquet(self.root / "lake" / f"{name}.parquet")


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str


def child_environment(**extra: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k not in ("DAGSTER_HOME", "ODIBI_ENV")}
    return {**kept, "PYTHONPATH": str(ROOT), **extra}
