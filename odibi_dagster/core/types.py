"""Column types as odibi.yaml writes them: SQL's words, pandas' and Polars', one meaning each."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import narwhals.stable.v2 as nw
from pydantic import BeforeValidator

from odibi_dagster.errors import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

DType: TypeAlias = nw.dtypes.DType
"""A narwhals column type."""

MAX_PRECISION = 38
_DEFAULT_DECIMAL = (10, 0)

_TYPES: Mapping[DType, str] = {
    nw.String(): "string str text varchar char object utf8",
    nw.Int8(): "tinyint byte int8",
    nw.Int16(): "smallint short int16",
    nw.Int32(): "int32",
    nw.Int64(): "int integer bigint long int64",
    nw.Float32(): "float32 real",
    nw.Float64(): "double float float64",
    nw.Boolean(): "boolean bool",
    nw.Date(): "date",
    nw.Datetime("us"): "timestamp datetime timestamp_ntz datetime64 datetime64[ns] datetime64[us]",
    nw.Datetime("us", "UTC"): "timestamptz",
    nw.Binary(): "binary bytes blob",
}
_WORDS: Mapping[str, DType] = {
    word: dtype for dtype, words in _TYPES.items() for word in words.split()
} | {"double precision": nw.Float64()}


def parse_type(text: str) -> DType:
    """The narwhals type of a type's name; case does not matter. ValueError where there is none.

    `int` and `integer` are 64 bits wide (`int32` for less), `float` is a double, a `timestamp`
    has microseconds and no zone (`timestamptz`: UTC), `decimal` alone is `decimal(10, 0)`.
    A length, as in `varchar(20)`, is read and not enforced.

    >>> parse_type("decimal(12, 2)")
    Decimal(precision=12, scale=2)
    """
    word = " ".join(text.lower().split())
    if match := re.fullmatch(r"(?:decimal|numeric|dec)(?: ?\( ?(\d+) ?(?:, ?(\d+) ?)?\))?", word):
        return _decimal(text, match[1], match[2])
    word = re.sub(r"^(varchar|char|string) ?\( ?\d+ ?\)$", r"\1", word)
    if word not in _WORDS:
        names = [*_WORDS, "decimal(p,s)"]
        msg = f"unknown type {text!r}; {did_you_mean(word, names)}"
        raise ValueError(msg)
    return _WORDS[word]


def _decimal(text: str, precision: str | None, scale: str | None) -> DType:
    p, s = (int(precision), int(scale or 0)) if precision else _DEFAULT_DECIMAL
    if not 1 <= p <= MAX_PRECISION or s > p:
        msg = f"type {text!r}: precision is 1 to {MAX_PRECISION}, and scale at most the precision"
        raise ValueError(msg)
    return nw.Decimal(p, s)


def _typed(value: Any) -> Any:
    return parse_type(value) if isinstance(value, str) else value


TypeName = Annotated[DType, BeforeValidator(_typed)]
"""A pydantic field that is written as a type's name: `string`, `int`, `decimal(12,2)`, ..."""
