"""Files that are no YAML we accept: one clear error with its place, at once, nothing built."""

from __future__ import annotations

import os
import re
import resource
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from odibi_dagster.config.load import load_project
from odibi_dagster.config.substitute import raw
from odibi_dagster.config.tree import Source
from odibi_dagster.config.yaml import load_tree
from odibi_dagster.errors import ConfigError, ConfigSyntaxError

if TYPE_CHECKING:
    from collections.abc import Iterator

LAUGHS = b"a0: &a0 [x]\n" + b"".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n".encode() for i in range(1, 10)
)
BAD = [
    pytest.param(
        b"a: !!python/object/apply:os.system ['touch /tmp/pwned']",
        "tag '!!python/object/apply:os.system' is not allowed",
        "1:4",
        id="Y01",
    ),
    pytest.param(b"a: !!python/name:os.system", "tag .* is not allowed", "1:4", id="Y02"),
    pytest.param(b"a: !!binary aGk=", "tag '!!binary' is not allowed", "1:4", id="binary"),
    pytest.param(b"a: !!set {b}", "tag '!!set' is not allowed", "1:4", id="set"),
    pytest.param(b"a: !!map [b]", "tag '!!map' is not allowed", "1:4", id="wrong collection"),
    pytest.param(b"a: !mine b", "tag '!mine' is not allowed", "1:4", id="local tag"),
    pytest.param(LAUGHS, "aliases expand to more than", "6:40", id="Y04"),
    pytest.param(b"a: &a [*a]", "alias 'a' refers to itself", "1:8", id="Y05"),
    pytest.param(
        b"nodes:\n  - name: a\n    write: {path: x}\n    write: {path: y}",
        "duplicate key 'write'; first written in line 3",
        "4:5",
        id="Y07",
    ),
    pytest.param(b"[" * 20_000, "nested deeper than 64", "1:65", id="Y08"),
    pytest.param(b"- " * 20_000, "nested deeper than 64", "1:129", id="deep block list"),
    pytest.param(
        b"a: &a " + b"[" * 40 + b"]" * 40 + b"\nb: " + b"[" * 40 + b"*a" + b"]" * 40,
        "nested deeper than 64",
        "2:44",
        id="deep through an alias",
    ),
    pytest.param(b"n: " + b"1" * 5000, "number too long", "1:4", id="Y10"),
    pytest.param(b"n: 0x" + b"f" * 5000, "number too long", "1:4", id="long hexadecimal"),
    pytest.param(b"d: 2026-13-45", "not a valid date", "1:4", id="Y11"),
    pytest.param(b"d: 2026-01-01 25:00:00", "not a valid date", "1:4", id="hour 25"),
    pytest.param(b"h: =", "quote the value '='", "1:4", id="Y13"),
    pytest.param(b"a: *nope", "undefined alias 'nope'", "1:4", id="Y14"),
    pytest.param(b"a: 1\n---\nb: 2", "one document expected", "2:1", id="Y16"),
    pytest.param(b"a:\n\t- b", "tab used for indentation", "2:1", id="Y17"),
    pytest.param(b"bytes a: \xff\xfe\xfa", "not valid UTF-8", "1:10", id="Y19"),
    pytest.param(b"a: b\nc: \xff", "not valid UTF-8", "2:4", id="UTF-8 in line 2"),
    pytest.param(b'a: "\\ud800"', "invalid unicode escape", "1:7", id="Y20"),
    pytest.param(b"1: x\ntrue: y", "mapping keys must be strings", "1:1", id="Y22"),
    pytest.param(b"true: y", "mapping keys must be strings", "1:1", id="boolean key"),
    pytest.param(b"? [a]\n: b", "mapping keys must be strings", "1:3", id="list as key"),
    pytest.param(b"<<: 3", "merge value must be a mapping", "1:5", id="Y23"),
    pytest.param(b"a: " + b"x" * 10_000_000, "file larger than 1048576 bytes", "0:0", id="Y28"),
    pytest.param(b"a: " + b"x" * 70_000, "text longer than 65536", "1:4", id="long text"),
    pytest.param(b"a: \x07", "control characters", "1:4", id="bell"),
    pytest.param(b"a: [1,\nb: 2", "not valid YAML", "3:1", id="unclosed list"),
    pytest.param(b"a: b: c", "not valid YAML", "1:5", id="two colons"),
    pytest.param(b"a: !!int x", "not a valid number", "1:4", id="tagged nonsense"),
]


@pytest.fixture
def _bounded() -> Iterator[None]:
    """Neither two seconds nor 200 MB more than before."""
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    yield
    assert time.process_time() - start < 2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000


@pytest.mark.parametrize(("content", "message", "place"), BAD)
@pytest.mark.usefixtures("_bounded")
def test_refused_with_its_place(tmp_path: Path, content: bytes, message: str, place: str) -> None:
    file = tmp_path / "odibi.yaml"
    file.write_bytes(content)
    with pytest.raises(ConfigSyntaxError, match=message) as caught:
        load_project(file)
    (found,) = caught.value.problems
    assert (found.file, f"{found.line}:{found.column}") == (str(file), place)
    assert not Path("/tmp/pwned").exists()


@pytest.mark.parametrize(
    "content", [b"", b"\n\n", b"# nothing\n", b"---\n...\n", b"~", b"\xef\xbb\xbf"]
)
def test_an_empty_file(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "odibi.yaml"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match="is empty"):
        load_project(file)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read .*: it is a directory"):
        load_project(tmp_path)
    with pytest.raises(ConfigError, match=r"cannot read .*: No such file"):
        load_project(tmp_path / "odibi.yaml")
    with pytest.raises(ConfigError, match="cannot read"):
        load_project("a\0b")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigError, match="not a regular file"):
        load_project(tmp_path / "pipe")


def test_a_file_without_permission(tmp_path: Path) -> None:
    file = tmp_path / "odibi.yaml"
    file.write_text("a: b")
    file.chmod(0)
    user = os.geteuid()
    try:
        if user == 0:  # root reads everything
            os.seteuid(65_534)
        with pytest.raises(ConfigError, match=r"cannot read .*: Permission denied"):
            load_project(file)
    finally:
        os.seteuid(user)


@pytest.mark.parametrize("content", ["[1, 2]", "hello", "42"])
def test_a_file_that_is_no_mapping(tmp_path: Path, content: str) -> None:
    file = tmp_path / "odibi.yaml"
    file.write_text(content)
    with pytest.raises(ConfigError, match="expected the keys project, connections and pipelines"):
        load_project(file)


def read(tmp_path: Path, text: str) -> Any:
    file = tmp_path / "a.yaml"
    file.write_text(text, encoding="utf-8")
    return raw(load_tree(Source(file, "a.yaml")))


def test_values_are_what_pyyaml_reads(tmp_path: Path) -> None:
    import yaml

    text = (
        "[1, 1_000, 0x1f, 0o17, 017, 1:30, 1.5, 1e3, .inf, -.inf, true, yes, Off, ~, null, '', "
        "'yes', 2026-01-02, 2026-01-02T03:04:05Z, 2026-01-02 03:04:05.5 +2, a b, \"\\n\", y, N]"
    )
    assert read(tmp_path, text) == yaml.safe_load(text)
    assert read(tmp_path, "[!!str 1, !!int '2', !!float 3, ! 4]") == ["1", 2, 3.0, "4"]


def test_merge_keys_anchors_and_switches_as_keys(tmp_path: Path) -> None:
    import yaml

    text = (
        "base: &b {x: 1, y: 2}\nmore: &m {y: 3, z: 4}\n"
        "one: {<<: *b, y: 5}\ntwo: {<<: [*b, *m], w: 0}\nlist: [*b, *b]\n'<<': text\n"
    )
    assert read(tmp_path, text) == {**yaml.safe_load(text), "<<": "text"}
    assert read(tmp_path, "on: id\noff: 1\nyes: 2\nno: 3") == {
        "on": "id",
        "off": 1,
        "yes": 2,
        "no": 3,
    }


def test_windows_files(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_bytes(b"\xef\xbb\xbfa: |\r\n  x\r\n  y\r\nb: 1\r\n")
    assert raw(load_tree(Source(file, "a.yaml"))) == {"a": "x\ny\n", "b": 1}


def test_a_thousand_aliases_are_fine(tmp_path: Path) -> None:
    text = "a: &a [1, 2]\nb: [" + ", ".join(["*a"] * 1000) + "]"
    assert len(read(tmp_path, text)["b"]) == 1000


def test_places_survive_quotes_and_unicode(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("ä: ü\n'k e y': [ {b: ö, c: 1} ]\n", encoding="utf-8")
    tree = load_tree(Source(file, "a.yaml"))
    mark = tree.find(("k e y", 0, "c"))
    assert (mark.line, mark.column) == (2, 22)
    mark = tree.find(("k e y", 0, "c"), key=True)
    assert (mark.line, mark.column) == (2, 19)
    assert re.fullmatch(r".*a\.yaml", mark.source.shown)
