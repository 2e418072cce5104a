"""Look once: what is not known of a frame is measured by one query, for all its contracts."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from odibi_dagster.checks.base import Contract, Observation, Shape, metric_name
from odibi_dagster.checks.refusal import refusal
from odibi_dagster.checks.tables import Tables
from odibi_dagster.core.clock import now
from odibi_dagster.engines.sql.query import deriving
from odibi_dagster.errors import DataReadError, OdibiError, SchemaContractError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from odibi_dagster.checks.base import Column
    from odibi_dagster.core.facts import Facts
    from odibi_dagster.core.frame import Frame
    from odibi_dagster.core.history import Past
    from odibi_dagster.engines.base import Engine
    from odibi_dagster.engines.sql.query import Expression


def observe(
    frame: Frame,
    contracts: Sequence[Contract],
    engine: Engine,
    *,
    declared: Mapping[str, Column] | None = None,
    stored: Mapping[str, nw.dtypes.DType] | None = None,
    newest_file: datetime | None = None,
    timezone: str = "UTC",
    at: datetime | None = None,
    facts: Facts | None = None,
    tables: Tables | None = None,
    history: Mapping[str, tuple[Past, ...]] | None = None,
) -> Observation:
    """Measure all contracts in one fetch, reading only the columns that they name.

    What `facts` know of the frame is not measured, and nothing is read where they know all.
    `stored` is the schema published before (None on a first run), `timezone` the zone of timestamps
    without one, `at` the moment of judging (default: now), `history` the last published batches by
    check name, `tables` what contracts named in `needs()`. A contract that cannot be measured, for
    example because a column is missing, does not spoil the others: it is judged an error. Where the
    data itself makes one fail (a cast in a condition), they are fetched again one by one to tell
    which; DataReadError where not even the rows can be counted.
    """
    shape = Shape(frame.collect_schema(), declared or {}, tables or Tables(), history or {})
    refused = {i: reason for i, c in enumerate(contracts) if (reason := refusal(c, shape))}
    fit = {i: contract for i, contract in enumerate(contracts) if i not in refused}
    look = _Look(frame, engine, shape, facts, _known(fit, shape, facts) if facts else {})
    metrics, failed = look.metrics(fit)
    return Observation(
        metrics=metrics,
        schema=shape.schema,
        at=at or now(),
        declared=shape.declared,
        stored=stored,
        newest_file=newest_file,
        timezone=timezone,
        contracts=tuple(contracts),
        refused=refused | failed,
        histories=shape.history,
    )


def with_conditions(frame: Frame, contracts: Sequence[Contract], engine: Engine) -> Frame:
    """The frame with the SQL conditions of the contracts as boolean columns."""
    conditions: dict[str, Expression] = {}
    for contract in contracts:
        conditions.update(contract.conditions())
    return engine.sql(deriving(conditions), {"df": frame}) if conditions else frame


def _known(fit: Mapping[int, Contract], shape: Shape, facts: Facts) -> dict[str, Any]:
    """What needs no look at the data."""
    known = {
        metric_name(i, name): value
        for i, contract in fit.items()
        for name, value in contract.known(shape, facts).items()
    }
    return {**known, "rows": facts.rows}


def _condition_refusal(frame: Frame, contract: Contract, engine: Engine) -> str | None:
    """Why a condition means nothing on this frame: one contract must not spoil the others."""
    try:
        types = with_conditions(frame, [contract], engine).collect_schema()
    except (ValueError, OdibiError) as error:
        return str(error)
    for name, condition in contract.conditions().items():
        if types[name] != nw.Boolean:
            return f"the condition {condition.text!r} is {types[name]}, not true or false"
    return None


def _named(table: Frame, name: str) -> Frame:
    """The one column of a table under that name, of several each with the name before its own."""
    columns = table.collect_schema().names()
    if len(columns) == 1:
        return table.select(nw.col(columns[0]).alias(name))
    return table.select(nw.col(column).alias(f"{name}_{column}") for column in columns)


_NOTHING: Mapping[str, Frame] = {}
_MOST_FILTERS = 50
"""Each is one more scan in the plan, which shall not grow with the contracts without end."""


@dataclass(frozen=True)
class _Look:
    """One look at a frame, for what is not known of it."""

    frame: Frame
    engine: Engine
    shape: Shape
    facts: Facts | None
    known: Mapping[str, Any]

    def metrics(self, fit: Mapping[int, Contract]) -> tuple[dict[str, Any], dict[int, str]]:
        """All metrics, and why some contracts cannot be measured."""
        asking = {i: contract for i, contract in fit.items() if self._asks(i, contract)}
        if not asking and "rows" in self.known:
            return dict(self.known), {}
        counted = self._by_codes(asking)
        needed = dict.fromkeys(
            name
            for i, contract in asking.items()
            if self._asks(i, contract, counted)
            for name in contract.reads(self.shape)
        )
        narrow = self.frame.select(*needed) if needed else self.frame
        refused = {
            i: reason
            for i, contract in asking.items()
            if contract.conditions()
            and (reason := _condition_refusal(narrow, contract, self.engine))
        }
        able = {i: contract for i, contract in asking.items() if i not in refused}
        try:
            row = self._row(narrow, able)
        except (SchemaContractError, DataReadError):
            row, failed = self._one_by_one(narrow, able)
            refused |= failed
        return {**row, **self.known}, refused

    def _asks(self, i: int, contract: Contract, counted: Mapping[str, Frame] = _NOTHING) -> bool:
        """Whether a contract has a metric that is neither known nor counted by a filter."""
        if contract.conditions():
            return True  # nobody knows these, and without them its tables cannot even be planned
        try:
            tables = contract.tables(self.frame, self.engine, self.shape)
        except SchemaContractError:
            return True  # a check of the user's own failed: `_one_by_one` says why
        names = (*contract.metrics(self.shape), *tables)
        done = self.known.keys() | counted.keys()
        return any(metric_name(i, name) not in done for name in names)

    def _one_by_one(
        self, frame: Frame, fit: Mapping[int, Contract]
    ) -> tuple[dict[str, Any], dict[int, str]]:
        """The metrics of the contracts that can be computed, and why the others cannot."""
        row, failed = self._row(frame, {}), dict[int, str]()
        for i, contract in fit.items():
            try:
                row |= self._row(frame, {i: contract})
            except (SchemaContractError, DataReadError) as error:
                failed[i] = str(error)
        return row, failed

    def _row(self, frame: Frame, fit: Mapping[int, Contract]) -> dict[str, Any]:
        """One fetch: plain aggregates in one select, and one-row frames joined to it."""
        plain = {
            metric_name(i, name): metric
            for i, contract in fit.items()
            for name, metric in contract.metrics(self.shape).items()
        }
        tables = self._by_codes(fit)
        frame = with_conditions(frame, list(fit.values()), self.engine)
        tables |= {
            metric_name(i, name): table
            for i, contract in fit.items()
            for name, table in contract.tables(frame, self.engine, self.shape).items()
        }
        done = self.known.keys() | tables.keys()
        asked = {name: metric for name, metric in plain.items() if name not in done}
        row = frame.select(nw.len().alias("rows"), **asked)
        for name, table in tables.items():
            row = row.join(_named(table, name), how="cross")
        return self.engine.fetch(row, 1)[0]

    def _by_codes(self, fit: Mapping[int, Contract]) -> dict[str, Frame]:
        """Rows counted by a filter on one column, where that looks at no row by itself.

        Each scans for itself: of a scan that it shared, Polars would keep all rows in memory.
        """
        counted = (
            (metric_name(i, name), self.frame.filter(one).select(nw.len()))
            for i, contract in fit.items()
            if self._coded(contract)
            for name, one in contract.counts(self.shape).items()
            if metric_name(i, name) not in self.known
        )
        return dict(islice(counted, _MOST_FILTERS))

    def _coded(self, contract: Contract) -> bool:
        columns = contract.reads(self.shape)
        alone = len(columns) == 1 and not contract.conditions()
        return self.facts is not None and alone and self.facts.coded(columns[0])
