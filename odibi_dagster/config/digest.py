"""A hash of what decides the rows of a node: Dagster's code version."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from odibi_dagster.config.node import NodeConfig

_WORDS_ONLY = {"name", "description", "tags", "dagster", "enabled"}
"""Keys that say something about a node and change none of its rows."""


def digest(config: NodeConfig, files: Sequence[Path]) -> str:
    """Twelve hex digits over the keys of a node that matter, and the text of its files.

    Environment variables are in it by value, which a hash does not show.
    """
    written = sorted(config.model_fields_set - _WORDS_ONLY)
    seen = sha256(repr([(key, getattr(config, key)) for key in written]).encode())
    for file in files:
        seen.update(file.read_bytes())
    return seen.hexdigest()[:12]
