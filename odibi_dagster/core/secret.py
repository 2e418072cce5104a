"""Text that nobody may see: kept as it is written, with its `${NAME}`, until something opens."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from pydantic_core import core_schema

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler

_REFERENCE = re.compile(r"\$\{(?:env:)?([A-Za-z_][A-Za-z0-9_]*)\}")
_SHOWN = "***"


class Secret:
    """A password, or a URL with one. It never shows what it holds, and `reveal` is its only way.

    >>> Secret("hunter2")
    Secret('***')
    """

    __slots__ = ("_written",)

    def __init__(self, written: str) -> None:
        self._written = written

    def reveal(self) -> str:
        """The text with every `${NAME}` replaced by the environment variable of that name.

        ValueError where it is not set.
        """
        return _REFERENCE.sub(_variable, self._written)

    def __repr__(self) -> str:
        return f"Secret({_SHOWN!r})"

    def __str__(self) -> str:
        return _SHOWN

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._written == self._written

    def __hash__(self) -> int:
        return hash(self._written)

    @classmethod
    def __get_pydantic_core_schema__(
        cls, _source: Any, _handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """Made from text; an error says nothing of what was found."""
        return core_schema.no_info_plain_validator_function(
            cls._read, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )

    @classmethod
    def _read(cls, value: Any) -> Secret:
        if isinstance(value, Secret):
            return value
        if not isinstance(value, str):
            msg = "expected text; quote it"
            raise ValueError(msg)
        return cls(value)


def _variable(match: re.Match[str]) -> str:
    value = os.environ.get(match[1])
    if value is None:
        msg = f"environment variable {match[1]} is not set"
        raise ValueError(msg)
    return value
