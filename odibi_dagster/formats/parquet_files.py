"""Parquet files read as one table, with the columns that their hive folders say."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import narwhals.stable.v2 as nw

from odibi_dagster.errors import DataReadError
from odibi_dagster.formats.base import Size
from odibi_dagster.formats.sources import HIVE_FOLDER
from odibi_dagster.formats.text import parsed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

    from odibi_dagster.core.frame import Frame
    from odibi_dagster.core.types import DType
    from odibi_dagster.engines.base import Engine

_ENDS = (b"PAR1", b"PARE")
_FOOTERS = 200
"""How many footers are read at most to estimate rows: 0.1 s."""
SINK: Mapping[str, Mapping[str, Any]] = {
    "polars": {"compression": "zstd", "compression_level": 1, "statistics": True},
    "spark": {"compression": "zstd"},
}
"""How Parquet is written, per engine: zstd level 1 with statistics is the sweet spot."""


def check_ends(file: Path) -> None:
    """DataReadError where a file does not begin and end as Parquet does: empty, cut, or other."""
    handle = os.open(file, os.O_RDONLY)  # a stream would cost twice as much, file by file
    try:
        size = os.fstat(handle).st_size
        head, tail = os.pread(handle, 4, 0), os.pread(handle, 4, max(size - 4, 0))
    finally:
        os.close(handle)
    if size == 0:
        msg = f"{file} is not a readable parquet file: it is empty (0 bytes)"
        raise DataReadError(msg)
    if head not in _ENDS:
        msg = f"{file} is not a readable parquet file: it does not begin with PAR1"
        raise DataReadError(msg)
    if tail not in _ENDS or size < 12:
        msg = f"{file} is not a readable parquet file: it does not end with PAR1 (cut off?)"
        raise DataReadError(msg)


def about_rows(files: Sequence[Path]) -> Size:
    """The rows that the footers count; of many files, as many per byte as in a sample of them."""
    import pyarrow.parquet as pq
    from pyarrow import ArrowInvalid

    sizes = [file.stat().st_size for file in files]
    step = -(-len(files) // _FOOTERS)
    try:
        rows = sum(pq.read_metadata(file).num_rows for file in files[::step])
    except ArrowInvalid as error:
        raise DataReadError(str(error)) from error
    return Size(round(rows * sum(sizes) / max(sum(sizes[::step]), 1)), sum(sizes))


def scan_parquet(
    engine: Engine,
    files: Sequence[Path],
    root: Path,
    hive: Mapping[str, DType],
    native_schema: Any = None,
    *,
    grown: bool = False,
) -> Frame:
    """These files as one lazy frame; `hive` columns come from the folders below `root`.

    `native_schema` is the whole schema where it is known before the files are opened. `grown`:
    files may lack columns of it (null then) and hold others (left out).
    """
    words = _WORDS[engine.name](root, hive, native_schema)
    if grown:
        words |= _GROWN[engine.name](hive, native_schema)
    frame = engine.scan("parquet", files, **words)
    schema = frame.collect_schema()
    above = set(_above(root)) - set(hive) if hive else set()
    frame = frame.select(name for name in schema.names() if name not in above) if above else frame
    texts = {name: dtype for name, dtype in hive.items() if schema[name] == nw.String()}
    return parsed(engine, _decoded(engine, frame, files, root, texts), texts)


def _decoded(
    engine: Engine, frame: Frame, files: Sequence[Path], root: Path, columns: Collection[str]
) -> Frame:
    """The frame with what folders say in these columns, where the engine decodes it otherwise."""
    if not columns or _DECODE[engine.name] is unquote:
        return frame
    misread: dict[str, dict[str, str]] = {name: {} for name in columns}
    for folder in {file.parent for file in files}:
        for part in filter(HIVE_FOLDER.fullmatch, folder.relative_to(root).parts):
            name, value = part.split("=", 1)
            read = _DECODE[engine.name](value)
            if read != unquote(value) and unquote(name) in misread:
                misread[unquote(name)][read] = unquote(value)
    return frame.with_columns(
        nw.col(name).replace_strict(values, default=nw.col(name), return_dtype=nw.String())
        for name, values in misread.items()
        if values
    )


def _above(root: Path) -> list[str]:
    """Hive folders above the root: not of this table, but Polars takes them for it."""
    return [part.split("=", 1)[0] for part in root.parts if HIVE_FOLDER.fullmatch(part)]


def _polars_words(root: Path, hive: Mapping[str, DType], _native_schema: Any) -> dict[str, Any]:
    words: dict[str, Any] = {"glob": False, "hive_partitioning": bool(hive)}
    if hive:
        import polars as pl

        types = {name: pl.String() for name in _above(root)}
        words["hive_schema"] = types | {name: _polars_type(dtype) for name, dtype in hive.items()}
    return words


def _polars_type(dtype: DType) -> Any:
    import polars as pl

    if isinstance(dtype, nw.Datetime):
        return pl.Datetime("us", dtype.time_zone)
    if isinstance(dtype, nw.Decimal):
        return pl.Decimal(dtype.precision, dtype.scale)
    return getattr(pl, type(dtype).__name__)


def _spark_words(root: Path, hive: Mapping[str, DType], native_schema: Any) -> dict[str, Any]:
    words: dict[str, Any] = {"mergeSchema": "false"}
    if hive:
        words["basePath"] = f"file://{root}"
    if native_schema is not None:
        words["schema"] = native_schema
    return words


_WORDS: Mapping[str, Callable[[Path, Mapping[str, DType], Any], dict[str, Any]]] = {
    "polars": _polars_words,
    "spark": _spark_words,
}
_DECODE: Mapping[str, Callable[[str], str]] = {
    "polars": unquote,
    # a character per byte, where others write the bytes of UTF-8
    "spark": lambda text: re.sub("%([0-9A-Fa-f]{2})", lambda code: chr(int(code[1], 16)), text),
}
"""How each engine reads the value of a hive folder."""
_GROWN: Mapping[str, Callable[[Mapping[str, DType], Any], dict[str, Any]]] = {
    "polars": lambda hive, schema: {
        "schema": {name: dtype for name, dtype in schema.items() if name not in hive},
        "missing_columns": "insert",
        "extra_columns": "ignore",
    },
    # With a schema of its own Spark's reader does this by nature.
    "spark": lambda _hive, _schema: {},
}
