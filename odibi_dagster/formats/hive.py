"""The types of partition columns, of which a hive folder (`k=007`) says only the text.

What we publish says them in a small hidden file beside the directory, so that text stays text
(inside it, Polars and others would take any file for data). Elsewhere declared types are used, and
without those whole numbers and ISO dates are recognised, when all folders of a column have them.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

import narwhals.stable.v2 as nw

from odibi_dagster.core.types import parse_type
from odibi_dagster.formats.disk import write_text
from odibi_dagster.formats.sources import HIVE_FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from odibi_dagster.core.types import DType

NULL = "__HIVE_DEFAULT_PARTITION__"
_WORDS: Mapping[type[DType], str] = {
    nw.String: "string",
    nw.Int8: "int8",
    nw.Int16: "int16",
    nw.Int32: "int32",
    nw.Int64: "int64",
    nw.Float32: "float32",
    nw.Float64: "float64",
    nw.Boolean: "boolean",
    nw.Date: "date",
}


def values_of(inner: Path) -> dict[str, str | None]:
    """What the hive folders of a relative path say; None is null."""
    found: dict[str, str | None] = {}
    for part in inner.parts[:-1]:
        if HIVE_FOLDER.fullmatch(part):
            name, value = part.split("=", 1)
            found[unquote(name)] = None if value == NULL else unquote(value)
    return found


def types_of(root: Path, files: Sequence[Path], declared: Mapping[str, DType]) -> dict[str, DType]:
    """The partition columns of these files below `root`, in the folders' order, with types."""
    seen: dict[str, set[str]] = {}
    for folder in {file.parent for file in files}:
        for name, value in values_of(folder.relative_to(root) / "file").items():
            seen.setdefault(name, set()).update([value] if value is not None else [])
    said = _read(_types_file(root)) if seen else {}
    known = said | {name: dtype for name, dtype in declared.items() if name in seen}
    return {name: known.get(name) or _guess(values) for name, values in seen.items()}


def _guess(values: Iterable[str]) -> DType:
    values = list(values)
    if values and all(re.fullmatch(r"-?\d{1,18}", value) for value in values):
        return nw.Int64()
    if values and all(re.fullmatch(r"\d{4}-\d\d-\d\d", value) for value in values):
        return nw.Date()
    return nw.String()


def _types_file(root: Path) -> Path:
    return root.with_name(f".{root.name}.partition_types.json")


def _read(file: Path) -> dict[str, DType]:
    if not file.exists():
        return {}
    return {name: parse_type(word) for name, word in json.loads(file.read_text("utf-8")).items()}


def remember_types(root: Path, schema: Mapping[str, DType], partition_by: Sequence[str]) -> None:
    """Say the types of the partition columns beside the directory `root`."""
    words = {name: word for name in partition_by if (word := _word(schema[name]))}
    write_text(_types_file(root), json.dumps(words, indent=1) + "\n")


def _word(dtype: DType) -> str | None:
    if isinstance(dtype, nw.Decimal):
        return f"decimal({dtype.precision},{dtype.scale})"
    if isinstance(dtype, nw.Datetime) and dtype.time_zone in (None, "UTC"):
        return "timestamptz" if dtype.time_zone else "timestamp"
    return _WORDS.get(type(dtype))
