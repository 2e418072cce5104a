"""A directory of several files, published under kills: what is half-way is put right."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from odibi_dagster.errors import WriteError
from odibi_dagster.formats import files
from tests.formats.support import POLARS, frame_of, hidden, read, rows_of, write

OLD = {"id": [1, 2, 3], "k": ["a", "b", "c"], "v": [1, 1, 1]}
NEW = {"id": [2, 4], "k": ["b", "a"], "v": [2, 2]}
AFTER = {
    "overwrite": [(2, "b", 2), (4, "a", 2)],
    "upsert": [(1, "a", 1), (2, "b", 2), (3, "c", 1), (4, "a", 2)],
    "append": [(1, "a", 1), (2, "b", 1), (2, "b", 2), (3, "c", 1), (4, "a", 2)],
}


class Killed(BaseException):
    pass


@contextmanager
def killed_at(step: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing is renamed or removed any more from that step on, as after a kill."""
    steps = iter(range(1_000_000))

    def mortal(change: Callable[..., Any]) -> Callable[..., Any]:
        def dying(path: Path, *args: Any, **options: Any) -> Any:
            if next(steps) >= step:
                raise Killed
            return change(path, *args, **options)

        return dying

    with monkeypatch.context() as patch:
        for name in ("replace", "rename", "unlink", "rmdir"):
            patch.setattr(Path, name, mortal(getattr(Path, name)))
        patch.setattr(shutil, "rmtree", mortal(shutil.rmtree))
        yield
    files._live.clear()


def put(path: Path, data: Any, mode: str, batch: str) -> Any:
    options = {"keys": ["id"]} if mode == "upsert" else {}
    frame = frame_of(POLARS, data)
    return write("parquet", path, frame, mode=mode, batch=batch, partition_by=("k",), **options)


def stored(path: Path) -> list[tuple[Any, ...]]:
    return sorted(rows_of(POLARS, read("parquet", path).select("id", "k", "v")))


@pytest.mark.parametrize("mode", ["overwrite", "upsert", "append"])
def test_killed_at_every_step(tmp_path: Path, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another try gives the very rows, and so does another batch: none is lost or there twice."""
    kills = 0
    for step in range(1_000):
        path, other = tmp_path / f"{step}", tmp_path / f"{step}_other"
        put(path, OLD, mode, "b1")
        try:
            with killed_at(step, monkeypatch):
                put(path, NEW, mode, "b2")
        except Killed:
            kills += 1
        for name in [path.name, *(n for n in hidden(tmp_path) if n.startswith(f".{path.name}."))]:
            _copy(tmp_path / name, tmp_path / name.replace(path.name, other.name, 1))

        put(path, NEW, mode, "b2")
        assert stored(path) == AFTER[mode], step
        put(other, {"id": [9], "k": ["z"], "v": [9]}, mode, "b3")
        old = sorted(zip(*OLD.values(), strict=True))
        before = [[]] if mode == "overwrite" else [old, AFTER[mode]]
        assert stored(other) in [[*rows, (9, "z", 9)] for rows in before], step
        assert [name for name in hidden(tmp_path) if name.endswith("swap.json")] == []
        if kills <= step:
            break
    assert kills > 5


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copy2(source, target)


def test_a_failed_publish_is_undone_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not only by the next run: readers would see half a batch until then."""
    path, replace = tmp_path / "out", Path.replace
    put(path, OLD, "append", "b1")

    def failing(self: Path, target: Path) -> Path:
        if target.parent.name == "k=b":
            raise PermissionError(13, "Permission denied")
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", failing)
        with pytest.raises(WriteError, match="Permission denied"):
            put(path, NEW, "append", "b2")
    assert stored(path) == sorted(zip(*OLD.values(), strict=True))


def test_partitions_that_somebody_removed_stay_removed(tmp_path: Path) -> None:
    """The other files of their batches are whole, and none of them goes."""
    path = tmp_path / "out"
    put(path, OLD, "append", "b1")
    shutil.rmtree(path / "k=a")
    assert not put(path, NEW, "append", "b2").adopted
    assert stored(path) == [(2, "b", 1), (2, "b", 2), (3, "c", 1), (4, "a", 2)]


def test_a_directory_that_somebody_restored_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new files were in and some old ones gone: a backup brings the old ones back."""
    path, unlink = tmp_path / "out", Path.unlink
    put(path, OLD, "overwrite", "b1")
    backup = shutil.copytree(path, tmp_path / "backup")

    def dying(self: Path, **options: Any) -> None:
        if self.suffix == ".parquet":
            raise Killed
        unlink(self, **options)

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Path, "unlink", dying)
        put(path, NEW, "overwrite", "b2")
    shutil.rmtree(path)
    backup.rename(path)
    put(path, NEW, "append", "b3")
    assert stored(path) == AFTER["append"]
