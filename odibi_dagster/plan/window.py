"""The window of an incremental node: which rows of its input are new.

The cursor is compared as what it is: a number, a day or a moment. Text is parsed, never compared
as text; a moment without a zone is in the project's zone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import narwhals.stable.v2 as nw

from odibi_dagster.core.names import quoted
from odibi_dagster.engines.sql.query import Expression, deriving
from odibi_dagster.errors import CursorError, SchemaContractError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from odibi_dagster.config.incremental import Incremental
    from odibi_dagster.core.frame import Frame
    from odibi_dagster.core.types import DType
    from odibi_dagster.engines.base import Engine

    Mark = int | float | Decimal | date | datetime

_CURSOR = "__odibi_cursor"
_MOMENT = r"^\d+-\d+-\d+([T ]\d+[0-9:.]*)?"
"""Text of a time up to its zone."""
_UTC = r"^(z|[+-]00(:?00)?)$"
_SECOND = "%Y-%m-%dT%H:%M:%S"


@dataclass(frozen=True)
class Seen:
    """What a look at the cursor of an input found."""

    upper: Mark | None
    """The highest cursor above the lower bound; None where no row is."""
    rows: int
    """Rows above the lower bound: the batch."""
    nulls: int
    """Rows without a cursor, in all of the input."""


@dataclass(frozen=True)
class Window:
    """The rows with `lower < cursor <= upper`; None is no bound."""

    lower: Mark | None = None
    upper: Mark | None = None
    before: Mark | None = None
    """The mark before this run."""
    after: Mark | None = None
    """The mark that it leaves, where one is kept."""
    is_first: bool = False
    """Whether everything is read, rows without a cursor too."""
    nulls: int | None = None
    """Rows of the input that have no cursor; None: nobody looked."""
    is_empty: bool = False
    """Whether the input has nothing new."""


def earlier(moment: date, span: timedelta) -> date | None:
    """So much before; None where no day is: the year 1 stands for none in many a database."""
    try:
        return moment - span
    except OverflowError:
        return None


def _zones(name: str, place: int) -> Mapping[str, nw.Expr]:
    """The first and the last of the zones that text names, and how many values name one or none."""
    zone = nw.col(name).str.replace_all(_MOMENT, "").str.replace_all(_UTC, "Z")
    count = nw.Int64()
    return {
        f"zone_first{place}": zone.min(),
        f"zone_last{place}": zone.max(),
        f"with_zone{place}": (zone != "").cast(count).sum(),
        f"without_zone{place}": (zone == "").cast(count).sum(),
    }


def _refuse_zones(column: str, row: Mapping[str, Any]) -> None:
    """CursorError where text names several zones, or some of it none."""
    zones = {v for k, v in row.items() if k.startswith("zone") and v is not None}
    if len(zones) < 2:
        return
    zoned, naive = (
        sum(int(v or 0) for k, v in row.items() if k.startswith(word))
        for word in ("with_zone", "without_zone")
    )
    said = " and ".join(sorted(zone or "none" for zone in zones))
    msg = (
        f"cursor '{column}': {zoned:,} values name a zone and {naive:,} do not, or they name "
        f"several ({said}), so their order is not known; write all of them in one zone"
    )
    raise CursorError(msg)


class Cursor:
    """The cursor of one input, as an expression over its rows."""

    def __init__(
        self, engine: Engine, frame: Frame, incremental: Incremental, timezone: str = "UTC"
    ) -> None:
        self._engine, self._incremental = engine, incremental
        self._zone = ZoneInfo(timezone)
        self._schema = frame.collect_schema()
        self._types = {name: self._type(name) for name in incremental.columns}
        self._frame = self._with_cursor(frame)
        self._dtype = self._frame.collect_schema()[_CURSOR]

    def look(self, lower: Mark | None, at: datetime, max_future: timedelta | None) -> Seen:
        """One aggregate over the cursor's columns. CursorError where a cursor is none.

        That is text that is no time, a float that is not finite, times with and without a zone
        mixed, or, unless `max_future` is None, a time beyond `at` + `max_future`.
        """
        frame = self._frame.select(*dict.fromkeys((*self._incremental.columns, _CURSOR)))
        if lower is not None and not self._has_text:
            # where a Parquet footer says that none of its rows is meant, nothing of it is read
            cursor = nw.col(_CURSOR)
            frame = frame.filter((cursor > self._literal(lower)) | cursor.is_null())
        limit = self._limit(at, max_future)
        row = self._engine.fetch(frame.select(**self._measures(lower, limit)), 1)[0]
        self._refuse(row, max_future)
        return Seen(self._mark(row), int(row["rows"] or 0), int(row["nulls"] or 0))

    def rows(self, lower: Mark | None, upper: Mark | None, *, nulls: bool = False) -> Frame:
        """The rows with `lower < cursor <= upper`, where there are bounds, in the input's columns.

        `nulls`: rows without a cursor too, as the first load takes them.
        """
        cursor, conditions = nw.col(_CURSOR), []
        if lower is not None:
            conditions.append(cursor > self._literal(lower))
        if upper is not None:
            conditions.append(cursor <= self._literal(upper))
        if not conditions:
            conditions.append(~cursor.is_null())
        within = nw.all_horizontal(*conditions, ignore_nulls=False)
        frame = self._frame.filter(within | cursor.is_null() if nulls else within)
        return frame.select(*self._schema.names())

    def before(self, mark: Mark | None, lag: timedelta) -> Mark | None:
        """The mark, less the lag. SchemaContractError where the cursor is no time."""
        if mark is None or not lag:
            return mark
        if isinstance(mark, datetime):
            return earlier(mark, lag)
        if isinstance(mark, date):
            return earlier(mark, timedelta(days=-(-lag // timedelta(days=1))))
        msg = f"watermark_lag is a time, and column '{self._incremental.column}' holds numbers"
        raise SchemaContractError(msg)

    def since(self, at: datetime, span: timedelta) -> Mark:
        """The lower bound of a window that ends now."""
        if not isinstance(self._dtype, (nw.Date, nw.Datetime)):
            msg = (
                f"rolling_window needs a column of times; '{self._incremental.column}' is "
                f"{self._dtype}"
            )
            raise SchemaContractError(msg)
        return self._as_cursor(at - span)

    def fitted(self, mark: Mark) -> Mark | None:
        """The mark in the cursor's own type; None where it is another kind of value.

        A day stands for its midnight, and a moment without a zone is in the project's zone.
        """
        dtype = self._dtype
        if isinstance(dtype, nw.Datetime) and isinstance(mark, date):
            moment = mark if isinstance(mark, datetime) else datetime.combine(mark, time())
            if moment.tzinfo is None and dtype.time_zone:
                return moment.replace(tzinfo=self._zone).astimezone(UTC)
            if moment.tzinfo is not None and not dtype.time_zone:
                return moment.astimezone(self._zone).replace(tzinfo=None)
            return moment
        if isinstance(dtype, nw.Date):
            return mark if type(mark) is date else None
        is_number = isinstance(mark, (int, float, Decimal)) and dtype.is_numeric()
        return mark if is_number else None

    @property
    def _has_text(self) -> bool:
        """Whether some cursor is text, of which every value has to be looked at."""
        return any(isinstance(dtype, nw.String) for dtype in self._types.values())

    def _type(self, name: str) -> DType:
        if name not in self._schema:
            msg = f"incremental: no column '{name}'; {did_you_mean(name, self._schema)}"
            raise SchemaContractError(msg)
        dtype = self._schema[name]
        if not (dtype.is_numeric() or isinstance(dtype, (nw.String, nw.Date, nw.Datetime))):
            msg = f"incremental: column '{name}' is {dtype}; a cursor is a number or a time"
            raise SchemaContractError(msg)
        return dtype

    def _with_cursor(self, frame: Frame) -> Frame:
        parts = [self._part(name, dtype) for name, dtype in self._types.items()]
        text = parts[0] if len(parts) == 1 else f"COALESCE({', '.join(parts)})"
        if text == quoted(self._incremental.column):
            return frame.with_columns(nw.col(self._incremental.column).alias(_CURSOR))
        derived = deriving({_CURSOR: Expression.parse(text, "duckdb")})
        return self._engine.sql(derived, {"df": frame})

    def _part(self, name: str, dtype: DType) -> str:
        if not isinstance(dtype, nw.String):
            return quoted(name)
        if self._incremental.pattern is None:
            return f"TRY_CAST({quoted(name)} AS TIMESTAMP)"
        return f"TRY_STRPTIME({quoted(name)}, '{self._incremental.pattern}')"

    def _measures(self, lower: Mark | None, limit: Mark | None) -> Mapping[str, nw.Expr]:
        cursor = nw.col(_CURSOR)
        new = ~cursor.is_null() if lower is None else cursor > self._literal(lower)
        above = nw.when(new).then(cursor)
        count = nw.Int64()
        measures = {
            **self._sent(above),
            "rows": (nw.len() if lower is None else new.fill_null(False).cast(count).sum()),
            "nulls": cursor.is_null().cast(count).sum(),
        }
        for place, (name, dtype) in enumerate(self._types.items()):
            if isinstance(dtype, nw.String):
                unread = ~nw.col(name).is_null() & cursor.is_null()
                measures[f"unread{place}"] = unread.cast(count).sum()
                if self._incremental.pattern is None:
                    measures |= _zones(name, place)
            elif dtype.is_float():
                finite = nw.col(name).is_finite().fill_null(True)
                measures[f"infinite{place}"] = (~finite).cast(count).sum()
        if limit is not None:
            far = (cursor > self._literal(limit)).fill_null(False)
            measures["future"] = far.cast(count).sum()
        return measures

    def _refuse(self, row: Mapping[str, Any], max_future: timedelta | None) -> None:
        column = self._incremental.column
        unread = max((int(v or 0) for k, v in row.items() if k.startswith("unread")), default=0)
        infinite = sum(int(v or 0) for k, v in row.items() if k.startswith("infinite"))
        if unread:
            how = self._incremental.date_format or "ISO 8601"
            msg = (
                f"cursor '{column}': {unread:,} values are no time in the format {how}; write "
                "date_format, or filter them out"
            )
            raise CursorError(msg)
        _refuse_zones(column, row)
        if infinite:
            msg = f"cursor '{column}' is not finite in {infinite:,} rows; filter them out"
            raise CursorError(msg)
        if row.get("future"):
            allowed = str(max_future).removesuffix(", 0:00:00")
            msg = (
                f"cursor '{column}' is beyond now + {allowed} in {int(row['future']):,} rows, "
                "and rows that arrive later would be lost behind such a mark; mend them, or write "
                "dagster: {max_future: 3650d}"
            )
            raise CursorError(msg)

    def _limit(self, at: datetime, max_future: timedelta | None) -> Mark | None:
        if max_future is None or not isinstance(self._dtype, (nw.Date, nw.Datetime)):
            return None
        return self._as_cursor(at + max_future)

    def _as_cursor(self, moment: datetime) -> Mark:
        """A moment in the cursor's own terms."""
        if isinstance(self._dtype, nw.Date):
            return moment.astimezone(self._zone).date()
        if self._dtype.time_zone is None:  # type: ignore[attr-defined]
            return moment.astimezone(self._zone).replace(tzinfo=None)
        return moment.astimezone(UTC)

    def _literal(self, mark: Mark) -> nw.Expr:
        if isinstance(mark, datetime):
            zone = None if mark.tzinfo is None else "UTC"
            return nw.lit(mark, dtype=nw.Datetime("us", zone))
        return nw.lit(mark)

    def _sent(self, cursor: nw.Expr) -> Mapping[str, nw.Expr]:
        """The highest value in a form that no engine changes on the way to the driver."""
        if isinstance(self._dtype, nw.Date):
            return {"upper": cursor.max().cast(nw.String)}
        if not isinstance(self._dtype, nw.Datetime):
            return {"upper": cursor.max()}
        if self._dtype.time_zone not in (None, "UTC"):
            cursor = cursor.dt.convert_time_zone("UTC")
        latest = cursor.max().dt
        return {"upper": latest.to_string(_SECOND), "micro": latest.microsecond()}

    def _mark(self, row: Mapping[str, Any]) -> Mark | None:
        value = row["upper"]
        if value is None:
            return None
        if isinstance(self._dtype, nw.Datetime):
            moment = datetime.fromisoformat(value).replace(microsecond=int(row["micro"]))
            return moment.replace(tzinfo=UTC) if self._dtype.time_zone else moment
        if isinstance(self._dtype, nw.Date):
            return date.fromisoformat(value)
        found: Mark = value
        return found
