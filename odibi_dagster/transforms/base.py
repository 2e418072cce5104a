"""What a step is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from odibi_dagster.core.model import OpenModel
from odibi_dagster.core.registry import Registry

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

    @abstractmethod
    def apply(self, frame: Frame, scope: Scope) -> Frame:
        """The frame after this step."""


transforms: Registry[Transform] = Registry("transform", "odibi_dagster.transforms")
