"""The population stability index: how far the shares of a column's values have moved."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from odibi_dagster.checks.baseline import Baseline, metric_of
from odibi_dagster.engines.sql.query import Query

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from odibi_dagster.checks.base import Observation, Shape
    from odibi_dagster.core.facts import Facts
    from odibi_dagster.core.frame import Frame
    from odibi_dagster.core.history import Past
    from odibi_dagster.engines.base import Engine

_TENTHS = range(1, 10)
_TOP, _LOOKED_AT = 20, 1_000
_LEAST = 1e-4
"""The share that an empty bin counts as: the logarithm of 0 is infinite."""
# of a text only a hash is remembered: it may be somebody's name
_HASHED = Query.parse("SELECT value, members, substr(md5(value), 1, 16) AS hash FROM df")
_VALUE, _HASH = "value", "value "
_TEXT = (nw.String, nw.Categorical, nw.Enum, nw.Boolean)


def index(now: Sequence[float], then: Sequence[float]) -> float:
    """The sum of `(a - e) * ln(a / e)` over two lists of counts, bin by bin.

    >>> round(index([50, 50], [90, 10]), 4), index([1, 2], [10, 20])
    (0.8789, 0.0)
    """
    shares = zip(_shares(now), _shares(then), strict=True)
    return sum((a - e) * math.log(a / e) for a, e in shares)


def _shares(counts: Sequence[float]) -> list[float]:
    return [max(count / sum(counts), _LEAST) for count in counts]


@dataclass(frozen=True)
class Psi:
    """The index of one column, of the check of that name."""

    column: str
    check_name: str

    def __str__(self) -> str:
        """The number, in words."""
        return f"psi of '{self.column}'"

    def unfit(self, dtype: nw.dtypes.DType) -> str | None:
        """Why a column of that type has no such number; None if it has."""
        if dtype.is_numeric() or isinstance(dtype, _TEXT):
            return None
        return f"column '{self.column}' is {dtype}; psi needs numbers, text or booleans"

    def metrics(self, shape: Shape) -> Mapping[str, nw.Expr]:
        """What is null or NaN, and of numbers what lies at or below the deciles of then."""
        dtype, values = shape.schema[self.column], nw.col(self.column)
        found = {"nulls": _count(values.is_null())}
        if dtype.is_float():
            found["nans"] = _count(values.is_nan())
        if dtype.is_numeric():
            past = self._past(shape.history.get(self.check_name, ()), dtype)
            numbers = _numbers(values, dtype)
            for i, edge in _edges(past).items():
                found[f"was_below_{i}"] = _count(numbers <= edge)
        return found

    def known(self, shape: Shape, facts: Facts) -> Mapping[str, Any]:
        """Nothing: the histogram reads the column anyway."""
        return {}

    def tables(self, frame: Frame, engine: Engine, shape: Shape) -> Mapping[str, Frame]:
        """The histogram of now: deciles and what lies at or below each, or the top values."""
        dtype = shape.schema[self.column]
        if dtype.is_numeric():
            return {"is": _deciles(frame, self.column, dtype)}
        past = self._past(shape.history.get(self.check_name, ()), dtype)
        return {"is": _top(frame, engine, self.column, _hashes(past))}

    def remembers(self, seen: Observation) -> Mapping[str, float | None]:
        """The histogram of now; nothing of an empty frame."""
        dtype, metrics = seen.schema[self.column], seen.metrics
        if not seen.rows:
            return {}
        found = {
            self._marker(dtype): float(seen.rows),
            "nulls": metrics["nulls"] or 0,
            "nans": metrics.get("nans") or 0,
        }
        if dtype.is_numeric():
            for i in _TENTHS:
                found[f"edge {i}"] = metrics[f"is_edge_{i}"]
                found[f"below {i}"] = metrics[f"is_below_{i}"]
            return found
        tops = {metrics[f"is_hash_{i}"]: metrics[f"is_members_{i}"] for i in range(_TOP)}
        return found | {_HASH + hash: members for hash, members in tops.items() if hash}

    def number(self, seen: Observation) -> float | None:
        """The index; None where there is no row now, or nothing was published before."""
        dtype = seen.schema[self.column]
        past = self._past(seen.history, dtype)
        if past is None or not seen.rows:
            return None
        then = {"rows": past.metrics[self._marker(dtype)], **past.metrics}
        now = {"rows": seen.rows, **seen.metrics}
        if dtype.is_numeric():
            edges = _edges(past)
            return index(
                _bins(now, [now[f"was_below_{i}"] or 0 for i in edges]),
                _bins(then, [then[f"below {i}"] for i in edges]),
            )
        hashes = _hashes(past)
        return index(
            _bins(now, _running([now[f"is_was_{i}"] or 0 for i in range(len(hashes))])),
            _bins(then, _running([then[_HASH + hash] for hash in hashes])),
        )

    def baseline(self, seen: Observation, last: int) -> Baseline | None:
        """The run that the index compares with."""
        past = self._past(seen.history, seen.schema[self.column])
        return None if past is None else Baseline(None, (past,))

    def _marker(self, dtype: nw.dtypes.DType) -> str:
        """What the number of rows is remembered as: a histogram of text fits no numbers."""
        return metric_of("psi numbers" if dtype.is_numeric() else "psi values", self.column)

    def _past(self, history: Sequence[Past], dtype: nw.dtypes.DType) -> Past | None:
        marker = self._marker(dtype)
        return next((past for past in history if marker in past.metrics), None)


def _count(condition: nw.Expr) -> nw.Expr:
    return condition.fill_null(False).cast(nw.Int64).sum()


def _numbers(column: nw.Expr, dtype: nw.dtypes.DType) -> nw.Expr:
    """The column without NaN."""
    numbers = column.cast(nw.Float64)
    return nw.when(~column.is_nan()).then(numbers) if dtype.is_float() else numbers


def _edges(past: Past | None) -> dict[int, float]:
    """The deciles of then; none where all was null."""
    metrics = past.metrics if past else {}
    return {i: metrics[f"edge {i}"] for i in _TENTHS if f"edge {i}" in metrics}


def _hashes(past: Past | None) -> list[str]:
    """The top values of then."""
    names = past.metrics if past else {}
    return sorted(name.removeprefix(_HASH) for name in names if name.startswith(_HASH))


def _bins(counted: Mapping[str, float], running: Sequence[float]) -> list[float]:
    """How many are in each bin: between the edges, beyond the last one, null, and NaN."""
    nulls, nans = counted["nulls"] or 0, counted.get("nans") or 0
    edges = [0, *running, counted["rows"] - nulls - nans]
    return [high - low for low, high in pairwise(edges)] + [nulls, nans]


def _running(counts: Sequence[float]) -> list[float]:
    return [sum(counts[: i + 1]) for i in range(len(counts))]


def _deciles(frame: Frame, column: str, dtype: nw.dtypes.DType) -> Frame:
    """One row: each decile, and how many values lie at or below it."""
    numbers = frame.select(_numbers(nw.col(column), dtype).alias(_VALUE))
    edges = {f"edge_{i}": nw.col(_VALUE).quantile(i / 10, interpolation="linear") for i in _TENTHS}
    beside = numbers.join(numbers.select(**edges), how="cross")
    below = {f"below_{i}": _count(nw.col(_VALUE) <= nw.col(f"edge_{i}")) for i in _TENTHS}
    return beside.select(*(nw.col(name).max() for name in edges), **below)


def _top(frame: Frame, engine: Engine, column: str, hashes: Sequence[str]) -> Frame:
    """One row: the most frequent values, hashed, and how many have the values of then."""
    values = frame.select(nw.col(column).cast(nw.String()).alias(_VALUE))
    groups = values.filter(~nw.col(_VALUE).is_null()).group_by(_VALUE)
    counted = groups.agg(nw.len().cast(nw.Int64()).alias("members"))
    most = counted.sort("members", _VALUE, descending=[True, False]).head(_LOOKED_AT)
    fewer = (-nw.col("members")).alias("fewer")
    ranked = engine.sql(_HASHED, {"df": most}).with_columns(fewer)
    placed = ranked.with_row_index("place", order_by=["fewer", _VALUE])
    places = {i: nw.col("place") == i for i in range(_TOP)}
    tops = {f"hash_{i}": nw.when(at).then(nw.col("hash")).max() for i, at in places.items()}
    tops |= {f"members_{i}": nw.when(at).then(nw.col("members")).max() for i, at in places.items()}
    was = {
        f"was_{i}": nw.when(nw.col("hash") == hash).then(nw.col("members")).sum()
        for i, hash in enumerate(hashes)
    }
    return placed.select(**tops, **was)
