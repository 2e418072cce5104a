"""As the kernel sees it: data, log and folder are on the disk before the mark is."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.kills.field import Field
from tests.kills.nursery import Nursery
from tests.kills.test_mutants import BAD_AND_GOOD, written

pytestmark = [pytest.mark.databases, pytest.mark.timeout(120)]
SYNC = re.compile(r"f(?:data)?sync\(\d+<([^>]+)>")
CHECKPOINT = 9
"""Commits before the one with a checkpoint."""
RENAME = re.compile(r'rename\w*\(.*?"([^"]+)".*?"([^"]+)"')


def calls(ground: Field, log: Path) -> list[str]:
    """The files that one run flushes from its intent on, in their order, by their last names."""
    ground.grow(BAD_AND_GOOD)
    life = ground.life(fuses={"before intend": "hang"})
    life.until_stopped()
    command = ["strace", "-f", "-y", "-s", "4096", "-e", "trace=fsync,fdatasync,/rename",
               "-o", str(log), "-p", str(life.process)]  # fmt: skip
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as strace:
        assert strace.stderr is not None
        said = strace.stderr.readline()
        life.signal(signal.SIGCONT)
        assert life.end() == 0, life.error
        if "attached" not in said:
            # a container may forbid it, and CI cannot help that; a skipped test would fail there
            pytest.xfail(f"ptrace is refused here: {said.strip()}")
    flushed: list[str] = []
    for line in log.read_text().splitlines():
        if found := SYNC.search(line):
            flushed.append(found[1])
        elif moved := RENAME.search(line):
            flushed = [moved[2] if path == moved[1] else path for path in flushed]
    return flushed


def late(ground: Field, log: Path) -> set[str]:
    """What a run published and had not flushed after its intent and before its mark."""
    before = written(ground)
    flushed = calls(ground, log)
    state = [number for number, path in enumerate(flushed) if path.endswith("state.db-wal")]
    assert len(state) >= 2, "the intent and the mark"
    between = {str(Path(path)) for path in flushed[state[0] : state[-1]]}
    new = {path for _, path in written(ground) - before}
    return {str(path) for path in new | {path.parent for path in new}} - between


def checkpoints(ground: Field) -> None:
    """Runs until the next commit is one that writes a checkpoint as well."""
    log = ground.root / "lake/orders/_delta_log"
    while len(list(log.glob("*.json"))) < CHECKPOINT:
        ground.grow(BAD_AND_GOOD)
        assert ground.life().end() == 0
    assert not (log / "_last_checkpoint").exists()


@pytest.mark.parametrize("format", ["delta", "parquet", "csv"])
def test_the_mark_is_flushed_last(tmp_path: Path, nursery: Nursery, format: str) -> None:
    if shutil.which("strace") is None:
        pytest.skip("strace is not here; scripts/system-packages installs it")
    ground = Field(tmp_path / "field", format, f"sqlite:///{tmp_path}/state.db", nursery)
    ground.grow()
    ground.drain()
    assert late(ground, tmp_path / "right") == set()
    if format == "delta":
        checkpoints(ground)
        assert late(ground, tmp_path / "checkpoint") == set()
        log = ground.root / "lake/orders/_delta_log"
        assert (log / "_last_checkpoint").exists(), "or else this was another commit"
    ground.mutant = "no_flush"
    assert late(ground, tmp_path / "wrong") != set()
