"""What a step is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from odibi_dagster.core.model import OpenModel
from odibi_dagster.core.pii import EVERYTHING, NOTHING
from odibi_dagster.core.registry import Registry
from odibi_dagster.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from odibi_dagster.core.frame import Frame
    from odibi_dagster.core.pii import Pii
    from odibi_dagster.engines.base import Engine


@dataclass(frozen=True)
class Scope:
    """What a step may use besides its frame: the engine, and the node's other frames by name."""

    engine: Engine
    frames: Mapping[str, Frame] = field(default_factory=dict)


class Transform(OpenModel, ABC):
    """One step of a node: a lazy frame in, a lazy frame out. Nothing runs, nothing is written."""

    kind: ClassVar[str]
    keeps_names: ClassVar[bool] = False
    """Whether a column holds nothing but values of the column of its name that came in."""

    def needs(self) -> frozenset[str]:
        """The other frames it reads, by name; the plan hands them over in `scope.frames`."""
        return frozenset()

    def keeps_rows(self) -> bool:
        """Whether it surely gives one row for each row that comes in."""
        return False

    def personal(self, frame: Pii, others: Mapping[str, Pii]) -> Pii:
        """Which columns of its result may hold personal data, given those of what it reads.

        Of a step that does not say more, every one, as soon as any comes in. `others` are the
        node's datasets by name.
        """
        if self.keeps_names:
            return frame
        return EVERYTHING if frame or any(others.values()) else NOTHING

    @abstractmethod
    def apply(self, frame: Frame, scope: Scope) -> Frame:
        """The frame after this step."""


class RowForRow(Transform):
    """A step that gives one row for each row that comes in."""

    def keeps_rows(self) -> bool:
        """It does."""
        return True


transforms: Registry[Transform] = Registry("transform", "odibi_dagster.transforms")


def _named(known: Iterable[str], name: str) -> str | None:
    """The one of the names that is meant, exactly or but for case; None where none is."""
    names = list(known)
    same = [each for each in names if each.casefold() == name.casefold()]
    return name if name in names else next(iter(same), None)


def pii_of(others: Mapping[str, Pii], name: str) -> Pii:
    """What the node's other frame of that name holds; of one that nobody knows, everything."""
    known = _named(others, name)
    return EVERYTHING if known is None else others[known]


def dataset(scope: Scope, name: str, step: str) -> Frame:
    """The node's other frame of that name, exactly or but for case; ConfigError where none is."""
    if (known := _named(scope.frames, name)) is not None:
        return scope.frames[known]
    hint = did_you_mean(name, scope.frames) if scope.frames else "the node has no other input"
    raise ConfigError(f"step {step}: no dataset '{name}'; {hint}; list it in depends_on or inputs")
