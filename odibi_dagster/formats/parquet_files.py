"""Parquet files read as one table, with the columns that their hive folders say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from odibi_dagster.errors import DataReadError
from odibi_dagster.formats.sources import HIVE_FOLDER

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from odibi_dagster.core.frame import Frame
    from odibi_dagster.engines.base import Engine

_ENDS = (b"PAR1", b"PARE")
SINK: Mapping[str, Mapping[str, Any]] = {
    "polars": {"compression": "zstd", "compression_level": 1, "statistics": True},
    "spark": {"compression": "zstd"},
}
"""How Parquet is written, per engine: zstd level 1 with statistics is the sweet spot."""


def check_ends(file: Path) -> None:
    """DataReadError where a file does not begin and end as Parquet does: empty, cut, or other."""
    with file.open("rb") as stream:
        size = stream.seek(0, 2)
        if size == 0:
            msg = f"{file} is not a readable parquet file: it is empty (0 bytes)"
            raise DataReadError(msg)
        stream.seek(max(size - 4, 0))
        tail = stream.read(4)
        stream.seek(0)
        head = stream.read(4)
    if head not in _ENDS:
        msg = f"{file} is not a readable parquet file: it does not begin with PAR1"
        raise DataReadError(msg)
    if tail not in _ENDS or size < 12:
        msg = f"{file} is not a readable parquet file: it does not end with PAR1 (cut off?)"
        raise DataReadError(msg)


def scan_parquet(
    engine: Engine,
    files: Sequence[Path],
    root: Path,
    hive: Sequence[str] = (),
    native_schema: Any = None,
    *,
    grown: bool = False,
) -> Frame:
    """These files as one lazy frame; `hive` columns come from the folders below `root`.

    With `native_schema` the hive columns have its types, else types that fit all folder names.
    `grown`: files may lack columns of `native_schema` (null then) and hold others (left out).
    """
    words = _WORDS[engine.name](root, hive, native_schema)
    if grown:
        words |= _GROWN[engine.name](hive, native_schema)
    frame = engine.scan("parquet", files, **words)
    names = frame.collect_schema().names()
    above = {part.split("=", 1)[0] for part in root.parts if HIVE_FOLDER.fullmatch(part)}
    extra = above - set(hive) if hive else set()
    return frame.select(name for name in names if name not in extra) if extra else frame


def _polars_words(root: Path, hive: Sequence[str], native_schema: Any) -> dict[str, Any]:
    words: dict[str, Any] = {"glob": False, "hive_partitioning": bool(hive)}
    if hive and native_schema is not None:
        import polars as pl

        # Polars also takes the folders above the root for hive folders: they need a type.
        above = [part.split("=", 1)[0] for part in root.parts if HIVE_FOLDER.fullmatch(part)]
        types = dict.fromkeys(above, pl.String)
        words["hive_schema"] = types | {name: native_schema[name] for name in hive}
    return words


def _spark_words(root: Path, hive: Sequence[str], native_schema: Any) -> dict[str, Any]:
    words: dict[str, Any] = {"mergeSchema": "false"}
    if hive:
        words["basePath"] = f"file://{root}"
    if native_schema is not None:
        words["schema"] = native_schema
    return words


_WORDS: Mapping[str, Callable[[Path, Sequence[str], Any], dict[str, Any]]] = {
    "polars": _polars_words,
    "spark": _spark_words,
}


_GROWN: Mapping[str, Callable[[Sequence[str], Any], dict[str, Any]]] = {
    "polars": lambda hive, schema: {
        "schema": {name: dtype for name, dtype in schema.items() if name not in hive},
        "missing_columns": "insert",
        "extra_columns": "ignore",
    },
    "spark": lambda _hive, _schema: {},
}
"""A reader with a schema of its own does this on Spark by nature."""
