"""How each engine reads and writes lines of JSON."""

from __future__ import annotations

import json
import re
from glob import escape, has_magic
from pathlib import Path
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from odibi_dagster.core.depth import MAX_LEVELS, refuse_deep
from odibi_dagster.core.meter import Phase
from odibi_dagster.errors import DataReadError, SchemaContractError
from odibi_dagster.formats.text import parsed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from odibi_dagster.core.discretion import Discretion
    from odibi_dagster.core.frame import Frame
    from odibi_dagster.core.types import DType
    from odibi_dagster.engines.base import Engine

_HASHED = 32
"""Fields of an object up to which Polars keeps their order."""
_FAR_TOO_DEEP = 2 * MAX_LEVELS
_LOOKED_AT = 2**20
"""Bytes of a file whose brackets are counted."""
_NO_BRACKET = re.compile(rb'"(?:[^"\\]|\\.)*"?|[^\[\]{}"\n]+')
"""Texts, closed or cut off, and all that is neither a bracket nor the end of a line."""
_AS_TEXT = (nw.Date, nw.Datetime, nw.Time, nw.Decimal, nw.Int128, nw.UInt128, nw.Unknown)
"""Staged as text, and parsed again on reading."""


def scan_json(
    engine: Engine, files: Sequence[Path], rows: int | None, said: Mapping[str, DType]
) -> Frame:
    """Files of lines as one lazy frame, with types inferred from `rows` rows (None: all)."""
    filled = [file for file in files if file.stat().st_size]
    if filled:
        with engine.meter.during(Phase.TYPING):
            return _SCAN[engine.name](engine, filled, rows)
    if not said:
        msg = "it holds no row, so its columns are unknown; declare them under the node's `columns`"
        raise DataReadError(msg)
    return parsed(engine, _EMPTY[engine.name](engine, list(said)), said)


def scan_staged_json(
    engine: Engine, files: Sequence[Path], schema: Mapping[str, DType], native_schema: Any
) -> Frame:
    """Staged lines, with the schema they were staged with."""
    return _STAGED[engine.name](engine, files, schema, native_schema)


def sink_words(engine: Engine) -> tuple[str, dict[str, Any]]:
    """The engine's name of the format, and the words of its writer."""
    return _SINK[engine.name]


_SPARK_TIMES = {
    "timestampFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX",
    "timestampNTZFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSS",
}
"""Spark's own formats stop at milliseconds."""
_SINK: Mapping[str, tuple[str, dict[str, Any]]] = {
    "polars": ("ndjson", {}),
    "spark": ("json", {"ignoreNullFields": "false", **_SPARK_TIMES}),
}


def _polars_paths(files: Sequence[Path]) -> list[Path]:
    """`scan_ndjson` takes every path for a glob."""
    return [Path(escape(str(file))) if has_magic(str(file)) else file for file in files]


def _scan_polars(engine: Engine, files: Sequence[Path], rows: int | None) -> Frame:
    import polars as pl

    paths = _polars_paths(files)
    # Of many files most look alike: each way to look is brought together once.
    each = dict.fromkeys(_inferred(path, rows, engine.discretion) for path in paths)
    empty = [pl.LazyFrame(schema=dict(columns)) for columns in each]
    try:
        schema = pl.concat(empty, how="diagonal_relaxed").collect_schema()
    except pl.exceptions.SchemaError as error:
        msg = f"the files do not fit each other: {str(error).splitlines()[0]}"
        raise DataReadError(msg) from error
    known = {n: pl.String() if dtype == pl.Null else dtype for n, dtype in schema.items()}
    ordered = _in_order(pl.Struct(known), _first_row(files[0]))
    return engine.scan("ndjson", paths, schema=ordered.to_schema())


def _first_row(file: Path) -> Any:
    """The first object of a file; None where it is none, which the engine then tells."""
    with file.open("rb") as lines:
        try:
            return json.loads(next(filter(bytes.strip, lines), b""))
        except (ValueError, RecursionError):
            return None


def _in_order(dtype: Any, value: Any) -> Any:
    """The type with its fields in the order of that value, the ones it lacks behind, by name.

    Polars tells the fields of a wide object as they lie in a hash, in each process otherwise.
    """
    import polars as pl

    if isinstance(dtype, pl.List):
        first = value[0] if isinstance(value, list) and value else None
        return pl.List(_in_order(dtype.inner, first))
    if not isinstance(dtype, pl.Struct):
        return dtype
    fields = dtype.to_schema()
    given = value if isinstance(value, dict) else {}
    names = [name for name in given if name in fields]
    rest = fields.keys() - given.keys()
    names += sorted(rest) if len(fields) > _HASHED else [name for name in fields if name in rest]
    return pl.Struct({name: _in_order(fields[name], given.get(name)) for name in names})


def _inferred(path: Path, rows: int | None, discretion: Discretion) -> tuple[tuple[str, Any], ...]:
    """The columns and types of one file; without the engine, which costs as much again."""
    import polars as pl

    from odibi_dagster.engines.polars_errors import translating

    with translating(discretion):
        schema = pl.scan_ndjson(path, infer_schema_length=rows).collect_schema()
    refuse_deep(schema)
    return tuple(schema.items())


def _scan_spark(engine: Engine, files: Sequence[Path], rows: int | None) -> Frame:
    if rows is not None:
        msg = "infer_schema_length is not known to Spark; leave it out"
        raise DataReadError(msg)
    for file in files:
        _refuse_deep_text(file)
    return engine.scan("json", files, mode="FAILFAST")


def _refuse_deep_text(file: Path) -> None:
    """Told by the beginning of the file: Spark's inference may never end, of stack that it lacks.

    Far deeper than what is refused once the types are known, and then by the name of the column.
    """
    with file.open("rb") as text:
        brackets = _NO_BRACKET.sub(b"", text.read(_LOOKED_AT))
    depth = 0
    for bracket in brackets:
        depth = 0 if bracket in b"\n" else depth + 1 if bracket in b"[{" else depth - 1
        if depth > _FAR_TOO_DEEP:
            msg = (
                f"{file.name}: a value is nested more than {_FAR_TOO_DEEP} levels deep; flatten "
                "it, or keep what is inside as text"
            )
            raise SchemaContractError(msg)


_SCAN: Mapping[str, Callable[[Engine, Sequence[Path], int | None], Frame]] = {
    "polars": _scan_polars,
    "spark": _scan_spark,
}


def _staged_polars(
    engine: Engine, files: Sequence[Path], schema: Mapping[str, DType], native_schema: Any
) -> Frame:
    import polars as pl

    texts = {name: dtype for name, dtype in schema.items() if isinstance(dtype, _AS_TEXT)}
    types = {n: pl.String() if n in texts else dtype for n, dtype in native_schema.items()}
    frame = engine.scan("ndjson", _polars_paths(files), schema=types)
    return parsed(engine, frame, {n: t for n, t in texts.items() if t != nw.Unknown()})


def _staged_spark(
    engine: Engine, files: Sequence[Path], schema: Mapping[str, DType], native_schema: Any
) -> Frame:
    words = {"mode": "FAILFAST", "schema": native_schema, **_SPARK_TIMES}
    return engine.scan("json", files, **words).select(*schema)


_STAGED: Mapping[str, Callable[[Engine, Sequence[Path], Mapping[str, DType], Any], Frame]] = {
    "polars": _staged_polars,
    "spark": _staged_spark,
}


def _empty_polars(engine: Engine, names: Sequence[str]) -> Frame:
    import polars as pl

    return engine.wrap(pl.LazyFrame(schema=dict.fromkeys(names, pl.String)))


def _empty_spark(engine: Engine, names: Sequence[str]) -> Frame:
    schema = ", ".join(f"`{name}` string" for name in names)
    return engine.wrap(engine.session.createDataFrame([], schema))  # type: ignore[attr-defined]


_EMPTY: Mapping[str, Callable[[Engine, Sequence[str]], Frame]] = {
    "polars": _empty_polars,
    "spark": _empty_spark,
}
