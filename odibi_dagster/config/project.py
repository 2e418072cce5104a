"""A project as every layer above sees it: resolved, checked, frozen. Nobody above reads YAML."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from odibi_dagster.config.promises import INPUT_PREFIX
from odibi_dagster.core.names import NodeId
from odibi_dagster.core.partition import filled
from odibi_dagster.core.pii import NOTHING, Personal, Pii

if TYPE_CHECKING:
    from odibi_dagster.checks.base import Column, Contract
    from odibi_dagster.config.incremental import Incremental
    from odibi_dagster.config.models import NodeConfig, PipelineConfig, ProjectConfig
    from odibi_dagster.config.partitions import Partitions
    from odibi_dagster.connections.base import Location
    from odibi_dagster.errors import Problem
    from odibi_dagster.formats.base import Format
    from odibi_dagster.transforms.base import Transform


@dataclass(frozen=True)
class Place:
    """Where something stands in a file; line and column count from 1."""

    file: Path
    line: int = 1
    column: int = 1


@dataclass(frozen=True)
class Stored:
    """A source that lies in storage and belongs to no node of this project."""

    location: Location
    format: Format
    options: Any = None


@dataclass(frozen=True)
class Upstream:
    """A source that another node of this project makes."""

    node: NodeId


@dataclass(frozen=True)
class External:
    """A source that a Python asset makes: its asset key, part by part."""

    key: tuple[str, ...]


Source: TypeAlias = Stored | Upstream | External


@dataclass(frozen=True)
class Target:
    """Where a node, or its quarantine, is published."""

    location: Location
    format: Format
    mode: str = "overwrite"
    partition_by: tuple[str, ...] = ()
    options: Any = None


@dataclass(frozen=True)
class Quarantine:
    """Where broken rows go, and what is said about each."""

    target: Target
    add_columns: tuple[str, ...]
    """The metadata columns, as stored: `_rejection_reason`, `_rejected_at`, ..."""
    max_rows: int | None = None
    sample_fraction: float | None = None
    retention: timedelta | None = None
    """How long a rejected row stays, where new ones are added to it; None: for good."""


@dataclass(frozen=True)
class Node:
    """One node: where its rows come from, what happens to them, what they promise, where to."""

    id: NodeId
    config: NodeConfig
    place: Place
    sources: Mapping[str, Source]
    """By name. The one the steps call `df` is `main`."""
    main: str | None
    steps: tuple[Transform, ...]
    contracts: tuple[Contract, ...]
    """Promises about the input."""
    tests: tuple[Contract, ...]
    """Promises about the output."""
    declared: Mapping[str, Column]
    target: Target | None
    """None: a view. Nothing is stored; its plan is inlined into its consumers."""
    quarantine: Quarantine | None
    """None where no contract quarantines."""
    references: Mapping[str, Source] = field(default_factory=dict)
    """The tables that contracts compare with, by the names they have in `needs()`; the node itself
    stands for its own table, this batch included."""
    personal: Personal = field(default_factory=Personal)
    """Which of its columns may hold personal data."""
    first: Stored | None = None
    """What the main input is read from while the target is not there, or is replaced by all."""
    after: frozenset[NodeId] = field(default_factory=frozenset)
    """Every node of this project that must have run before: sources and `depends_on`."""
    files: tuple[Path, ...] = ()
    """SQL files, and the project's own functions, that belong to its definition."""
    stamps: Mapping[str, str | None] = field(default_factory=dict)
    """Columns added to what is stored, with their text; None is the time of the run."""
    digest: str = ""
    """A hash of what the node says and of its `files`: Dagster's code version."""
    partitions: Partitions | None = None
    """The parts that it runs in, and is stored in, each for itself."""
    partition: str | None = None
    """The key of the one part that is meant; None: all of them, or it has none."""

    def at(self, key: str) -> Node:
        """One partition of it: what it reads, does, promises and writes under this key."""
        return replace(
            self,
            sources=filled(self.sources, key),
            steps=filled(self.steps, key),
            contracts=tuple(_filled_contract(contract, key) for contract in self.contracts),
            tests=tuple(_filled_contract(contract, key) for contract in self.tests),
            target=filled(self.target, key),
            quarantine=filled(self.quarantine, key),
            references=filled(self.references, key),
            first=filled(self.first, key),
            stamps=filled(self.stamps, key),
            partition=key,
        )

    @property
    def incremental(self) -> Incremental | None:
        """How new rows are told, where only those are read."""
        return self.config.read.incremental if self.config.read else None

    @property
    def checks(self) -> Mapping[str, Contract]:
        """Every contract by the name of its check: those on the input are prefixed `input_`."""
        return {f"{INPUT_PREFIX}{contract.check_name}": contract for contract in self.contracts} | {
            contract.check_name: contract for contract in self.tests
        }

    @property
    def fails_fast(self) -> bool:
        """Whether tests after the first that blocks are skipped."""
        return self.config.validation is not None and self.config.validation.fail_fast

    @property
    def is_view(self) -> bool:
        """Whether nothing of it is stored."""
        return self.target is None

    @property
    def discreet(self) -> bool:
        """Whether values of its rows must not be seen in messages."""
        return bool(self.config.sensitive or self.personal.before or self.personal.after)

    @property
    def published_pii(self) -> Pii:
        """The columns of what it publishes that still hold personal data: none under `privacy`."""
        return NOTHING if self.config.privacy else self.personal.after

    def hidden(self, columns: Iterable[str], *, raw: bool = False) -> frozenset[str]:
        """Those of the columns whose values are shown nowhere: `sensitive`, or `pii`.

        Of the `raw` input, or of what is published: there, what `privacy` has anonymised is shown.
        """
        columns, sensitive = frozenset(columns), self.config.sensitive
        if sensitive is True:
            return columns
        personal = self.personal.before if raw else self.published_pii
        return personal.within(columns) | columns & frozenset(sensitive or ())


def _filled_contract(contract: Contract, key: str) -> Contract:
    """The contract for this key; a check is called the same in every partition."""
    return filled(contract, key).model_copy(update={"name": contract.name})


class _At(Mapping[NodeId, Node]):
    """The nodes of a project, those with partitions for one key; made when they are asked for."""

    def __init__(self, nodes: Mapping[NodeId, Node], key: str) -> None:
        self._nodes, self._key = nodes, key

    def __getitem__(self, id: NodeId) -> Node:
        node = self._nodes[id]
        return node if node.partitions is None else node.at(self._key)

    def __iter__(self) -> Iterator[NodeId]:
        return iter(self._nodes)

    def __len__(self) -> int:
        return len(self._nodes)


@dataclass(frozen=True)
class Project:
    """All of odibi.yaml, and what else it pulled in."""

    file: Path
    config: ProjectConfig
    engine: str
    env: str | None
    nodes: Mapping[NodeId, Node]
    pipelines: Mapping[str, PipelineConfig]
    warnings: tuple[Problem, ...] = ()
    no_effect: tuple[Problem, ...] = ()

    @property
    def root(self) -> Path:
        """The folder of odibi.yaml: relative paths start here."""
        return self.file.parent

    def at(self, key: str) -> Project:
        """The project as a node sees it that runs for this key: of the others, the same key."""
        return replace(self, nodes=_At(self.nodes, key))
