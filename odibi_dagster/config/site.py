"""What resolving a node needs to know: the project around it, and its own place in the file."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from odibi_dagster.config.effects import inspect
from odibi_dagster.config.explain import report_all

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from odibi_dagster.config.node import NodeConfig
    from odibi_dagster.config.partitions import Partitions
    from odibi_dagster.config.report import Loc, Report
    from odibi_dagster.connections.base import Connection
    from odibi_dagster.core.names import NodeId
    from odibi_dagster.transforms.base import Transform

TOO_DEEP = "nested too deeply; split it into several steps"
"""For a formula of thousands of brackets or operators: an SQL parser goes as deep."""

B = TypeVar("B", bound=BaseModel)


@dataclass(frozen=True)
class Setting:
    """The project as far as its nodes need it."""

    root: Path
    engine: str
    dialect: str
    storage: Path
    staging: Path
    report: Report
    connections: Mapping[str, Connection | None]
    """None: what the file says of that connection was wrong, and has been reported."""
    functions: Mapping[str, type[Transform]] = field(default_factory=dict)
    """The project's own transforms."""
    functions_failed: bool = False
    """Whether they could not be read: then an unknown name is no further problem."""

    def having(self, connections: Mapping[str, Connection | None]) -> Setting:
        """The same setting with its connections."""
        return replace(self, connections=connections)

    def build(self, model: type[B], params: Mapping[str, Any], at: Loc) -> B | None:
        """A block of that class from what stands at `at`; None where it was wrong."""
        context = {"dialect": self.dialect, "engine": self.engine, "root": self.root}
        try:
            block = model.model_validate(dict(params), context=context)
        except ValidationError as error:
            report_all(error, model, at, self.report)
            return None
        except RecursionError:
            self.report.error(TOO_DEEP, at)
            return None
        inspect(block, at, self.report)
        return block


@dataclass(frozen=True)
class Site:
    """One node of the file. `missing` are keys of it that were wrong and have been left out."""

    id: NodeId
    config: NodeConfig
    at: Loc
    missing: frozenset[str] = frozenset()
    partitions: Partitions | None = None
    """Its own, or those of its pipeline."""
