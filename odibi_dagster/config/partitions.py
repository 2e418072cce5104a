"""`dagster.partitions`: a node in parts that run, and are stored, each for itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, StrictStr, model_validator

from odibi_dagster.core.model import Model
from odibi_dagster.errors import listing

KEY_FORMATS: Mapping[str, str] = {
    "hourly": "%Y-%m-%d-%H",
    "daily": "%Y-%m-%d",
    "weekly": "%Y-%m-%d",
    "monthly": "%Y-%m-%d",
}
"""How the key of a span of time says its beginning, for strftime. No colon: it names a folder."""
UNITS = (*KEY_FORMATS, "static")
_KEY = re.compile(r"[A-Za-z0-9]+(?:[_-][A-Za-z0-9]+)*")
_MAX_KEY = 100
_REJECTED = "_error"
"""What the name of a quarantine ends in that lies beside its table."""
_ZONE = re.compile(r"[+-]\d{4}$")
"""What follows the key of the hour that comes twice when summer time ends."""


def _moment(value: Any) -> Any:
    """A number is no moment: 20260101 would be a second of 1970."""
    if not isinstance(value, str | date):
        msg = f"expected a date such as 2026-01-31, found {value!r}"
        raise ValueError(msg)
    return value


def _without_zone(moment: datetime) -> datetime:
    if moment.tzinfo is not None or moment != moment.replace(minute=0, second=0, microsecond=0):
        msg = f"{moment.isoformat()}: write a full hour of dagster.timezone, as 2026-01-31T06:00"
        raise ValueError(msg)
    return moment


def _first_of_month(day: date) -> date:
    if day.day != 1:
        msg = f"a month begins on its first day; write {day.replace(day=1)}"
        raise ValueError(msg)
    return day


_Day = Annotated[date, BeforeValidator(_moment)]
_Month = Annotated[_Day, AfterValidator(_first_of_month)]
_Hour = Annotated[datetime, BeforeValidator(_moment), AfterValidator(_without_zone)]


class _Span(Model):
    start: Any
    end: Any = None

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.end is not None and self.end <= self.start:
            msg = f"end {self.end} is not after start {self.start}"
            raise ValueError(msg)
        return self


class Days(_Span):
    """Days or weeks from `start` on; a week begins on the day of the week that `start` is.

    ```yaml
    daily: {start: 2026-01-01}
    ```
    """

    start: _Day
    end: _Day | None = None
    """The first day that is in none of them."""


class Months(_Span):
    """Months from `start` on, the first day of one.

    ```yaml
    monthly: {start: 2026-01-01, end: 2027-01-01}
    ```
    """

    start: _Month
    end: _Month | None = None
    """The first month that is none of them."""


class Hours(_Span):
    """Hours from `start` on.

    ```yaml
    hourly: {start: 2026-01-01T06:00}
    ```
    """

    start: _Hour
    end: _Hour | None = None
    """The first hour that is none of them."""


def _key(text: str) -> str:
    if not _KEY.fullmatch(text) or len(text) > _MAX_KEY:
        msg = (
            f"{text[:60]!r} cannot be a partition: write words of letters and digits, with one "
            f"'_' or '-' between two of them, at most {_MAX_KEY} characters"
        )
        raise ValueError(msg)
    return text


def _apart(keys: list[str]) -> list[str]:
    """Two keys must never be one place, on any disk."""
    seen: dict[str, str] = {}
    for key in keys:
        if (first := seen.get(key.casefold())) is not None:
            how = "is listed twice" if first == key else f"differs from '{first}' only in case"
            msg = f"'{key}' {how}"
            raise ValueError(msg)
        seen[key.casefold()] = key
    for key in keys:
        if (other := seen.get(f"{key}{_REJECTED}".casefold())) is not None:
            msg = f"'{other}' is where the rejected rows of '{key}' would go; choose another name"
            raise ValueError(msg)
    return keys


_Keys = Annotated[
    list[Annotated[StrictStr, AfterValidator(_key)]],
    Field(min_length=1),
    AfterValidator(_apart),
]


class Partitions(Model):
    """One of these. `{partition}` in paths, tables, queries and SQL stands for the key.

    ```yaml
    partitions: {static: [de, at, ch]}
    ```
    """

    hourly: Hours | None = None
    daily: Days | None = None
    weekly: Days | None = None
    monthly: Months | None = None
    static: _Keys | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if len(said := [unit for unit in UNITS if getattr(self, unit) is not None]) != 1:
            found = f"found {' and '.join(said)}" if said else "found none of them"
            msg = f"partitions are one of {', '.join(UNITS)}; {found}"
            raise ValueError(msg)
        return self

    @property
    def unit(self) -> str:
        """Which of them."""
        return next(unit for unit in UNITS if getattr(self, unit) is not None)

    @property
    def span(self) -> Days | Months | Hours | None:
        """From when to when; None where the keys are listed."""
        return self.hourly or self.daily or self.weekly or self.monthly

    def __str__(self) -> str:
        """As messages name it: `daily from 2026-01-01`."""
        if self.span is None:
            return f"static {listing(self.static or (), 10)}"
        until = f" to {self.span.end}" if self.span.end else ""
        return f"{self.unit} from {self.span.start}{until}"

    def has(self, text: str) -> bool:
        """Whether the name of something stored is a key of these partitions, ended or not."""
        if self.span is None:
            return text in (self.static or ())
        pattern, span = KEY_FORMATS[self.unit], self.span
        plain = _ZONE.sub("", text) if self.hourly else text
        try:
            begins = datetime.strptime(plain, pattern)
        except ValueError:
            return False
        until = span.end.strftime(pattern) if span.end else None
        return (
            begins.strftime(pattern) == plain
            and plain >= span.start.strftime(pattern)
            and (until is None or plain < until)
            and (self.monthly is None or begins.day == 1)
            and (self.weekly is None or begins.weekday() == self.weekly.start.weekday())
        )
