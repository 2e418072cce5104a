"""What only an export to Airflow reads: `dagster: {airflow: ...}`, and the project's `retry`."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated

from pydantic import Field

from odibi_dagster.core.fate import Choice
from odibi_dagster.core.model import Model
from odibi_dagster.core.units import Duration


class NodeAirflow(Model):
    """A node as a task.

    ```yaml
    dagster: {airflow: {timeout: 2h}}
    ```
    """

    timeout: Duration | None = None
    """How long one try of it may take."""


class PipelineAirflow(NodeAirflow):
    """A pipeline as a DAG.

    ```yaml
    dagster:
      airflow: {start_date: 2025-01-01, catchup: true, max_active_runs: 1, timeout: 2h}
    ```
    """

    start_date: date | None = None
    """The first day of the schedule, in `dagster.timezone`; 2024-01-01."""
    catchup: bool | None = None
    """Whether Airflow makes up for what it missed since then; no."""
    max_active_runs: Annotated[int, Field(ge=1)] | None = None
    """How many runs may be at work at once; one."""


class ProjectAirflow(PipelineAirflow):
    """What holds for every pipeline that says nothing else, and for every task.

    ```yaml
    dagster: {airflow: {retry_delay: 5m}}
    ```
    """

    retry_delay: Duration = timedelta(seconds=30)
    """How long to wait before a second try."""


class RetryConfig(Model):
    """How an exported task is tried again where trying again may help.

    ```yaml
    retry: {max_attempts: 5, backoff: exponential}
    ```
    """

    enabled: bool = True
    max_attempts: Annotated[int, Field(ge=0)] = 3
    """Tries after the first one."""
    backoff: Annotated[str, Choice(("exponential", "linear", "constant"))] = "exponential"
    """`exponential` waits twice as long each time, `constant` always `retry_delay`.

    Airflow has no word for `linear`: that waits `retry_delay` as well, and the export says so.
    """
