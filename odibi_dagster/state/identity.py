"""Whose state it is."""

from __future__ import annotations

import hashlib
from dataclasses import astuple, dataclass
from functools import cached_property


@dataclass(frozen=True)
class Identity:
    """A node in one place and environment: nothing is shared between two of them.

    >>> str(Identity("shop", "silver", "orders", environment="prod"))
    'shop/silver/orders (environment prod)'
    """

    project: str
    pipeline: str
    node: str
    """The node's name, or its `state_key`."""
    environment: str = ""
    key_prefix: str = ""
    partition: str = ""

    @cached_property
    def key(self) -> str:
        """A name of fixed length for all of it: MySQL indexes no more than 3,072 bytes."""
        return hashlib.sha256("\0".join(astuple(self)).encode()).hexdigest()

    @property
    def path(self) -> str:
        """What the command line names it by: `pipeline/node`, after the prefix of its asset key."""
        return "/".join(filter(None, (self.key_prefix, self.pipeline, self.node)))

    def __str__(self) -> str:
        """As people write it; what is empty is left out."""
        parts = [
            f"{word} {value}"
            for word, value in (
                ("environment", self.environment),
                ("prefix", self.key_prefix),
                ("partition", self.partition),
            )
            if value
        ]
        return f"{self.project}/{self.pipeline}/{self.node}" + (
            f" ({', '.join(parts)})" if parts else ""
        )
