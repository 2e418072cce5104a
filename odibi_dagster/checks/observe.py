"""Look once: every contract of a frame is measured by one query."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import narwhals.stable.v2 as nw

from odibi_dagster.checks.base import Contract, Observation, Shape, metric_name, own_metrics
from odibi_dagster.core.clock import now
from odibi_dagster.engines.sql.query import deriving
from odibi_dagster.errors import DataReadError, OdibiError, SchemaContractError, listing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from odibi_dagster.checks.base import Column
    from odibi_dagster.core.facts import Facts
    from odibi_dagster.core.frame import Frame
    from odibi_dagster.engines.base import Engine
    from odibi_dagster.engines.sql.query import Expression

T = TypeVar("T")


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
) -> Observation:
    """Measure all contracts in one fetch at most, reading only the columns that it takes.

    `stored` is the schema published before (None on a first run), `timezone` the zone of timestamps
    without one, `at` the moment of judging (default: now). What `facts` say of the frame is not
    measured: nothing is read where they answer everything. A contract that cannot be measured, for
    example because a column is missing, does not spoil the others: it is judged an error. Where the
    data itself makes one fail (a cast in a condition), they are fetched again one by one to tell
    which; DataReadError where not even the rows can be counted.
    """
    shape = Shape(frame.collect_schema(), declared or {})
    refused = {i: reason for i, c in enumerate(contracts) if (reason := _refusal(c, shape))}
    fit = {i: contract for i, contract in enumerate(contracts) if i not in refused}
    known = _known(fit, shape, facts) if facts else {}
    look = _Look(frame, engine, shape, known)
    rest = {i: contract for i, contract in fit.items() if look.asks(i, contract)}
    if not rest and facts and facts.rows is not None:
        metrics = {**known, "rows": facts.rows}
    else:
        metrics, failed = look.measured(rest)
        refused |= failed
    return Observation(
        metrics=metrics,
        schema=shape.schema,
        at=at or now(),
        declared=shape.declared,
        stored=stored,
        newest_file=newest_file,
        timezone=timezone,
        contracts=tuple(contracts),
        refused=refused,
    )


def with_conditions(frame: Frame, contracts: Sequence[Contract], engine: Engine) -> Frame:
    """The frame with the SQL conditions of the contracts as boolean columns."""
    conditions: dict[str, Expression] = {}
    for contract in contracts:
        conditions.update(contract.conditions())
    return engine.sql(deriving(conditions), {"df": frame}) if conditions else frame


def _known(fit: Mapping[int, Contract], shape: Shape, facts: Facts) -> dict[str, Any]:
    """What needs no look at the data."""
    return {
        metric_name(i, name): value
        for i, contract in fit.items()
        for name, value in contract.known(shape, facts).items()
    }


def _refusal(contract: Contract, shape: Shape) -> str | None:
    if missing := contract.missing(shape):
        names = ", ".join(f"'{name}'" for name in missing)
        found = listing(shape.schema) or "none"
        return f"column{'s' * (len(missing) > 1)} {names} missing; found: {found}"
    return contract.unfit(shape)


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


@dataclass(frozen=True)
class _Look:
    """One look at a frame, for what is not known of it."""

    frame: Frame
    engine: Engine
    shape: Shape
    known: Mapping[str, Any]

    def asks(self, i: int, contract: Contract) -> bool:
        """Whether a contract has a metric that is not known."""
        names = (*contract.metrics(self.shape), *contract.tables(self.frame, self.engine))
        return any(metric_name(i, name) not in self.known for name in names)

    def measured(self, fit: Mapping[int, Contract]) -> tuple[dict[str, Any], dict[int, str]]:
        """All metrics, and why some contracts cannot be measured."""
        narrow = self._narrow(fit)
        refused = {
            i: r for i, c in fit.items() if (r := _condition_refusal(narrow, c, self.engine))
        }
        fit = {i: contract for i, contract in fit.items() if i not in refused}
        try:
            row = self._row(narrow, fit)
        except (SchemaContractError, DataReadError):
            row, failed = self._one_by_one(narrow, fit)
            refused |= failed
        return {**row, **self.known}, refused

    def _narrow(self, fit: Mapping[int, Contract]) -> Frame:
        """The columns to read."""
        needed = dict.fromkeys(name for c in fit.values() for name in c.reads(self.shape))
        return self.frame.select(*needed) if needed else self.frame

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
        """One fetch; another one only where the first leaves something open."""
        frame = with_conditions(frame, list(fit.values()), self.engine)
        plain, tables = self._metrics(frame, fit)
        row = self._fetch(frame.select(nw.len().alias("rows"), **plain), tables)
        doubts = {
            metric_name(i, name): table
            for i, contract in fit.items()
            for name, table in contract.doubts(frame, self.engine, own_metrics(i, row)).items()
        }
        return {**row, **self._fetch(None, doubts)} if doubts else row

    def _metrics(
        self, frame: Frame, fit: Mapping[int, Contract]
    ) -> tuple[dict[str, nw.Expr], dict[str, Frame]]:
        """What is not known: plain aggregates, and tables of their own."""
        plain: dict[str, nw.Expr] = {}
        tables: dict[str, Frame] = {}
        for i, contract in fit.items():
            for name, metric in contract.metrics(self.shape).items():
                plain[metric_name(i, name)] = metric
            for name, table in contract.tables(frame, self.engine).items():
                tables[metric_name(i, name)] = table
        return _without(plain, self.known), _without(tables, self.known)

    def _fetch(self, row: Frame | None, tables: Mapping[str, Frame]) -> dict[str, Any]:
        """One-row frames side by side, in one query."""
        for name, table in tables.items():
            one = table.select(nw.col(table.collect_schema().names()[0]).alias(name))
            row = one if row is None else row.join(one, how="cross")
        return {} if row is None else self.engine.fetch(row, 1)[0]


def _without(metrics: dict[str, T], known: Mapping[str, Any]) -> dict[str, T]:
    return {name: metric for name, metric in metrics.items() if name not in known}
