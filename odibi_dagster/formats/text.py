"""Columns of text, read as what they say: how each engine does it, and what they could be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from odibi_dagster.core.meter import Phase
from odibi_dagster.errors import DataReadError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import TypeAlias

    from odibi_dagster.core.frame import Frame
    from odibi_dagster.core.types import DType
    from odibi_dagster.engines.base import Engine

    ReadAs: TypeAlias = Callable[[Mapping[str, DType]], Frame]

_SAMPLE = 1000
_MEASURES = ("known", "whole", "number", "huge", "logical", "spaced")
_BY_ENGINE = (nw.Date, nw.Datetime, nw.Time, nw.Boolean)
_SPACES = " \t"
"""What may stand around a number: what the csv readers of pandas and Polars pass over."""
_TRUE, _FALSE = ("True", "TRUE", "true"), ("False", "FALSE", "false")
_WHOLE = r"^[+-]?[0-9]+$"
_NUMBER = r"^[+-]?(([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?|(?i:inf|infinity))$"
"""One way only to read the digits: a backtracking engine would try each."""


def parsed(engine: Engine, frame: Frame, types: Mapping[str, DType]) -> Frame:
    """The frame with these text columns as these types; what does not fit is an error."""
    casts, rest = [], {}
    for name, dtype in types.items():
        if isinstance(dtype, _BY_ENGINE):
            rest[name] = dtype
        elif dtype != nw.String():
            casts.append(nw.col(name).str.strip_chars(_SPACES).cast(dtype))
    frame = frame.with_columns(*casts) if casts else frame
    return engine.wrap(_PARSE[engine.name](frame.to_native(), rest)) if rest else frame


def guessed(
    engine: Engine, frame: Frame, columns: Sequence[str], read_as: ReadAs | None = None
) -> tuple[dict[str, DType], frozenset[str]]:
    """The type that every value of a text column fits: Int64, Float64, Boolean, else String.

    Nulls fit every type; a column of nulls only is text. Spaces around numbers are allowed: the
    second answer are the columns that have them and must be read as text first. Whole numbers too
    large for 64 bits stay text, rather than lose digits.

    One pass over the columns. With `read_as`, a reader of the same rows that gives types by itself
    and fails on what does not fit, it is a pass of that reader, at a third of the price, as long
    as all rows are like the first ones.
    """
    with engine.meter.during(Phase.TYPING):
        first = _seen(engine, frame.head(_SAMPLE), columns)
        # What is text among the first rows is text; only the others need to be seen whole.
        likely = {name: _guess(seen) for name, seen in first.items()}
        open_ = {name: dtype for name, dtype in likely.items() if dtype != nw.String()}
        kept = _kept(engine, open_, read_as) if read_as and open_ else frozenset()
        rest = _seen(engine, frame, [name for name in open_ if name not in kept])
    types = {name: _guess(rest.get(name, first[name])) or nw.String() for name in columns}
    return types, frozenset(name for name, seen in rest.items() if seen["spaced"])


def _kept(engine: Engine, likely: Mapping[str, DType | None], read_as: ReadAs) -> frozenset[str]:
    """The columns of which every row fits the type of the first rows: none where one does not."""
    against = [
        _AGAINST[type(dtype)](nw.col(name)).alias(f"c{index}")
        for index, (name, dtype) in enumerate(likely.items())
    ]
    try:
        frame = read_as({name: dtype or nw.String() for name, dtype in likely.items()})
        seen = engine.fetch(frame.select(*against), 1)[0]
    except DataReadError:
        # The reader does not say reliably which column it was: all are looked at as text.
        return frozenset()
    return frozenset(name for index, name in enumerate(likely) if not seen[f"c{index}"])


def _seen(engine: Engine, frame: Frame, columns: Sequence[str]) -> dict[str, dict[str, int]]:
    if not columns:
        return {}
    measures = _PROBE[engine.name](frame.to_native(), columns)
    seen = engine.fetch(engine.wrap(measures), 1)[0]
    return {
        name: {measure: seen[f"{measure}{index}"] or 0 for measure in _MEASURES}
        for index, name in enumerate(columns)
    }


def spaced(engine: Engine, frame: Frame, columns: Sequence[str]) -> frozenset[str]:
    """Those of the text columns in which a value begins or ends with a space or a tab."""
    if not columns:
        return frozenset()
    tests = [
        (nw.col(name) != nw.col(name).str.strip_chars(_SPACES)).any().alias(f"c{i}")
        for i, name in enumerate(columns)
    ]
    with engine.meter.during(Phase.TYPING):
        seen = engine.fetch(frame.select(*tests), 1)[0]
    return frozenset(name for i, name in enumerate(columns) if seen[f"c{i}"])


def _guess(seen: Mapping[str, int]) -> DType | None:
    """The type of all values seen; None where all of them were null."""
    known = seen["known"]
    if not known:
        return None
    if seen["whole"] == known:
        return nw.Int64()
    if seen["number"] == known and not seen["huge"]:
        return nw.Float64()
    return nw.Boolean() if seen["logical"] == known else nw.String()


def _huge(column: nw.Expr) -> nw.Expr:
    """Whether a number may be a whole one that Float64 rounds; the text alone can tell."""
    return ((column.abs() >= 2.0**63) & column.is_finite()).any()


_AGAINST: Mapping[type[DType] | type[None], Callable[[nw.Expr], nw.Expr]] = {
    nw.Int64: lambda column: column.is_null().all(),
    nw.Boolean: lambda column: column.is_null().all(),
    nw.Float64: _huge,
    type(None): lambda column: (~column.is_null()).any(),
}
"""What speaks against the type of the first rows, once a reader took the values for it.

Among the first rows of Int64 and Boolean some are not null, so that nothing does; but a column has
to be read for its reader to fail."""


def _probe_polars(native: Any, columns: Sequence[str]) -> Any:
    import polars as pl

    measures = []
    for index, name in enumerate(columns):
        text = pl.col(name).str.strip_chars(_SPACES)
        whole, number = text.cast(pl.Int64, strict=False), text.cast(pl.Float64, strict=False)
        # Filtered first: the pattern is dear, and hardly a value is that large.
        huge = text.filter(number.abs().ge(2**63)).str.contains(_WHOLE)
        measures += [
            text.count().alias(f"known{index}"),
            whole.count().alias(f"whole{index}"),
            number.count().alias(f"number{index}"),
            huge.sum().alias(f"huge{index}"),
            pl.col(name).is_in([*_TRUE, *_FALSE]).sum().alias(f"logical{index}"),
            (pl.col(name) != text).sum().alias(f"spaced{index}"),
        ]
    return native.select(measures)


def _probe_spark(native: Any, columns: Sequence[str]) -> Any:
    from pyspark.sql import functions as F  # noqa: N812

    measures = []
    for index, name in enumerate(columns):
        column = F.col(f"`{name.replace('`', '``')}`")
        text = F.btrim(column, F.lit(_SPACES))
        whole = text.rlike(_WHOLE)
        fits = whole & text.try_cast("bigint").isNotNull()
        measures += [
            F.count(column).alias(f"known{index}"),
            F.count_if(fits).alias(f"whole{index}"),
            F.count_if(text.rlike(_NUMBER)).alias(f"number{index}"),
            F.count_if(whole & ~fits).alias(f"huge{index}"),
            F.count_if(column.isin(*_TRUE, *_FALSE)).alias(f"logical{index}"),
            F.count_if(column != text).alias(f"spaced{index}"),
        ]
    return native.select(measures)


_PROBE: Mapping[str, Callable[[Any, Sequence[str]], Any]] = {
    "polars": _probe_polars,
    "spark": _probe_spark,
}


def _parse_polars(native: Any, types: Mapping[str, DType]) -> Any:
    import polars as pl

    def parse(name: str, dtype: DType) -> pl.Expr:
        text = pl.col(name)
        if isinstance(dtype, nw.Date):
            return text.str.to_date()
        if isinstance(dtype, nw.Datetime):
            # Microseconds: what odibi.yaml declares and what is staged.
            return text.str.to_datetime(time_unit="us", time_zone=dtype.time_zone)
        if isinstance(dtype, nw.Time):
            return text.str.to_time("%H:%M:%S%.f")
        words = dict.fromkeys(_TRUE, True) | dict.fromkeys(_FALSE, False)
        return text.replace_strict({**words, None: None}, return_dtype=pl.Boolean)

    return native.with_columns(parse(name, dtype) for name, dtype in types.items())


def _parse_spark(native: Any, types: Mapping[str, DType]) -> Any:
    from pyspark.sql import functions as F  # noqa: N812

    def word(dtype: DType) -> str:
        if isinstance(dtype, nw.Datetime):
            return "timestamp" if dtype.time_zone else "timestamp_ntz"
        return type(dtype).__name__.lower()

    return native.withColumns(
        {name: F.col(f"`{name}`").cast(word(dtype)) for name, dtype in types.items()}
    )


_PARSE: Mapping[str, Callable[[Any, Mapping[str, DType]], Any]] = {
    "polars": _parse_polars,
    "spark": _parse_spark,
}
