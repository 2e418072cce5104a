"""Text that a query reads as numbers or times is read once, into columns of its own.

Polars shares an expression between its uses only where no bare null is part of it, and a cast of
text has one at each rung (`casts_polars`). So such casts become columns, rung by rung, before the
expressions that use them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import polars as pl

from odibi_dagster.engines.sql.casts_polars import rungs_of
from odibi_dagster.engines.sql.guards import safe
from odibi_dagster.engines.sql.ir import Agg, Call, Col, Expr
from odibi_dagster.engines.sql.scope import columns_in
from odibi_dagster.engines.sql.values_polars import made

_READ = "__odibi_read_"


@dataclass
class Staging:
    """A frame that grows a column for each cast of text in the values taken from it."""

    frame: pl.LazyFrame
    _read: dict[Call, Col] = field(default_factory=dict)

    def value(self, expr: Expr) -> Expr:
        """The value, guarded, with its column in the place of each cast of text."""
        return self._staged(safe(expr))

    def _staged(self, expr: Expr) -> Expr:
        if not isinstance(expr, Call):
            return expr
        if not _reads_text(expr):
            return replace(expr, args=tuple(map(self._staged, expr.args)))
        if expr not in self._read:
            inner = replace(expr, args=tuple(map(self._staged, expr.args)))
            name = f"{_READ}{len(self._read)}"
            self._add(inner, name)
            self._read[expr] = Col(expr.type, name)
        return self._read[expr]

    def aggregate(self, agg: Agg) -> Agg:
        """The same for what an aggregate takes."""
        return replace(
            agg,
            args=tuple(map(self.value, agg.args)),
            where=None if agg.where is None else self.value(agg.where),
            order=tuple(replace(key, expr=self.value(key.expr)) for key in agg.order),
        )

    def without(self, frame: pl.LazyFrame) -> pl.LazyFrame:
        """A frame made from this one, without the columns that grew here."""
        return frame.drop([column.name for column in self._read.values()]) if self._read else frame

    def _add(self, call: Call, name: str) -> None:
        text, strict = made(call.args[0]), call.params[1]
        known = pl.col(name)
        first, *others = rungs_of(call.params[0], call.type)
        self.frame = self.frame.with_columns(first(text, call.type, strict).alias(name))
        for rung in others:
            rest = rung(pl.when(known.is_null()).then(text), call.type, strict)
            self.frame = self.frame.with_columns(pl.coalesce(known, rest).alias(name))


def _reads_text(call: Call) -> bool:
    several = call.fn == "cast" and len(rungs_of(call.params[0], call.type)) > 1
    return several and bool(columns_in(call))
