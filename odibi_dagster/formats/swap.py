"""Files of a directory swapped for others, so that what a kill leaves half-way is put right.

Files are renamed one by one, and readers may see it. So a hidden file beside the directory says
first which files are too many if nobody goes on: the new ones while they are moved in and then, by
one rename, the old ones until they are gone. `mend` removes what it names.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from odibi_dagster.errors import WriteError
from odibi_dagster.formats.disk import sync, sync_all, write_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


def swap(target: Path, new: Mapping[Path, Path], old: Iterable[Path] = ()) -> None:
    """Rename staged files to their places (the values of `new`), then remove the old ones.

    The caller is `alone`. Doing it twice changes nothing.
    """
    too_many = set(old) - set(new.values())
    if len(new) == 1 and not too_many:
        move_to(new)
        return
    _say(target, remove=[path for path in new.values() if not path.exists()])
    try:
        move_to(new)
    except BaseException:
        mend(target)
        raise
    _say(target, remove=too_many, where=new.values())
    mend(target)


def is_torn(target: Path) -> bool:
    """Whether a swap is at work there, or was killed."""
    return _note(target).exists()


def mend(target: Path) -> None:
    """Finish or undo what a killed swap left; else nothing. The caller is `alone`."""
    note = _note(target)
    if not note.exists():
        return
    said: dict[str, list[str]] = json.loads(note.read_text("utf-8"))
    # a directory without the new files is not the one that was left: somebody restored it
    if all((target / name).exists() for name in said["where"]):
        too_many = [target / name for name in said["remove"]]
        for path in too_many:
            path.unlink(missing_ok=True)
        # each folder once: to look whether it is empty reads all the names in it
        for folder in {path.parent for path in too_many}:
            _remove_empty(folder, target)
    note.unlink()
    sync(note.parent)


def move_to(final: Mapping[Path, Path]) -> None:
    """Rename every file to its place, data on the disk first; files moved before are passed."""
    sync_all(file for file in final if file.exists())
    folders = {path.parent for path in final.values()}
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    for file, path in final.items():
        if file.exists():
            file.replace(path)
        elif not path.exists():
            msg = f"the staged file {file} is gone; run the node again"
            raise WriteError(msg)
    sync_all(folders)


def _note(target: Path) -> Path:
    return target.with_name(f".{target.name}.swap.json")


def _say(target: Path, remove: Iterable[Path], where: Iterable[Path] = ()) -> None:
    """Note which files are to be removed, provided that all files of `where` are there."""
    files = {"remove": remove, "where": where}
    names = {key: [str(path.relative_to(target)) for path in paths] for key, paths in files.items()}
    write_text(_note(target), json.dumps(names, indent=1) + "\n")


def _remove_empty(folder: Path, root: Path) -> None:
    while folder != root and folder.exists() and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
