"""Rows that are published together, known by a number."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Batch:
    """One batch of a target: whose it is, and a number that only grows.

    Every try to publish the same rows bears the same number, so the target tells whether an
    earlier try has succeeded. `owner` is whatever publishes there, for example the identity of a
    node; owners do not see each other's numbers.

    >>> str(Batch("shop/silver/orders", 7))
    'b0d6d120-0000000007'
    """

    owner: str
    number: int
    unseats: tuple[str, ...] = ()
    """Other owners that have published there: where this batch replaces the target, theirs are not
    in it any more."""

    @cached_property
    def tag(self) -> str:
        """The owner in eight characters, for the names of files."""
        return tag(self.owner)

    def __str__(self) -> str:
        """The batch in the name of a file, and in `_source_batch_id`."""
        return f"{self.tag}-{self.number:010}"


def tag(owner: str) -> str:
    """An owner in eight characters."""
    return hashlib.sha256(owner.encode()).hexdigest()[:8]


PATTERN = re.compile(r"(?P<tag>[0-9a-f]{8})-(?P<number>\d{10})")
"""How a batch is written."""
