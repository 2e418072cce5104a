"""What a reader may see: the old rows or the new ones, whatever happens to the writer."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from tests.formats.support import POLARS, frame_of, hidden, read, rows_of, write

KINDS = ["parquet", "csv", "json", "delta"]
ROWS = 20_000


def batch_of(number: int) -> pl.LazyFrame:
    return pl.LazyFrame({"batch": [number]}).select(
        pl.col("batch").repeat_by(ROWS).explode(), text=pl.lit("some text to make it longer")
    )


READERS: dict[str, Callable[[Path], pl.DataFrame]] = {
    "parquet": pl.read_parquet,
    "csv": pl.read_csv,
    "json": pl.read_ndjson,
    "delta": lambda path: pl.read_delta(str(path)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_reader_in_a_loop_sees_whole_batches(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "out"
    write(kind, path, POLARS.wrap(batch_of(0)))
    seen: list[tuple[int, int]] = []
    wrong: list[BaseException] = []
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            try:
                rows = READERS[kind](path)
            except (pl.exceptions.PolarsError, OSError) as error:
                wrong.append(error)
                return
            seen.append((rows.height, rows["batch"].n_unique()))

    reader = threading.Thread(target=look)
    reader.start()
    for number in range(1, 15):
        write(kind, path, POLARS.wrap(batch_of(number)), batch=f"b{number}")
    done.set()
    reader.join()
    assert wrong == []
    assert seen
    assert set(seen) == {(ROWS, 1)}
    assert READERS[kind](path)["batch"][0] == 14


PROGRAM = """
import os, resource, signal, sys
from pathlib import Path
import polars as pl
from odibi_dagster.connections.base import Location
from odibi_dagster.engines.base import get_engine
from odibi_dagster.formats.base import formats
from tests.formats.support import numbered

kind, path, how = sys.argv[1:]
engine, format = get_engine("polars"), formats[kind]()
if how == "disk":
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
random = (pl.int_range(200_000).hash() // 4).cast(pl.Int64)
numbers = pl.LazyFrame({"a": [0]}).select(random.alias("a"))
staged = format.stage(engine, engine.wrap(numbers), Location(Path(path)), batch=numbered("b2"))
print("staged", flush=True)
if how == "kill":
    os.kill(os.getpid(), signal.SIGKILL)
format.publish(engine, staged)
"""


def run(kind: str, path: Path, how: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, kind, str(path), how],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_killed_between_stage_and_publish(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "out"
    write(kind, path, frame_of(POLARS, {"a": [1]}))
    dead = run(kind, path, "kill")
    assert (dead.returncode, dead.stdout) == (-signal.SIGKILL, "staged\n"), dead.stderr
    assert rows_of(POLARS, read(kind, path)) == [(1,)]
    assert len(hidden(tmp_path)) == 1
    write(kind, path, frame_of(POLARS, {"a": [2]}), batch="b2")
    assert rows_of(POLARS, read(kind, path)) == [(2,)]
    assert hidden(tmp_path) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_full_disk_leaves_the_old_data(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "out"
    write(kind, path, frame_of(POLARS, {"a": [1]}))
    dead = run(kind, path, "disk")
    assert dead.returncode == 1
    assert dead.stdout == ""
    last = dead.stderr.strip().splitlines()[-1]
    assert last.startswith("odibi_dagster.errors.WriteError")
    assert "File too large" in last
    assert str(path) in last
    assert rows_of(POLARS, read(kind, path)) == [(1,)]
    assert hidden(tmp_path) == []


def test_two_publishers_of_one_directory_take_turns(tmp_path: Path) -> None:
    """Without turns each would list the old files first, and neither remove the other's."""
    path = tmp_path / "out"
    write("parquet", path, frame_of(POLARS, {"a": [1], "k": [1]}), partition_by=("k",))
    again = threading.Thread(
        target=write,
        args=("parquet", path, frame_of(POLARS, {"a": [2], "k": [1]})),
        kwargs={"partition_by": ("k",), "batch": "b2"},
    )
    other = os.open(path.parent, os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    again.start()
    again.join(timeout=1)
    assert again.is_alive()
    assert rows_of(POLARS, read("parquet", path)) == [(1, 1)]
    os.close(other)
    again.join(timeout=30)
    assert rows_of(POLARS, read("parquet", path)) == [(2, 1)]
