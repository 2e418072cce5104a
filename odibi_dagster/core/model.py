"""The base of every block that odibi.yaml may hold."""

from __future__ import annotations

import functools
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, field_validator

if TYPE_CHECKING:
    from pydantic import ValidationInfo


class _Block(BaseModel):
    """A frozen block, in which `true` is no number: pydantic would take it for 1."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    @field_validator("*", mode="before")
    @classmethod
    def _true_is_no_number(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, bool) and info.field_name and _wants_a_number(cls, info.field_name):
            msg = f"a number belongs here, and {str(value).lower()} is none"
            raise ValueError(msg)
        return value


class Model(_Block):
    """A frozen block in which an unknown key is an error with a suggestion."""

    model_config = ConfigDict(extra="forbid")


class OpenModel(_Block):
    """A frozen block that Odibi leaves open: an unknown key is one warning.

    With `--strict` it is an error.
    """

    model_config = ConfigDict(extra="allow")


@functools.cache
def _wants_a_number(block: type[BaseModel], name: str) -> bool:
    field = block.model_fields[name]
    if any(isinstance(said, BeforeValidator) for said in field.metadata):
        return False  # it reads what is written itself, and says what else may be
    kinds = _kinds(field.annotation) - {NoneType}
    return bool(kinds) and kinds <= {int, float}


def _kinds(annotation: Any) -> frozenset[Any]:
    """What a value may be: the members of a union, without what is said about them."""
    if get_origin(annotation) is Annotated:
        kind, *said = get_args(annotation)
        own = any(isinstance(each, BeforeValidator) for each in said)
        return frozenset([annotation]) if own else _kinds(kind)
    if get_origin(annotation) in (Union, UnionType):
        return frozenset().union(*map(_kinds, get_args(annotation)))
    return frozenset([annotation])
