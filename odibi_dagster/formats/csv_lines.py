"""The lines of a csv file: its header, and what pandas passes over and scanners do not."""

from __future__ import annotations

import csv
import mmap
import re
from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from odibi_dagster.errors import DataReadError
from odibi_dagster.formats.landing import landed

if TYPE_CHECKING:
    from pathlib import Path

    from odibi_dagster.formats.csv_options import CsvReadOptions

_BLANK = re.compile(rb"\n\r?\n")
_BOM = b"\xef\xbb\xbf"
_MAX_FIELD = 64 * 2**20
"""Characters of one field in the first row; what is longer is an open quote rather than a text."""


def cleaned(file: Path, options: CsvReadOptions) -> Path:
    """The file, or a copy without what pandas passes over.

    These are blank lines, comments, skipped lines and lines before the header.
    """
    skip = options.skiprows + (options.header_line or 0)
    if not skip and not _has_passed_over(file, options.comment):
        return file
    key = f"{skip} {options.comment} {options.quotechar}"
    return landed(file, key, ".csv", partial(_write_clean, options=options))


def _has_passed_over(file: Path, comment: str | None) -> bool:
    if not file.stat().st_size:
        return False
    with file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as text:
        if comment and text.find(comment.encode()) >= 0:
            return True
        start = text[:5].removeprefix(_BOM)
        # a pattern finds in a third of the time of two calls of `mmap.find`
        return start.startswith((b"\n", b"\r\n")) or _BLANK.search(text) is not None


def _write_clean(file: Path, target: Path, options: CsvReadOptions) -> None:
    with file.open("rb") as source, target.open("wb") as sink:
        skipped = islice(source, options.skiprows, None)
        lines = _without_blanks(skipped, options)
        sink.writelines(islice(lines, options.header_line or 0, None))


def _without_blanks(lines: Iterator[bytes], options: CsvReadOptions) -> Iterator[bytes]:
    quote = options.quotechar.encode()
    inside = False
    for line in lines:
        text = line if inside or not options.comment else _uncommented(line, options)
        if inside or text.removeprefix(_BOM).strip(b"\r\n"):
            yield text
        if text.count(quote) % 2:
            inside = not inside


def _uncommented(line: bytes, options: CsvReadOptions) -> bytes:
    """The line up to the first comment character that no quotes enclose."""
    mark, quote = (options.comment or "").encode(), options.quotechar.encode()
    start = line.find(mark)
    while start >= 0 and line.count(quote, 0, start) % 2:
        start = line.find(mark, start + 1)
    return line if start < 0 else line[:start].rstrip(b" \r\n") + b"\n" if start else b"\n"


def columns_of(file: Path, options: CsvReadOptions) -> tuple[str, ...]:
    """The names of a (cleaned) file's columns: from its header, from `names`, else 0, 1, 2 ..."""
    first = _first_record(file, options)
    if first is None and options.names is None:
        msg = f"{file} is not a readable csv file: it is empty"
        raise DataReadError(msg)
    if options.names is not None:
        return options.names
    if options.header_line is None:
        return tuple(str(index) for index in range(len(first or ())))
    return tuple(first or ())


def _first_record(file: Path, options: CsvReadOptions) -> list[str] | None:
    limit = csv.field_size_limit(_MAX_FIELD)
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            return next(
                csv.reader(stream, delimiter=options.sep, quotechar=options.quotechar), None
            )
    except (UnicodeDecodeError, csv.Error) as error:
        msg = f"{file} is not a readable csv file in utf-8: {error}"
        raise DataReadError(msg) from error
    finally:
        csv.field_size_limit(limit)
