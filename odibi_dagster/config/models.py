"""The blocks of odibi.yaml: a project of pipelines of nodes."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from odibi_dagster.checks.gate_config import GateConfig, GateRows, GateThreshold
from odibi_dagster.config.airflow import RetryConfig
from odibi_dagster.config.dagster import NodeDagster, PipelineDagster, ProjectDagster
from odibi_dagster.config.incremental import Incremental
from odibi_dagster.config.node import ColumnConfig, NodeConfig, StepConfig, TransformConfig
from odibi_dagster.config.partitions import Days, Hours, Months, Partitions
from odibi_dagster.config.privacy import PrivacyConfig
from odibi_dagster.config.storage import AddMetadata, AssetInput, ReadConfig, WriteConfig
from odibi_dagster.config.validation import QuarantineColumns, QuarantineConfig, ValidationConfig
from odibi_dagster.core.fate import Choice, NoEffect, NotYet
from odibi_dagster.core.model import Model
from odibi_dagster.core.names import Name
from odibi_dagster.core.units import Duration

__all__ = [
    "AddMetadata",
    "AssetInput",
    "ColumnConfig",
    "Days",
    "GateConfig",
    "GateRows",
    "GateThreshold",
    "Hours",
    "Incremental",
    "Months",
    "NodeConfig",
    "NodeDagster",
    "Partitions",
    "PipelineConfig",
    "PipelineDagster",
    "PrivacyConfig",
    "ProjectConfig",
    "ProjectDagster",
    "QuarantineColumns",
    "QuarantineConfig",
    "ReadConfig",
    "RetryConfig",
    "StepConfig",
    "TransformConfig",
    "ValidationConfig",
    "WriteConfig",
]

Later = Annotated[Any, NotYet()]
_DOCUMENTS = "it documents"
_ENGINES = Choice(("polars", "spark", "pandas"), say="pandas (runs on Polars), polars or spark")


class PipelineConfig(Model):
    """A pipeline: a group of nodes, and one job.

    ```yaml
    pipeline: silver
    nodes:
      - name: flights
        read: {connection: landing, format: csv, path: flights.csv}
    ```
    """

    pipeline: Name
    nodes: list[NodeConfig]
    tags: list[str] = []
    freshness_sla: Duration | None = None
    """How old its nodes may become; `dagster: {freshness: ...}` goes before it."""
    dagster: PipelineDagster = Field(default_factory=PipelineDagster)

    description: Annotated[str | None, NoEffect(_DOCUMENTS)] = None
    layer: Annotated[Any, NoEffect(_DOCUMENTS)] = None
    owner: Annotated[Any, NoEffect("write dagster: {owners: [...]}")] = None
    freshness_anchor: Annotated[Any, NoEffect("age counts from the last run")] = None
    auto_cache_threshold: Annotated[Any, NoEffect("write cache: true at the node")] = None


class ProjectConfig(Model):
    """The whole of odibi.yaml.

    ```yaml
    project: flights
    engine: polars
    connections:
      lake: {type: local, base_path: ./lake}
    pipelines:
      - pipeline: bronze
        nodes:
          - name: flights
            read: {connection: lake, format: parquet, path: flights.parquet}
    ```
    """

    project: str = Field(min_length=1, max_length=128)
    engine: Annotated[str, _ENGINES] = "polars"
    connections: Annotated[dict[str, dict[str, Any]], Field(repr=False)] = {}
    pipelines: list[PipelineConfig]
    vars: dict[str, Any] = {}
    environments: dict[str, dict[str, Any]] | None = None
    retry: RetryConfig = Field(default_factory=RetryConfig)
    dagster: ProjectDagster = Field(default_factory=ProjectDagster)

    imports: Later = []
    recipes: Later = {}
    semantic: Later = None

    story: Annotated[Any, NoEffect("Dagster's UI shows the runs")] = None
    system: Annotated[Any, NoEffect("Dagster's instance is the catalog")] = None
    lineage: Annotated[Any, NoEffect("the asset graph is the lineage")] = None
    description: Annotated[Any, NoEffect(_DOCUMENTS)] = None
    version: Annotated[Any, NoEffect(_DOCUMENTS)] = None
    owner: Annotated[Any, NoEffect("write dagster: {owners: [...]}")] = None
    logging: Annotated[Any, NoEffect("Dagster keeps the logs")] = None
    alerts: Annotated[Any, NoEffect("Dagster sends alerts")] = []
    performance: Annotated[Any, NoEffect("it changes speed, not rows")] = None
