"""`nodes`: one block of odibi.yaml per table."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AliasChoices, BeforeValidator, Field

from odibi_dagster.config.dagster import NodeDagster
from odibi_dagster.config.privacy import PrivacyConfig
from odibi_dagster.config.schema_policy import SchemaPolicyConfig
from odibi_dagster.config.storage import InputConfig, ReadConfig, WriteConfig
from odibi_dagster.config.validation import ValidationConfig
from odibi_dagster.core.fate import NoEffect, NotYet
from odibi_dagster.core.model import Model
from odibi_dagster.core.names import ColumnName, Name
from odibi_dagster.core.types import TypeName

Later = Annotated[Any, NotYet()]


class ColumnConfig(Model):
    """What is said about one column of the output.

    ```yaml
    columns:
      flight: {description: Number of the flight, type: int, nullable: false}
      pilot: {pii: true}
    ```
    """

    description: str | None = None
    type: TypeName | None = None
    nullable: bool = True
    pii: bool = False
    """True: it holds personal data, and so does what is made of it, here and in nodes that read it.
    Its values are shown in no check, log or error, and `privacy` anonymises them."""
    tags: Annotated[Any, NoEffect("they document")] = []


class StepConfig(Model):
    """One step: SQL, an SQL file, a transform by name, or an operation.

    ```yaml
    steps:
      - SELECT * FROM df WHERE distance > 0
      - sql_file: sql/daily.sql
      - {function: drop_columns, params: {columns: [tmp]}}
    ```
    """

    sql: str | None = None
    sql_file: str | None = None
    function: str | None = None
    operation: str | None = None
    params: dict[str, Any] = {}


def _bare_sql(value: Any) -> Any:
    return {"sql": value} if isinstance(value, str) else value


class TransformConfig(Model):
    """The steps of a node, in their order.

    ```yaml
    transform: {steps: [SELECT DISTINCT origin FROM df]}
    ```
    """

    steps: list[Annotated[StepConfig, BeforeValidator(_bare_sql)]]


class NodeConfig(Model):
    """One node: one asset.

    ```yaml
    name: flights
    read: {connection: landing, format: csv, path: flights.csv}
    transformer: deduplicate
    params: {keys: [flight]}
    write: {connection: lake, format: parquet, path: flights.parquet}
    ```
    """

    name: Name
    description: str | None = None
    enabled: bool = True
    tags: list[str] = []
    depends_on: list[str] = []
    columns: dict[ColumnName, ColumnConfig] = {}
    read: ReadConfig | None = None
    inputs: dict[str, InputConfig] | None = None
    transformer: str | None = None
    params: dict[str, Any] = {}
    transform: TransformConfig | None = None
    contracts: list[dict[str, Any]] = []
    validation: ValidationConfig | None = None
    write: WriteConfig | None = None
    schema_policy: SchemaPolicyConfig | None = None
    cache: bool = False
    """True: store the result, though the node has no `write`."""
    sensitive: bool | list[ColumnName] = False
    """Columns (True: all) whose values are not shown among the broken rows of a check."""
    privacy: PrivacyConfig | None = None
    """How the columns that are `pii` are anonymised before anything is stored."""
    dagster: NodeDagster = Field(default_factory=NodeDagster)

    recipe: Later = None
    recipe_vars: Later = {}
    streaming: Later = False
    pre_sql: Later = []
    post_sql: Later = []
    materialized: Later = None

    explanation: Annotated[Any, NoEffect("it documents")] = None
    explanation_file: Annotated[Any, NoEffect("it documents")] = None
    runbook_url: Annotated[Any, NoEffect("it documents")] = None
    log_level: Annotated[Any, NoEffect("Dagster keeps the logs")] = None
    on_error: Annotated[Any, NoEffect("a node runs when its sources succeeded")] = None
    source_yaml: Annotated[Any, NoEffect("places are read from the file")] = Field(
        None, validation_alias=AliasChoices("_source_yaml")
    )
