"""Rows as text, batch by batch: a table for eyes, CSV and JSON for programs."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, TypeAlias

from odibi_dagster.checks.split import MASKED

Row: TypeAlias = Mapping[str, Any]
Batches: TypeAlias = Iterable[Sequence[Row]]

_CELL = 60
"""Characters of a value in a table; the rest is cut, CSV and JSON have it whole."""
_BOLD, _PLAIN = "\x1b[1m", "\x1b[0m"


def masked(batches: Batches, hidden: Collection[str]) -> Batches:
    """The rows with nothing to read in these columns but whether they are null.

    >>> [*masked([[{"a": 1, "b": 2}]], {"b"})]
    [[{'a': 1, 'b': '[masked]'}]]
    """
    if not hidden:
        return batches
    return (
        [
            {n: MASKED if n in hidden and value is not None else value for n, value in row.items()}
            for row in batch
        ]
        for batch in batches
    )


def json_rows(names: Sequence[str], batches: Batches, _: bool) -> Iterator[str]:
    """One array of objects, a row a line.

    >>> "".join(json_rows(["a"], [[{"a": Decimal("1.50")}]], False))
    '[\\n{"a": "1.50"}\\n]\\n'
    """
    yield "["
    separator = "\n"
    for batch in batches:
        for row in batch:
            fields = {name: plain(row[name]) for name in names}
            yield separator + json.dumps(fields, ensure_ascii=False, allow_nan=False)
            separator = ",\n"
    yield "\n]\n" if separator == ",\n" else "]\n"


def csv_rows(names: Sequence[str], batches: Batches, _: bool) -> Iterator[str]:
    """A header, then the rows. Null is an empty field, an empty string is `""`.

    >>> "".join(csv_rows(["a", "b"], [[{"a": None, "b": "x, y"}]], False))
    'a,b\\n,"x, y"\\n'
    """
    yield ",".join(map(_field, names)) + "\n"
    for batch in batches:
        for row in batch:
            yield ",".join(_field(row[name]) for name in names) + "\n"


def table_rows(names: Sequence[str], batches: Batches, is_live: bool) -> Iterator[str]:
    """Aligned columns, numbers to the right; the first batch decides how wide they are."""
    widths: list[int] = []
    for batch in batches:
        cells = [[_cell(row[name]) for name in names] for row in batch]
        if not widths:
            widths = _widths(names, cells)
            yield from _head(names, widths, is_live)
        for row, texts in zip(batch, cells, strict=True):
            right = [_is_number(row[name]) for name in names]
            yield _aligned(texts, widths, right)
    if not widths:
        yield from _head(names, _widths(names, []), is_live)


FORMATS: Mapping[str, Callable[[Sequence[str], Batches, bool], Iterator[str]]] = {
    "json": json_rows,
    "csv": csv_rows,
    "table": table_rows,
}


def plain(value: Any) -> Any:
    """A value as JSON can hold it, without losing a digit.

    >>> plain({"at": datetime(2013, 1, 31, 5, 17), "nan": float("nan")})
    {'at': '2013-01-31T05:17:00', 'nan': None}
    """
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else None
        case datetime() | date() | time():
            return value.isoformat()
        case timedelta():
            return _duration(value)
        case bytes() | bytearray():
            return base64.b64encode(value).decode("ascii")
        case Mapping():
            return {str(key): plain(inner) for key, inner in value.items()}
        case list() | tuple() | set():
            return [plain(inner) for inner in value]
        case Decimal():
            return format(value, "f")
        case _:
            return str(value)


def _duration(value: timedelta) -> str:
    """ISO 8601 in seconds: `PT5400S`, `-PT0.25S`."""
    micros = value // timedelta(microseconds=1)
    seconds, rest = divmod(abs(micros), 1_000_000)
    fraction = f".{rest:06d}".rstrip("0") if rest else ""
    return f"{'-' if micros < 0 else ''}PT{seconds}{fraction}S"


def _field(value: Any) -> str:
    text = _text(value)
    quoted = value == "" or any(letter in text for letter in ',"\r\n') or text != text.strip()
    return '"' + text.replace('"', '""') + '"' if quoted else text


def _text(value: Any) -> str:
    """A value as CSV and tables write it: NaN stays NaN, nested values are JSON."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case float():
            return repr(value) if math.isfinite(value) else str(value).replace("nan", "NaN")
        case Mapping() | list() | tuple() | set():
            return json.dumps(plain(value), ensure_ascii=False)
        case _:
            return str(plain(value))


def _cell(value: Any) -> str:
    """One line, without the control characters that would move a terminal's cursor."""
    text = "null" if value is None else _text(value)
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return shown if len(shown) <= _CELL else f"{shown[: _CELL - 3]}..."


def _widths(names: Sequence[str], cells: Sequence[Sequence[str]]) -> list[int]:
    columns = zip(*cells, strict=True) if cells else [()] * len(names)
    return [
        max(_wide(name), *map(_wide, column)) if column else _wide(name)
        for name, column in zip(names, columns, strict=True)
    ]


def _wide(text: str) -> int:
    """How many columns of a terminal the text takes."""
    from rich.cells import cell_len

    return cell_len(text)


def _head(names: Sequence[str], widths: Sequence[int], is_live: bool) -> Iterator[str]:
    head = _aligned(names, widths, [False] * len(names)).rstrip("\n")
    yield f"{_BOLD}{head}{_PLAIN}\n" if is_live else f"{head}\n"
    yield "  ".join("-" * width for width in widths) + "\n"


def _aligned(texts: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    cells = []
    for text, width, to_right in zip(texts, widths, right, strict=True):
        space = " " * (width - _wide(text))
        cells.append(space + text if to_right else text + space)
    return "  ".join(cells).rstrip() + "\n"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)
