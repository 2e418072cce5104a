"""The base of every block that odibi.yaml may hold."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """A frozen block in which an unknown key is an error with a suggestion."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class OpenModel(BaseModel):
    """A frozen block that Odibi leaves open: an unknown key is one warning.

    With `--strict` it is an error.
    """

    model_config = ConfigDict(frozen=True, extra="allow", arbitrary_types_allowed=True)
