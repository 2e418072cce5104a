"""Paths of a local connection: inside its folder, or an error."""

from __future__ import annotations

from pathlib import Path

import pytest

from odibi_dagster.connections.base import Wanted, connections
from odibi_dagster.connections.local import LocalConnection
from odibi_dagster.connections.paths import confined, has_glob

LAKE = LocalConnection(base_path="./lake")


def resolved(root: Path, path: str) -> Path:
    return LAKE.resolve(root, Wanted(path), root).path


def test_it_is_registered() -> None:
    assert connections["local"] is LocalConnection


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a.csv", "lake/a.csv"),
        ("./a/b.csv", "lake/a/b.csv"),
        ("a/../b.csv", "lake/b.csv"),
        ("a//b/", "lake/a/b"),
        ("a/*.csv", "lake/a/*.csv"),
        ("day=2013-01-01/100%.csv", "lake/day=2013-01-01/100%.csv"),
        ("Größe und Maß.csv", "lake/Größe und Maß.csv"),
        ("..a", "lake/..a"),
        (".", "lake"),
    ],
)
def test_paths_inside(tmp_path: Path, path: str, expected: str) -> None:
    assert resolved(tmp_path, path) == tmp_path / expected


@pytest.mark.parametrize(
    ("path", "message"),
    [
        pytest.param("../../etc/passwd", "escapes connection base path", id="P01"),
        pytest.param("a/../../b", "escapes connection base path", id="climbs out later"),
        pytest.param("/etc/passwd", "must be relative to", id="P02"),
        pytest.param("C:\\data", "must be relative to", id="drive"),
        pytest.param("~/data", "must be relative to", id="home"),
        pytest.param("a\0b", "invalid path", id="P04"),
        pytest.param("a\nb", "invalid path", id="line break"),
        pytest.param("", "invalid path", id="empty"),
        pytest.param(" ", "invalid path", id="blank"),
        pytest.param("file:///etc/passwd", "must not contain a scheme", id="P05"),
        pytest.param("s3://other-bucket/x", "must not contain a scheme", id="P05 s3"),
        pytest.param("FILE:/etc/passwd", "must not contain a scheme", id="P05 one slash"),
        pytest.param("%2e%2e/x", "escapes connection base path", id="P07"),
        pytest.param("a/%2E%2E/%2e%2e/x", "escapes connection base path", id="P07 mixed"),
        pytest.param("..%2fx", "escapes connection base path", id="P07 slash"),
        pytest.param("..\\x", "escapes connection base path", id="P07 backslash"),
        pytest.param("a\\b", "write / between folders", id="backslash"),
        pytest.param("/**", "must be relative to", id="P08"),
        pytest.param("x" * 300 + "/a", "invalid path", id="too long"),
    ],
)
def test_paths_outside(tmp_path: Path, path: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        resolved(tmp_path, path)
    with pytest.raises(ValueError, match=message):
        LAKE.resolve(tmp_path, Wanted(table=path), tmp_path)


def test_links(tmp_path: Path) -> None:
    (tmp_path / "lake" / "real").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "lake" / "inside").symlink_to("real")
    (tmp_path / "lake" / "outside").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "lake" / "loop").symlink_to("loop")
    assert resolved(tmp_path, "inside/a.csv") == tmp_path / "lake/inside/a.csv"
    for path in ("outside", "outside/a.csv", "outside/*.csv"):
        with pytest.raises(ValueError, match=r"escapes connection base path .* through a link"):
            resolved(tmp_path, path)
    with pytest.raises(ValueError, match="invalid path"):
        resolved(tmp_path, "loop/a.csv")


def test_a_base_that_is_a_link_is_the_users_choice(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "lake").symlink_to(tmp_path / "disk")
    assert resolved(tmp_path, "a.csv") == tmp_path / "lake/a.csv"


def test_base_paths(tmp_path: Path) -> None:
    root = tmp_path / "project"
    assert LocalConnection().base(root) == root / "data"
    assert LocalConnection(base_path="../shared").base(root) == tmp_path / "shared"
    assert LocalConnection(base_path="/srv/lake").base(root) == Path("/srv/lake")
    for base in ("s3://bucket", "abfss://c@a/x", "a\0b"):
        with pytest.raises(ValueError, match="no local folder"):
            LocalConnection(base_path=base).base(root)


def test_a_table_is_a_folder(tmp_path: Path) -> None:
    location = LAKE.resolve(tmp_path, Wanted(table="silver.orders"), tmp_path)
    assert location.path == tmp_path / "lake/silver.orders"
    with pytest.raises(ValueError, match="path or table"):
        LAKE.resolve(tmp_path, Wanted(), tmp_path)


def test_globs() -> None:
    assert has_glob(Path("a/*.csv"))
    assert not has_glob(Path("a/b.csv"))


def test_a_base_whose_own_name_looks_like_a_glob(tmp_path: Path) -> None:
    base = tmp_path / "[x]"
    assert confined(base, "a.csv") == base / "a.csv"
    assert confined(base, "b/*.csv") == base / "b/*.csv"
