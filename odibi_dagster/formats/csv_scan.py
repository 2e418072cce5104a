"""How each engine reads and writes csv files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from odibi_dagster.core.frame import Frame
    from odibi_dagster.core.types import DType
    from odibi_dagster.engines.base import Engine
    from odibi_dagster.formats.csv_options import CsvWriteOptions

_SCANNED = (
    nw.Int8, nw.Int16, nw.Int32, nw.Int64, nw.UInt8, nw.UInt16, nw.UInt32, nw.UInt64,
    nw.Float32, nw.Float64, nw.Boolean, nw.String,
)  # fmt: skip
DIRECT: Mapping[str, tuple[type[DType], ...]] = {"polars": _SCANNED, "spark": (nw.String,)}
"""The types that an engine's own csv reader gives; others are parsed from text."""


@dataclass(frozen=True)
class Dialect:
    """How the fields of a file are told apart, and which of them are null in every column."""

    sep: str = ","
    quote: str = '"'
    header: bool = True
    nulls: tuple[str, ...] = ()
    empty_is_null: bool = True
    """Whether a field with nothing in it (not even quotes) is null; else it is an empty text."""


def scan_csv(
    engine: Engine, files: Sequence[Path], dialect: Dialect, schema: Mapping[str, DType]
) -> Frame:
    """Files of one header as one lazy frame; `schema` has a `DIRECT` type for every column."""
    kind, words = _SCAN[engine.name](dialect, schema)
    frame = engine.scan(kind, files, **words)
    return _NULLS[engine.name](frame, dialect.nulls)


def sink_words(engine: Engine, options: CsvWriteOptions, columns: int) -> dict[str, Any]:
    """The words of the engine's csv writer."""
    return _SINK[engine.name](options, columns)


def nulled(frame: Frame, nulls: Mapping[str, tuple[str, ...]]) -> Frame:
    """The frame with these texts as null, column by column."""
    columns = [
        nw.when(~nw.col(name).is_in(texts)).then(nw.col(name)).alias(name)
        for name, texts in nulls.items()
    ]
    return frame.with_columns(*columns) if columns else frame


def _scan_polars(dialect: Dialect, schema: Mapping[str, DType]) -> tuple[str, dict[str, Any]]:
    import polars as pl

    types = {name: getattr(pl, type(dtype).__name__) for name, dtype in schema.items()}
    return "csv", {
        "glob": False,
        "schema": types,
        # Columns are known by their place: names in the files may be replaced by the user's.
        "has_header": False,
        "skip_rows": int(dialect.header),
        "separator": dialect.sep,
        "quote_char": dialect.quote,
        "null_values": list(dialect.nulls) or None,
        "empty_string_is_null": dialect.empty_is_null,
        "missing_columns": "insert",
        "raise_if_empty": False,
    }


def _scan_spark(dialect: Dialect, schema: Mapping[str, DType]) -> tuple[str, dict[str, Any]]:
    names = ", ".join(f"`{name.replace('`', '``')}` string" for name in schema)
    return "csv", {
        "schema": names,
        "header": dialect.header,
        "sep": dialect.sep,
        "quote": dialect.quote,
        "escape": dialect.quote,
        "multiLine": True,
        "mode": "FAILFAST",
        **({} if dialect.empty_is_null else {"nullValue": "\0"}),
    }


_SCAN: Mapping[str, Callable[[Dialect, Mapping[str, DType]], tuple[str, dict[str, Any]]]] = {
    "polars": _scan_polars,
    "spark": _scan_spark,
}
_NULLS: Mapping[str, Callable[[Frame, tuple[str, ...]], Frame]] = {
    "polars": lambda frame, _nulls: frame,
    # Spark's reader knows one null token only.
    "spark": lambda frame, nulls: nulled(
        frame, dict.fromkeys(frame.collect_schema().names(), nulls) if nulls else {}
    ),
}


def _sink_polars(options: CsvWriteOptions, columns: int) -> dict[str, Any]:
    return {
        "separator": options.sep,
        "include_header": options.header,
        # A blank line is no row to most readers.
        **({"null_value": '""'} if columns == 1 else {}),
    }


def _sink_spark(options: CsvWriteOptions, columns: int) -> dict[str, Any]:
    return {
        "sep": options.sep,
        "header": options.header,
        "escape": '"',
        "ignoreLeadingWhiteSpace": False,
        "ignoreTrailingWhiteSpace": False,
        **({"nullValue": '""', "emptyValue": '""'} if columns == 1 else {}),
        "timestampFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX",
        "timestampNTZFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSS",
    }


_SINK: Mapping[str, Callable[[CsvWriteOptions, int], dict[str, Any]]] = {
    "polars": _sink_polars,
    "spark": _sink_spark,
}
