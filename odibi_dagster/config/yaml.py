"""Read a YAML file safely: limits before parsing, and every refusal with its place."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, Any

import yaml

from odibi_dagster.config.composer import Composer, fault
from odibi_dagster.config.tree import Mark, Source, Tree
from odibi_dagster.errors import ConfigError, ConfigSyntaxError, Problem

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 1_048_576
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def load_tree(source: Source, *, max_bytes: int = MAX_BYTES) -> Tree:
    """The tree of a YAML file.

    ConfigError where the file cannot be read or is empty; ConfigSyntaxError, with the place of
    the first thing wrong, where it is not plain YAML within the limits.
    """
    text = read_text(source, max_bytes=max_bytes)
    try:
        tree = Composer(source).compose(yaml.parse(text, Loader=_LOADER))
    except yaml.reader.ReaderError as error:
        raise _unprintable(error, text, source) from None
    except yaml.MarkedYAMLError as error:
        raise _malformed(error, text, source) from None
    if tree is None or tree.value is None:
        raise ConfigError([Problem("the file is empty", source.shown)])
    return tree


def read_text(source: Source, *, max_bytes: int = MAX_BYTES) -> str:
    """The text of a file that the project names; ConfigError where it cannot be read."""
    try:
        _regular(source.path)
        with source.path.open("rb") as file:
            raw = file.read(max_bytes + 1)
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise ConfigError([Problem(f"cannot read {source.shown}: {reason}")]) from None
    if len(raw) > max_bytes:
        message = f"file larger than {max_bytes} bytes"
        raise ConfigSyntaxError([Problem(message, source.shown)])
    try:
        return raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        column = len(before) - (before.rfind(b"\n") + 1) + 1
        mark = Mark(source, before.count(b"\n") + 1, column)
        raise fault("not valid UTF-8; save the file as UTF-8", mark) from None


def _regular(path: Path) -> None:
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode):
        msg = "it is a directory" if stat.S_ISDIR(mode) else "it is not a regular file"
        raise ValueError(msg)


def _unprintable(error: yaml.reader.ReaderError, text: str, source: Source) -> ConfigSyntaxError:
    before = text.encode()[: int(error.position)].decode(errors="ignore")
    line = before.count("\n") + 1
    column = len(before) - (before.rfind("\n") + 1) + 1
    return fault("control characters are not allowed", Mark(source, line, column))


def _malformed(error: yaml.MarkedYAMLError, text: str, source: Source) -> ConfigSyntaxError:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line, mark.column) if mark else (0, 0)
    lines = text.split("\n")
    written = lines[line] if line < len(lines) else ""
    indent = written[: len(written) - len(written.lstrip())]
    if "\t" in indent:
        place = Mark(source, line + 1, indent.index("\t") + 1)
        return fault("tab used for indentation; use spaces", place)
    problem = error.problem or "not valid YAML"
    if "Unicode character" in problem:
        problem = "invalid unicode escape"
    message = f"{error.context}, {problem}" if error.context else problem
    return fault(f"not valid YAML: {message}", Mark(source, line + 1, column + 1))
