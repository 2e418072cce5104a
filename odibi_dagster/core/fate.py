"""What becomes of a key of odibi.yaml: it works, has no effect here, or is not supported yet.

A key works unless its field says otherwise, in its type:

    class Read(Model):
        path: str | None = None
        logging: Annotated[Any, NoEffect("Dagster keeps the logs")] = None
        streaming: Annotated[Any, NotYet()] = False
        mode: Annotated[str, Choice(("overwrite", "append"))] = "overwrite"

What is not supported yet is refused unless the file gives it its default value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic_core import PydanticCustomError, core_schema

from odibi_dagster.errors import did_you_mean

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler


@dataclass(frozen=True)
class NoEffect:
    """The key is accepted and listed: it does not touch the data."""

    why: str


@dataclass(frozen=True)
class NotYet:
    """The key would change the data and is refused; `hint` says what to write instead."""

    hint: str = ""


@dataclass(frozen=True)
class Choice:
    """A text that is one of `works`."""

    works: tuple[str, ...]
    say: str = ""
    """The wording of what is expected, where the bare list does not do."""

    def __get_pydantic_core_schema__(
        self, _source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """Check after the field's own type."""
        return core_schema.no_info_after_validator_function(self.check, handler(_source))

    def check(self, value: str) -> str:
        """The value itself; an error that lists the choices where it is none of them."""
        if value in self.works:
            return value
        expected = self.say or f"one of {', '.join(self.works)}"
        hint = did_you_mean(value, self.works)
        hint = f"; {hint}" if hint.startswith("did you mean") else ""
        raise PydanticCustomError("choice", "must be {text}", {"text": expected + hint})


def not_yet(what: str) -> str:
    """The one wording for what a later version will do."""
    return f"not supported yet: {what}"
