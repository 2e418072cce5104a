"""`freshness`: the newest row is young enough."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import narwhals.stable.v2 as nw

from odibi_dagster.checks import iso
from odibi_dagster.checks.base import (
    Contract,
    Observation,
    Shape,
    Verdict,
    contracts,
)
from odibi_dagster.checks.baseline import metric_of
from odibi_dagster.core.history import Lookback
from odibi_dagster.core.names import ColumnName
from odibi_dagster.core.units import Duration, duration_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from odibi_dagster.core.facts import Facts
    from odibi_dagster.core.frame import Frame
    from odibi_dagster.engines.base import Engine

_DEFAULT, _NEWEST = "updated_at", "newest"
_SECOND = "%Y-%m-%dT%H:%M:%S"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@contracts.register("freshness")
class Freshness(Contract):
    """The newest value of a time column is at most `max_age` old; the age is compared in seconds.

    Without `column`, `updated_at` is used if there is one, else the time of the newest source file;
    with neither the check is an error. Timestamps without a zone are read in the project's zone
    (UTC). Text is read as ISO 8601: values that are not, or a mix of values with and without a
    zone, make the check an error that says how many. Nulls are left out; a frame without any time
    is broken. A time in the future is fresh.

    An increment that is added to the table is judged together with what is stored there: without
    a new row, or a value in it, by the newest time that earlier batches had, rows that were set
    aside among them; a time in the future counts as the moment at which it was judged. That is
    remembered with each batch, but not with one that was published by a run that was killed, nor
    of a column that is pii or sensitive. A first run, a full refresh and a table that is replaced
    are judged by the batch alone.

    ```yaml
    - type: freshness
      column: time_hour
      max_age: 24h
    ```
    """

    looks_up = frozenset({"newest_file"})
    forgets_hidden = True

    column: ColumnName | None = None
    """The column of times; `updated_at` where there is one, else the newest source file counts."""
    max_age: Duration
    """The greatest age: a number and one of `s`, `m`, `h`, `d`, `w`."""

    def columns(self) -> tuple[str, ...]:
        """The column, where one is named."""
        return (self.column,) if self.column else ()

    def reads(self, shape: Shape) -> tuple[str, ...]:
        """The column that is named, else `updated_at` if there is one."""
        return self.columns() or tuple({_DEFAULT} & set(shape.schema))

    def unfit(self, shape: Shape) -> str | None:
        """Says so when the column holds no times."""
        for name in self.reads(shape):
            dtype = shape.schema[name]
            if not isinstance(dtype, (nw.String, nw.Date, nw.Datetime)):
                return f"column '{name}' is {dtype}; freshness needs dates, timestamps or ISO text"
        return None

    @property
    def lookback(self) -> Lookback:
        """The batch before an increment: it remembers the newest time of all before it."""
        return Lookback(1, beneath=True)

    def remembers(self, seen: Observation) -> Mapping[str, float | None]:
        """The newest time of this batch and of those before it, in seconds since 1970."""
        names = self.reads(Shape(seen.schema, seen.declared))
        if not names:
            return {}
        batch = None if _unreadable(names, seen) else _moment(names[0], seen)
        newest = _later(None if batch is None else min(batch, seen.at), _before(names[0], seen))
        return {metric_of(_NEWEST, names[0]): None if newest is None else newest.timestamp()}

    def metrics(self, shape: Shape) -> Mapping[str, nw.Expr]:
        """The newest time; for text also how many values are unreadable or name a zone."""
        for name in self.reads(shape):
            column, dtype = nw.col(name), shape.schema[name]
            if isinstance(dtype, nw.String):
                return _text_metrics(column)
            return {"newest": _newest(column, dtype)}
        return {}

    def known(self, shape: Shape, facts: Facts) -> Mapping[str, Any]:
        """The newest time of a date or timestamp column, where its bounds are known."""
        for name in self.reads(shape):
            bounds = facts.bounds(name, shape.schema[name])
            if bounds is not None:
                return {"newest": None if bounds.high is None else f"{bounds.high:{_SECOND}}"}
        return {}

    def tables(self, frame: Frame, engine: Engine, shape: Shape) -> Mapping[str, Frame]:
        """The newest time among text with an offset such as +02:00."""
        schema = frame.collect_schema()
        texts = [n for n in self.reads(Shape(schema)) if isinstance(schema[n], nw.String)]
        return {"seconds": iso.newest_shifted(frame, texts[0])} if texts else {}

    def judge(self, seen: Observation) -> Verdict:
        """Passed when the newest time is at most `max_age` before the moment of judging."""
        expected = f"at most {duration_text(self.max_age)} old"
        names = self.reads(Shape(seen.schema, seen.declared))
        if problem := _unreadable(names, seen):
            return Verdict(False, problem, expected=expected, error=True)
        batch = _moment(names[0], seen) if names else seen.newest_file
        newest = _later(batch, _before(names[0], seen) if names else None)
        if newest is None:
            what = f"no value in '{names[0]}'" if seen.rows else "no rows"
            return Verdict(False, f"{what}; expected data {expected}", expected=expected)
        age = seen.at - newest
        what = "newest" if newest == batch else "newest stored"
        text = f"{what} is {_utc(newest):{_SECOND}}Z, {_age(age)}; expected {expected}"
        extra = {
            "newest": _utc(newest).isoformat(),
            "max_age_seconds": self.max_age.total_seconds(),
        }
        return Verdict(
            age <= self.max_age,
            text,
            expected=expected,
            observed=round(age.total_seconds(), 3),
            extra=extra,
        )


def _text_metrics(column: nw.Expr) -> Mapping[str, nw.Expr]:
    return {
        "newest": iso.newest(column),
        "unreadable": (~iso.readable(column).fill_null(True)).cast(nw.Int64).sum(),
        "zoned": iso.zoned(column).fill_null(False).cast(nw.Int64).sum(),
        "values": (~column.is_null()).cast(nw.Int64).sum(),
    }


def _newest(column: nw.Expr, dtype: nw.dtypes.DType) -> nw.Expr:
    # as text, because a timestamp that is brought to the driver may change its zone on the way
    if isinstance(dtype, nw.Date):
        column = column.cast(nw.Datetime("us"))
    elif isinstance(dtype, nw.Datetime) and dtype.time_zone not in (None, "UTC"):
        column = column.dt.convert_time_zone("UTC")
    return column.max().dt.to_string(_SECOND)


def _unreadable(names: tuple[str, ...], seen: Observation) -> str | None:
    if not names:
        if seen.newest_file is None:
            return (
                f"nothing says how old the data is: no column is named, there is no '{_DEFAULT}' "
                "and no source file; write 'column'"
            )
        return None
    bad, zones = (int(seen.metrics.get(name) or 0) for name in ("unreadable", "zoned"))
    if bad:
        return f"{bad:,} of {seen.rows:,} values of '{names[0]}' are no ISO 8601 times"
    naive = int(seen.metrics.get("values") or 0) - zones
    if zones and naive:
        return f"'{names[0]}' mixes {zones:,} times with a zone and {naive:,} without"
    return None


def _moment(name: str, seen: Observation) -> datetime | None:
    """The newest time, zoned."""
    dtype = seen.schema[name]
    has_zone = isinstance(dtype, nw.Datetime) and dtype.time_zone is not None
    zone = UTC if has_zone or seen.metrics.get("zoned") else ZoneInfo(seen.timezone)
    found: list[datetime] = []
    if (text := seen.metrics.get("newest")) is not None:
        found.append(datetime.fromisoformat(text).replace(tzinfo=zone))
    if (seconds := seen.metrics.get("seconds")) is not None:
        found.append(_EPOCH + timedelta(seconds=seconds))
    return _later(*found)


def _before(name: str, seen: Observation) -> datetime | None:
    """The newest time that was published before; None where there is none, or nobody knows."""
    last = seen.history[0].metrics.get(metric_of(_NEWEST, name)) if seen.history else None
    return None if last is None else datetime.fromtimestamp(last, UTC)


def _later(*moments: datetime | None) -> datetime | None:
    return max((moment for moment in moments if moment is not None), default=None)


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


def _age(age: timedelta) -> str:
    whole = timedelta(seconds=int(abs(age).total_seconds()))
    return f"{whole} in the future" if age < timedelta(0) else f"{whole} ago"
