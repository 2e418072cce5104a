"""Names: what a pipeline, a node and an asset check may be called."""

from __future__ import annotations

import re
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, StrictStr

MAX_NAME = 128
QUARANTINE_SUFFIX = "__quarantine"


def _legal(name: str) -> str:
    if len(name) > MAX_NAME:
        msg = f"a name has at most {MAX_NAME} characters; this one has {len(name)}"
        raise ValueError(msg)
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        msg = f"invalid name {name[:60]!r}: letters, digits and _ only, no digit in front"
        raise ValueError(msg)
    if name.lower().endswith(QUARANTINE_SUFFIX):
        msg = f"{name!r}: names ending in {QUARANTINE_SUFFIX} belong to quarantines"
        raise ValueError(msg)
    return name


Name = Annotated[StrictStr, AfterValidator(_legal)]
"""The name of a pipeline or a node: `[A-Za-z_][A-Za-z0-9_]*`, at most 128 characters."""


def _legal_column(name: str) -> str:
    if not name.strip():
        msg = f"invalid column name {name!r}: it is empty"
        raise ValueError(msg)
    if re.search(r"[\x00-\x1f\x7f\"`]", name):
        msg = f"invalid column name {name[:60]!r}: no quotes, back-ticks or control characters"
        raise ValueError(msg)
    return name


ColumnName = Annotated[StrictStr, AfterValidator(_legal_column)]
"""A column in odibi.yaml: not empty, no quotes; spaces and unicode are fine."""


def _each_once(names: list[str]) -> list[str]:
    if twice := [name for place, name in enumerate(names) if name in names[:place]]:
        msg = f"column '{twice[0][:60]}' is listed twice; write it once"
        raise ValueError(msg)
    return names


ColumnNames = Annotated[list[ColumnName], AfterValidator(_each_once)]
"""Several columns, each of them once."""


class NodeId(NamedTuple):
    """A node is known by its pipeline and its name: node names repeat across pipelines."""

    pipeline: str
    name: str

    def __str__(self) -> str:
        """`silver/flights`, as the command line writes it."""
        return f"{self.pipeline}/{self.name}"


def quoted(column: str) -> str:
    """A column in SQL; names hold no quotes, see `ColumnName`.

    >>> quoted("order id")
    '"order id"'
    """
    return f'"{column}"'


def slug(text: str) -> str:
    """The nearest legal name of an asset check: `[A-Za-z0-9_]+`.

    >>> slug("amount > 0 (net)")
    'amount_0_net'
    """
    return re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_") or "_"
