"""`validation`: tests of a node's output, and where broken rows go."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AliasChoices, Field

from odibi_dagster.checks.gate_config import GateConfig
from odibi_dagster.core.fate import Choice, NoEffect
from odibi_dagster.core.model import Model, OpenModel

QUARANTINE_COLUMNS = (
    "rejection_reason",
    "rejected_at",
    "source_batch_id",
    "failed_tests",
    "original_node",
)


def _column(name: str, default: bool) -> Any:
    return Field(default, validation_alias=AliasChoices(name, f"_{name}"))


class QuarantineColumns(OpenModel):
    """Which metadata columns a broken row gets, each stored with an underscore in front.

    ```yaml
    add_columns: {rejection_reason: true, original_node: true}
    ```
    """

    rejection_reason: bool = _column("rejection_reason", True)
    rejected_at: bool = _column("rejected_at", True)
    source_batch_id: bool = _column("source_batch_id", True)
    failed_tests: bool = _column("failed_tests", True)
    original_node: bool = _column("original_node", False)

    @property
    def stored(self) -> tuple[str, ...]:
        """The names of the columns, as stored."""
        return tuple(f"_{name}" for name in QUARANTINE_COLUMNS if getattr(self, name))


class QuarantineConfig(OpenModel):
    """Where broken rows go; without a place, beside the target with `_error` after its name.

    ```yaml
    quarantine: {connection: lake, path: rejected/flights.parquet, max_rows: 1000}
    ```
    """

    connection: str | None = None
    path: str | None = None
    table: str | None = None
    add_columns: QuarantineColumns = QuarantineColumns()
    max_rows: int | None = Field(None, ge=0)
    sample_fraction: float | None = Field(None, ge=0, le=1)
    retention_days: int | None = Field(90, ge=1)
    """Days after which rejected rows are removed, when the node next publishes; null: never."""


class ValidationConfig(Model):
    """Promises about a node's output.

    ```yaml
    validation:
      mode: fail
      tests:
        - {type: not_null, columns: [tailnum], on_fail: quarantine}
      quarantine: {connection: lake, path: rejected/flights.parquet}
    ```
    """

    mode: Annotated[str, Choice(("fail", "warn"))] = "fail"
    """`warn`: no test blocks; what would fail is a warning."""
    tests: list[dict[str, Any]] = []
    quarantine: QuarantineConfig | None = None
    fail_fast: bool = False
    """Tests after the first that blocks are reported as skipped, which is never passed.

    All are measured in one pass anyway: what is spared is looking for their broken rows. A test
    that only warns or sets rows aside stops nothing, or a later one that must hold could be lost.
    """
    gate: GateConfig | None = None
    on_fail: Annotated[Any, NoEffect("alerts are Dagster's")] = None
    cache_df: Annotated[Any, NoEffect("tests read the staged files")] = False
