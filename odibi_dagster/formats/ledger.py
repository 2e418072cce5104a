"""Which batches one file of lines holds: said in a small hidden file beside it.

A csv or json file has no place for the numbers of its batches. So before the file is replaced, its
ledger says how the old and the new file end, and which batches each of them holds. Which of the two
is true is decided by the one rename that replaces the file; a kill before or after it changes
nothing. Where the file ends otherwise, another writer changed it and nothing is known of batches.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
from typing import TYPE_CHECKING

from odibi_dagster.errors import WriteError
from odibi_dagster.formats.disk import write_text

if TYPE_CHECKING:
    from pathlib import Path

    from odibi_dagster.core.batch import Batch

_TAIL = 65_536


def batches_in(target: Path) -> dict[str, int]:
    """The number of each owner's last batch that this file is known to hold."""
    ledger = _ledger(target)
    if not (target.exists() and ledger.exists()):
        return {}
    try:
        said: dict[str, dict[str, int]] = json.loads(ledger.read_text("utf-8"))
        return {owner: int(number) for owner, number in said.get(_end(target), {}).items()}
    except (ValueError, TypeError, AttributeError) as error:
        msg = (
            f"{ledger} says which batches {target.name} holds and cannot be read ({error}); "
            f"'{shlex.join(['rm', str(ledger)])}' if the last run of this node ended well"
        )
        raise WriteError(msg) from error


def announce(target: Path, new: Path, batch: Batch) -> None:
    """Say that `new`, which is about to replace the target, holds this batch too."""
    batches = batches_in(target)
    said = {_end(target): batches} if target.exists() else {}
    said[_end(new)] = batches | {batch.owner: batch.number}
    write_text(_ledger(target), json.dumps(said, indent=1) + "\n")


def _ledger(target: Path) -> Path:
    return target.with_name(f".{target.name}.batches.json")


def _end(file: Path) -> str:
    """The size of a file and a hash of its last bytes: appending changes both."""
    with file.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(size - _TAIL, 0))
        return f"{size}-{hashlib.sha256(stream.read()).hexdigest()[:16]}"
