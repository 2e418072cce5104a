"""Look once: every contract of a frame is measured by one query."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from odibi_dagster.checks.base import Contract, Observation, Shape, metric_name
from odibi_dagster.core.clock import now
from odibi_dagster.engines.sql.query import deriving
from odibi_dagster.errors import DataReadError, OdibiError, SchemaContractError, listing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from odibi_dagster.checks.base import Column
    from odibi_dagster.core.frame import Frame
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
) -> Observation:
    """Measure all contracts in exactly one fetch, reading only the columns that they name.

    `stored` is the schema published before (None on a first run), `timezone` the zone of timestamps
    without one, `at` the moment of judging (default: now). A contract that cannot be measured, for
    example because a column is missing, does not spoil the others: it is judged an error. Where the
    data itself makes one fail (a cast in a condition), they are fetched again one by one to tell
    which; DataReadError where not even the rows can be counted.
    """
    shape = Shape(frame.collect_schema(), declared or {})
    narrow, refused = _prepare(frame, contracts, engine, shape)
    fit = {i: contract for i, contract in enumerate(contracts) if i not in refused}
    try:
        row = engine.fetch(_measurements(narrow, fit, engine, shape), 1)[0]
    except (SchemaContractError, DataReadError):
        row, failed = _one_by_one(narrow, fit, engine, shape)
        refused |= failed
    return Observation(
        metrics=row,
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


def _prepare(
    frame: Frame, contracts: Sequence[Contract], engine: Engine, shape: Shape
) -> tuple[Frame, dict[int, str]]:
    """The columns to read, and why some contracts cannot be measured."""
    refused = {i: reason for i, c in enumerate(contracts) if (reason := _refusal(c, shape))}
    fit = {i: contract for i, contract in enumerate(contracts) if i not in refused}
    needed = dict.fromkeys(name for contract in fit.values() for name in contract.reads(shape))
    narrow = frame.select(*needed) if needed else frame
    for i, contract in fit.items():
        if contract.conditions() and (reason := _condition_refusal(narrow, contract, engine)):
            refused[i] = reason
    return narrow, refused


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


def _one_by_one(
    frame: Frame, fit: Mapping[int, Contract], engine: Engine, shape: Shape
) -> tuple[dict[str, Any], dict[int, str]]:
    """The metrics of the contracts that can be computed, and why the others cannot."""
    row = engine.fetch(_measurements(frame, {}, engine, shape), 1)[0]
    failed: dict[int, str] = {}
    for i, contract in fit.items():
        try:
            row |= engine.fetch(_measurements(frame, {i: contract}, engine, shape), 1)[0]
        except (SchemaContractError, DataReadError) as error:
            failed[i] = str(error)
    return row, failed


def _measurements(frame: Frame, fit: Mapping[int, Contract], engine: Engine, shape: Shape) -> Frame:
    """One row: plain aggregates in one select, and one-row frames joined to it."""
    frame = with_conditions(frame, list(fit.values()), engine)
    plain = {
        metric_name(i, name): metric
        for i, contract in fit.items()
        for name, metric in contract.metrics(shape).items()
    }
    row = frame.select(nw.len().alias("rows"), **plain)
    for i, contract in fit.items():
        for name, table in contract.tables(frame).items():
            column = nw.col(table.collect_schema().names()[0]).alias(metric_name(i, name))
            row = row.join(table.select(column), how="cross")
    return row
