"""What the footers of staged Parquet files know of their rows.

Said is only what holds for every row and on every engine: floats have no bounds (footers hide NaN),
nor has text (it is cut) or nanoseconds; nested columns have nothing. Where one row group lacks a
statistic nothing is said of that column, and its rows are read instead.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from odibi_dagster.core.facts import Bounds

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from pyarrow.parquet import ColumnChunkMetaData, FileMetaData, Statistics

    from odibi_dagster.core.types import DType
    from odibi_dagster.engines.base import Engine
    from odibi_dagster.formats.base import Staged

_WORTH: Mapping[str, int] = {"polars": 1_000_000, "spark": 0}
"""From so many rows on, per engine, a scan costs more than to import a reader of footers."""
_BY_CODES: Mapping[str, bool] = {"polars": True, "spark": False}
"""Whether an engine's reader judges dictionaries by themselves, where a filter is all it is asked.
Spark's does not look into them, and every filter would be a job of its own."""
_GREGORIAN = 1900
"""Before it, Spark may store days and times in another calendar."""


def facts_of(engine: Engine, staged: Staged, folders: Collection[str] = ()) -> Footers | None:
    """What the staged files say; None where a scan costs less than to ask them."""
    if staged.rows is None or staged.rows < _WORTH[engine.name]:
        return None
    return opened(staged.files, folders, by_codes=_BY_CODES[engine.name])


def opened(
    files: Iterable[Path], folders: Collection[str] = (), *, by_codes: bool = False
) -> Footers | None:
    """The footers of these files; None where one has a type that their reader does not know."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return Footers([pq.read_metadata(file) for file in files], folders, by_codes=by_codes)
    except pa.ArrowNotImplementedError:  # Int128, for one
        return None


class Footers:
    """Facts about the rows of some files; columns of their hive `folders` are not known."""

    def __init__(
        self, footers: Sequence[FileMetaData], folders: Collection[str], *, by_codes: bool = False
    ) -> None:
        self.rows = sum(footer.num_rows for footer in footers)
        """See `Facts.rows`."""
        self._folders, self._by_codes = folders, by_codes
        self._files = [column_chunks(footer) for footer in footers if footer.num_rows]

    def nulls(self, column: str) -> int | None:
        """See `Facts.nulls`."""
        groups = self._groups(column)
        return None if groups is None else sum(group.null_count for group in groups)

    def bounds(self, column: str, dtype: DType) -> Bounds | None:
        """See `Facts.bounds`."""
        groups = self._groups(column)
        if groups is None or (fits := _bounded_as(dtype)) is None:
            return None
        valued = [group for group in groups if group.num_values]
        if not valued:
            return Bounds(None, None)
        try:
            ends = [end for group in valued if group.has_min_max for end in (group.min, group.max)]
        except (OverflowError, ValueError):  # a year that Python's dates do not know
            return None
        if len(ends) < 2 * len(valued) or not all(fits(end) for end in ends):
            return None
        return Bounds(min(ends), max(ends))

    def coded(self, column: str) -> bool:
        """See `Facts.coded`. In hive folders none is: their columns are put in order on top."""
        chunks = self._chunks(column) if self._by_codes and not self._folders else None
        return chunks is not None and all(chunk.has_dictionary_page for chunk in chunks)

    def _groups(self, column: str) -> list[Statistics] | None:
        """The statistics of a column in every row group; None where some are missing."""
        chunks = self._chunks(column)
        return None if chunks is None else counted(chunks)

    def _chunks(self, column: str) -> list[ColumnChunkMetaData] | None:
        if column in self._folders or any(column not in file for file in self._files):
            return None
        return [chunk for file in self._files for chunk in file[column]]


def column_statistics(footer: FileMetaData) -> dict[str, list[Statistics]]:
    """What each row group says of each flat column, where all of them count its nulls."""
    found = {name: counted(chunks) for name, chunks in column_chunks(footer).items()}
    return {name: statistics for name, statistics in found.items() if statistics is not None}


def counted(chunks: Sequence[ColumnChunkMetaData]) -> list[Statistics] | None:
    """What they say of their values; None where one does not even count its nulls."""
    statistics = [chunk.statistics for chunk in chunks]
    if all(each is not None and each.has_null_count for each in statistics):
        return statistics
    return None


def column_chunks(footer: FileMetaData) -> dict[str, list[ColumnChunkMetaData]]:
    """Each flat column in each row group."""
    columns = [footer.schema.column(place) for place in range(footer.num_columns)]
    flat = {
        column.path: place
        for place, column in enumerate(columns)
        if column.max_repetition_level == 0 and "." not in column.path
    }
    groups = [footer.row_group(place) for place in range(footer.num_row_groups)]
    return {name: [group.column(place) for group in groups] for name, place in flat.items()}


def _bounded_as(dtype: DType) -> Callable[[Any], bool] | None:
    """Whether a bound is a value of this type; None for types whose bounds are not exact."""
    if dtype.is_integer():
        return lambda bound: isinstance(bound, int)
    if dtype.is_decimal():
        return lambda bound: isinstance(bound, Decimal)
    if dtype == nw.Date:
        return lambda bound: type(bound) is date and bound.year >= _GREGORIAN
    if isinstance(dtype, nw.Datetime) and dtype.time_unit != "ns":
        zoned = dtype.time_zone is not None
        return lambda bound: (
            isinstance(bound, datetime)
            and (bound.tzinfo is not None) is zoned
            and bound.year >= _GREGORIAN
        )
    return None
