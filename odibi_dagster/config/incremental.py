"""`read.incremental`: which rows of a source are new."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AliasChoices, BeforeValidator, Field

from odibi_dagster.core.model import Model
from odibi_dagster.core.names import ColumnName
from odibi_dagster.core.units import parse_duration
from odibi_dagster.formats.base import APPENDING, KEYED

if TYPE_CHECKING:
    from odibi_dagster.config.report import Loc, Report
    from odibi_dagster.config.storage import WriteConfig

FORMATS: Mapping[str, str] = {
    "oracle": "%d-%b-%y",
    "oracle_sqlserver": "%d-%b-%y",
    "sql_server": "%Y-%m-%d %H:%M:%S",
    "us": "%m/%d/%Y",
    "eu": "%d/%m/%Y",
    "iso": "%Y-%m-%dT%H:%M:%S",
}
"""Names of date formats, as strptime writes them."""
_UNITS = {"hour": 3_600, "day": 86_400, "month": 30 * 86_400, "year": 365 * 86_400}


def _date_format(value: Any) -> Any:
    if isinstance(value, str) and value not in FORMATS and "%" not in value:
        names = ", ".join(FORMATS)
        msg = f"{value!r} is no date format; write one of {names}, or a pattern such as %Y-%m-%d"
        raise ValueError(msg)
    return value


def _lag(value: Any) -> Any:
    """`2h` and `2 hours` alike."""
    if isinstance(value, str):
        for word, letter in (
            ("second", "s"), ("minute", "m"), ("hour", "h"), ("day", "d"), ("week", "w")
        ):  # fmt: skip
            for form in (f"{word}s", word):
                if value.strip().lower().endswith(form):
                    value = value.strip().lower().removesuffix(form) + letter
    return parse_duration(value)


class Incremental(Model):
    """Only what is new: rows beyond a high-water mark, or of a window that ends now.

    The first run reads everything. Rows without a cursor are then read, and later counted and left.

    ```yaml
    read:
      connection: landing
      format: csv
      path: flights.csv
      incremental: {mode: stateful, column: updated_at, watermark_lag: 2h}
    ```
    """

    mode: Literal["rolling_window", "stateful"] = "rolling_window"
    column: ColumnName = Field(validation_alias=AliasChoices("column", "key_column"))
    """The cursor: a number, a date, a timestamp, or text that holds one."""
    fallback_column: ColumnName | None = None
    """Read where the cursor is null."""
    lookback: int = Field(default=1, ge=1)
    unit: Literal["hour", "day", "month", "year"] = "day"
    """Of `lookback`; a month has 30 days and a year 365."""
    state_key: str | None = Field(default=None, min_length=1, max_length=255)
    """Whose mark it is; without it, the node's name."""
    watermark_lag: Annotated[timedelta, BeforeValidator(_lag)] = timedelta(0)
    """So much before the mark is read again, for rows that arrive late."""
    date_format: Annotated[str | None, BeforeValidator(_date_format)] = None
    """How text is written; without it, ISO 8601."""

    @property
    def is_stateful(self) -> bool:
        """Whether a mark is remembered."""
        return self.mode == "stateful"

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the cursor is read from."""
        return (self.column, *([self.fallback_column] if self.fallback_column else []))

    @property
    def pattern(self) -> str | None:
        """How text is written, for strptime; None is ISO 8601."""
        return FORMATS.get(self.date_format or "", self.date_format)

    @property
    def span(self) -> timedelta:
        """The length of the rolling window."""
        return timedelta(seconds=self.lookback * _UNITS[self.unit])


def check_incremental(
    incremental: Incremental, write: WriteConfig | None, at: Loc, report: Report
) -> None:
    """Report what an incremental read and the mode of the write do not say together."""
    if write is None:
        report.error("incremental needs write: what was read must be kept", at)
        return
    mode = write.mode
    if incremental.is_stateful and mode == "overwrite":
        report.warn("stateful with mode overwrite keeps the latest batch only", at)
    if not incremental.is_stateful and mode == "overwrite":
        report.warn("rolling_window with mode overwrite replaces the table by the window", at)
    if mode in APPENDING - KEYED and (incremental.watermark_lag or not incremental.is_stateful):
        what = "watermark_lag" if incremental.is_stateful else "rolling_window"
        message = (
            f"{what} reads rows again, and mode append adds them again; write append_once or "
            "upsert with options.keys"
        )
        report.warn(message, at)
    for name in ("lookback", "unit") if incremental.is_stateful else ("watermark_lag", "state_key"):
        if name in incremental.model_fields_set:
            report.warn(f"{name} has no effect with mode {incremental.mode}", (*at, name), key=True)
