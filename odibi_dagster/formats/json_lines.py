"""Arrays of objects to lines and back, one object at a time."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

from odibi_dagster.errors import DataReadError
from odibi_dagster.formats.landing import landed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_BLOCK = 65_536
_ARRAY_BLOCK = 4 * 2**20
"""What the parser of arrays is fed: it begins a text anew that does not end within a block."""


def as_lines(file: Path, lines: bool | None) -> Path:
    """The file where it holds lines; else a copy in which its array is lines."""
    if lines is None:
        lines = first_character(file) != b"["
    return file if lines else landed(file, "array", ".ndjson", partial(_write_lines))


def first_character(file: Path) -> bytes:
    """What a file begins with, white space aside: `[` is an array. Empty where nothing is there."""
    with file.open("rb") as stream:
        while block := stream.read(_BLOCK):
            if text := block.removeprefix(b"\xef\xbb\xbf").lstrip():
                return text[:1]
    return b""


def _write_lines(file: Path, target: Path) -> None:
    import ijson

    try:
        with file.open("rb") as source, target.open("w", encoding="utf-8") as sink:
            items = ijson.items(source, "item", use_float=True, buf_size=_ARRAY_BLOCK)
            for item in items:
                if not isinstance(item, dict):
                    msg = f"{file} is not a readable json file: {item!r:.60} is no object"
                    raise DataReadError(msg)
                sink.write(json.dumps(item, ensure_ascii=False) + "\n")
    except (ijson.JSONError, UnicodeDecodeError) as error:
        msg = f"{file} is not a readable json file: {str(error).splitlines()[0]}"
        raise DataReadError(msg) from error


def write_array(files: Sequence[Path], target: Path) -> Path:
    """The lines of all files as one array."""
    with target.open("wb") as sink:
        separator = b"[\n"
        for file in files:
            with file.open("rb") as source:
                for line in source:
                    sink.write(separator + line.rstrip(b"\n"))
                    separator = b",\n"
        sink.write(b"[]\n" if separator == b"[\n" else b"\n]\n")
    return target
