"""What a step is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from odibi_dagster.core.model import OpenModel
from odibi_dagster.core.registry import Registry
from odibi_dagster.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from odibi_dagster.core.frame import Frame
    from odibi_dagster.engines.base import Engine


@dataclass(frozen=True)
class Scope:
    """What a step may use besides its frame: the engine, and the node's other frames by name."""

    engine: Engine
    frames: Mapping[str, Frame] = field(default_factory=dict)


class Transform(OpenModel, ABC):
    """One step of a node: a lazy frame in, a lazy frame out. Nothing runs, nothing is written."""

    kind: ClassVar[str]

    def needs(self) -> frozenset[str]:
        """The other frames it reads, by name; the plan hands them over in `scope.frames`."""
        return frozenset()

    def keeps_rows(self) -> bool:
        """Whether it surely gives one row for each row that comes in."""
        return False

    @abstractmethod
    def apply(self, frame: Frame, scope: Scope) -> Frame:
        """The frame after this step."""


class RowForRow(Transform):
    """A step that gives one row for each row that comes in."""

    def keeps_rows(self) -> bool:
        """It does."""
        return True


transforms: Registry[Transform] = Registry("transform", "odibi_dagster.transforms")


def dataset(scope: Scope, name: str, step: str) -> Frame:
    """The node's other frame of that name, exactly or but for case; ConfigError where none is."""
    if name in scope.frames:
        return scope.frames[name]
    for known, frame in scope.frames.items():
        if known.casefold() == name.casefold():
            return frame
    hint = did_you_mean(name, scope.frames) if scope.frames else "the node has no other input"
    raise ConfigError(f"step {step}: no dataset '{name}'; {hint}; list it in depends_on or inputs")
