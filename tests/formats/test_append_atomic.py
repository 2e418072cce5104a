"""Appending under the eyes of readers, and under kills: whole batches, each exactly once."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import polars as pl
import pytest

from tests.formats.support import POLARS, hidden, write
from tests.formats.test_atomic import READERS, ROWS, batch_of

KINDS = ["parquet", "csv", "json", "delta"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_reader_in_a_loop_sees_whole_batches(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "out"
    write(kind, path, POLARS.wrap(batch_of(0)), batch="b0", mode="append")
    seen: list[int] = []
    wrong: list[object] = []
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            try:
                counts = READERS[kind](path).group_by("batch").len()
            except (pl.exceptions.PolarsError, OSError) as error:
                wrong.append(error)
                return
            wrong.extend(row for row in counts.rows() if row[1] != ROWS)
            seen.append(counts.height)

    reader = threading.Thread(target=look)
    reader.start()
    for number in range(1, 12):
        write(kind, path, POLARS.wrap(batch_of(number)), batch=f"b{number}", mode="append")
    done.set()
    reader.join()
    assert wrong == []
    assert seen == sorted(seen), "a batch that was there stays"
    assert READERS[kind](path).height == 12 * ROWS


PROGRAM = """
import sys
from itertools import count
from pathlib import Path
import polars as pl
from tests.formats.support import POLARS, write
from tests.formats.test_atomic import batch_of

layout, path, first = sys.argv[1:]
for number in count(int(first)):
    print(number, flush=True)
    rows = batch_of(number).with_row_index("k").with_columns(pl.col("k") % 5)
    kind, by = ("parquet", ("k",)) if layout == "folders" else (layout, ())
    write(kind, Path(path), POLARS.wrap(rows), batch=f"b{number}", mode="append", partition_by=by)
"""


def kill_at_random(kind: str, path: Path, first: int, delay: float) -> int:
    """Append batch after batch until a kill some time later; the batch that was at work."""
    command = [sys.executable, "-c", PROGRAM, kind, str(path), str(first)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        last = int(process.stdout.readline())
        killer = threading.Timer(delay, process.kill)
        killer.start()
        for line in process.stdout:
            last = int(line)
        killer.join()
    assert process.returncode == -signal.SIGKILL
    return last


@pytest.mark.parametrize("kind", [*KINDS, "folders"])
def test_killed_at_any_moment(tmp_path: Path, kind: str) -> None:
    """Whoever was killed tries its batch again: no row is lost, none is there twice."""
    path, chance = tmp_path / "out", random.Random(kind)
    batch = 0
    for _ in range(4):
        batch = kill_at_random(kind, path, batch, chance.uniform(0.01, 0.4))
    read = READERS["parquet" if kind == "folders" else kind]
    program = PROGRAM.replace("count(int(first))", "[int(first)]")
    command = [sys.executable, "-c", program, kind, str(path), str(batch)]
    subprocess.run(command, check=True, capture_output=True)
    counts = dict(read(path).group_by("batch").len().rows())
    assert counts == dict.fromkeys(range(batch + 1), ROWS)
    assert [name for name in hidden(tmp_path) if "staged" in name] == []
