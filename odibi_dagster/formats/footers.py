"""What Parquet footers know of the rows of a frame that was scanned from them.

Said is only what holds for every row and on every engine: floats have no bounds (footers hide NaN),
nor has text (it is cut) or nanoseconds; nested columns have nothing. Where one file lacks a
statistic, as those of some writers do, nothing is said, and the rows are read instead.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import finalize

import narwhals.stable.v2 as nw

from odibi_dagster.core.facts import Bounds
from odibi_dagster.errors import DataReadError

if TYPE_CHECKING:
    from pyarrow.parquet import FileMetaData, Statistics

    from odibi_dagster.core.frame import Frame
    from odibi_dagster.core.types import DType

Files = Callable[[], Iterable[Path]]
_footers: dict[int, Footers] = {}
"""By the identity of a frame, for as long as the frame lives."""
_MODERN = 1900
"""Before it, files of old Spark versions hold days and times of another calendar."""


def with_footers(frame: Frame, files: Files, folders: Collection[str] = ()) -> Frame:
    """The frame, scanned from these files as they are; columns of hive `folders` are in none."""
    _footers[id(frame)] = Footers(files, folders)
    finalize(frame, _footers.pop, id(frame)).atexit = False
    return frame


def footers_of(frame: Frame) -> Footers | None:
    """The footers of the files that this very frame was scanned from; None for any other frame."""
    return _footers.get(id(frame))


class Footers:
    """Facts about a frame. Footers are opened when the first question is asked."""

    def __init__(self, files: Files, folders: Collection[str] = ()) -> None:
        self._files, self._folders = files, folders

    @property
    def rows(self) -> int | None:
        """See `Facts.rows`."""
        return None if self._opened is None else sum(file.num_rows for file, _ in self._opened)

    def nulls(self, column: str) -> int | None:
        """See `Facts.nulls`."""
        groups = self._groups(column)
        return None if groups is None else sum(group.null_count for group in groups)

    def bounds(self, column: str, dtype: DType) -> Bounds | None:
        """See `Facts.bounds`."""
        groups = self._groups(column)
        if groups is None or not _has_bounds(dtype):
            return None
        valued = [group for group in groups if group.num_values]
        if not valued:
            return Bounds(None, None)
        if not all(_fits(group, dtype) for group in valued):
            return None
        return Bounds(min(group.min for group in valued), max(group.max for group in valued))

    @cached_property
    def _opened(self) -> list[tuple[FileMetaData, dict[str, int]]] | None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            opened = [pq.read_metadata(file) for file in self._files()]
        except (OSError, pa.ArrowException, DataReadError):  # what goes wrong is said by the scan
            return None
        return [(file, _flat(file)) for file in opened]

    def _groups(self, column: str) -> Sequence[Statistics] | None:
        """The statistics of a column in every row group; None where one has no count of nulls."""
        if self._opened is None or column in self._folders:
            return None
        found: list[Statistics] = []
        for file, places in self._opened:
            if column not in places:
                return None
            groups = (file.row_group(i) for i in range(file.num_row_groups))
            found += [group.column(places[column]).statistics for group in groups]
        known = all(group is not None and group.has_null_count for group in found)
        return found if known else None


def _flat(file: FileMetaData) -> dict[str, int]:
    """The places of the columns that are not nested."""
    columns = [file.schema.column(place) for place in range(file.num_columns)]
    return {
        column.path: place
        for place, column in enumerate(columns)
        if column.max_repetition_level == 0 and "." not in column.path
    }


def _has_bounds(dtype: DType) -> bool:
    if isinstance(dtype, nw.Datetime):
        return dtype.time_unit != "ns"
    return dtype.is_integer() or dtype.is_decimal() or dtype == nw.Date


def _fits(group: Statistics, dtype: DType) -> bool:
    """Whether a row group has bounds, and they are values of the column as the frame has it."""
    if not group.has_min_max or "nanoseconds" in group.logical_type.to_json():
        return False
    try:
        return all(_is_value(bound, dtype) for bound in (group.min, group.max))
    except (OverflowError, ValueError):  # a year that Python's dates do not know
        return False


def _is_value(bound: Any, dtype: DType) -> bool:
    if isinstance(bound, datetime):
        zoned = isinstance(dtype, nw.Datetime) and dtype.time_zone is not None
        return (
            isinstance(dtype, nw.Datetime)
            and zoned is (bound.tzinfo is not None)
            and _modern(bound)
        )
    if isinstance(bound, date):
        return dtype == nw.Date and _modern(bound)
    if isinstance(bound, Decimal):
        return dtype.is_decimal()
    return isinstance(bound, int) and dtype.is_integer()


def _modern(bound: date) -> bool:
    return bound.year >= _MODERN
