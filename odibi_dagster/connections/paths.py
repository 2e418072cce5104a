"""Paths that must stay inside a folder."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path, PurePath
from urllib.parse import unquote

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://|(?:file|data|http|https|s3|abfss?|dbfs):", re.I)
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_MAX_PART = 255
GLOB = frozenset("*?[")


def confined(base: Path, text: str, what: str = "connection base path") -> Path:
    """`text` below the absolute folder `base`; ValueError where it would leave it.

    Refused: `..` that climbs out (also written `%2e%2e`, or with backslashes), absolute paths,
    schemes, control characters, and links that exist and point outside.
    """
    if not text.strip() or re.search(r"[\x00-\x1f\x7f]", text):
        msg = f"invalid path {text[:60]!r}: empty, or with control characters"
        raise ValueError(msg)
    if _SCHEME.match(text):
        msg = f"path {text[:60]!r} must not contain a scheme; write it relative to {base}"
        raise ValueError(msg)
    if text.startswith(("/", "\\", "~")) or _DRIVE.match(text):
        msg = f"path {text[:60]!r} must be relative to {base}"
        raise ValueError(msg)
    if _climbs(text) or _climbs(unquote(text).replace("\\", "/")):
        msg = f"path {text[:60]!r} escapes {what} {base}"
        raise ValueError(msg)
    if "\\" in text:
        msg = f"invalid path {text[:60]!r}: write / between folders"
        raise ValueError(msg)
    if any(len(part.encode()) > _MAX_PART for part in text.split("/")):
        msg = f"invalid path {text[:60]!r}...: a name has at most {_MAX_PART} bytes"
        raise ValueError(msg)
    return _linked_inside(base, base.joinpath(*_normal(text)), text, what)


def has_glob(path: PurePath) -> bool:
    """Whether the path is a pattern of several paths."""
    return not GLOB.isdisjoint(str(path))


def _normal(text: str) -> list[str]:
    parts: list[str] = []
    for part in text.split("/"):
        if part == "..":
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return parts


def _climbs(text: str) -> bool:
    depth = 0
    for part in text.split("/"):
        depth += {"..": -1, ".": 0, "": 0}.get(part, 1)
        if depth < 0:
            return True
    return False


def _any_link(base: Path, path: Path) -> bool:
    """Whether any part of the path below `base` is a link: only then it can lead outside."""
    place = str(base)
    for part in path.relative_to(base).parts:
        place = f"{place}{os.sep}{part}"
        try:
            if stat.S_ISLNK(os.lstat(place).st_mode):
                return True
        except FileNotFoundError:
            return False
        except OSError:
            return True
    return False


def _linked_inside(base: Path, path: Path, text: str, what: str) -> Path:
    fixed = path
    while has_glob(fixed.relative_to(base)):
        fixed = fixed.parent
    if not _any_link(base, fixed):
        return path
    try:
        inside = fixed.resolve().is_relative_to(base.resolve())
    except (OSError, RuntimeError) as error:
        msg = f"invalid path {text[:60]!r}: {error}"
        raise ValueError(msg) from None
    if not inside:
        msg = f"path {text[:60]!r} escapes {what} {base} through a link"
        raise ValueError(msg)
    return path
