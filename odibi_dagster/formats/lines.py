"""Adding rows to one file of lines: old and new as one file, renamed into place."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from odibi_dagster.formats import ledger
from odibi_dagster.formats.disk import alone, sync
from odibi_dagster.formats.landing import inflated
from odibi_dagster.formats.seen import Seen

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import BinaryIO

    from odibi_dagster.formats.base import Staged

_BLOCK = 1 << 20


def append_lines(staged: Staged, skip_head: Callable[[BinaryIO], None]) -> bool:
    """Put the staged lines behind those of the target; False where this batch is in it already.

    The old lines are copied byte by byte, so nothing is parsed and memory stays flat. `skip_head`
    moves a staged file to its first row. Where another writer replaces the target meanwhile, its
    lines are taken instead.
    """
    target = staged.location.path
    while True:
        seen = Seen(staged.location, ())
        if ledger.batches_in(target).get(staged.batch.owner, -1) >= staged.batch.number:
            return False
        whole = _joined(target, staged, skip_head)
        with alone(target.parent):
            if not seen.is_current:
                continue
            sync(whole)
            ledger.announce(target, whole, staged.batch)
            whole.replace(target)
            sync(target.parent)
            return True


def _joined(target: Path, staged: Staged, skip_head: Callable[[BinaryIO], None]) -> Path:
    whole = staged.folder / ".joined"
    whole.unlink(missing_ok=True)
    if target.exists():
        shutil.copyfile(inflated(target), whole)
    with whole.open("ab+") as sink:
        _end_line(sink)
        for file in staged.files:
            with file.open("rb") as source:
                if sink.tell():
                    skip_head(source)
                shutil.copyfileobj(source, sink, _BLOCK)
    return whole


def _end_line(sink: BinaryIO) -> None:
    """A last line without its end gets one: else the next row would become part of it."""
    if sink.seek(0, os.SEEK_END):
        sink.seek(-1, os.SEEK_END)
        if sink.read(1) != b"\n":
            sink.write(b"\n")


def skip_nothing(_: BinaryIO) -> None:
    """A file whose first line is a row."""


def skip_record(source: BinaryIO) -> None:
    """Move past the header: a line, or several where a name in quotes holds a line's end."""
    quotes = 0
    for line in source:
        quotes += line.count(b'"')
        if quotes % 2 == 0:
            return
