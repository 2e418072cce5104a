"""Real frames of both engines from the same rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from odibi_dagster.checks.judge import judge, remembered
from odibi_dagster.checks.observe import observe
from odibi_dagster.core.history import Past

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from odibi_dagster.checks.base import Contract
    from odibi_dagster.checks.judge import Judgement
    from odibi_dagster.core.frame import Frame
    from odibi_dagster.engines.base import Engine

NOW = datetime(2024, 1, 10, 12, tzinfo=UTC)
NAN = float("nan")

SPARK = {
    "int": "bigint",
    "small": "smallint",
    "float": "double",
    "decimal": "decimal(10,2)",
    "text": "string",
    "bool": "boolean",
    "date": "date",
    "timestamp": "timestamp_ntz",
    "instant": "timestamp",
    "list": "array<bigint>",
}


def _polars(engine: Engine, types: Mapping[str, str], rows: Sequence[tuple[Any, ...]]) -> Frame:
    import polars as pl

    known = {
        "int": pl.Int64,
        "small": pl.Int16,
        "float": pl.Float64,
        "decimal": pl.Decimal(10, 2),
        "text": pl.String,
        "bool": pl.Boolean,
        "date": pl.Date,
        "timestamp": pl.Datetime("us"),
        "instant": pl.Datetime("us", "UTC"),
        "list": pl.List(pl.Int64),
    }
    schema = {name: known[kind] for name, kind in types.items()}
    return engine.wrap(pl.DataFrame(list(rows), schema=schema, orient="row").lazy())


def _spark(engine: Engine, types: Mapping[str, str], rows: Sequence[tuple[Any, ...]]) -> Frame:
    schema = ", ".join(f"`{name}` {SPARK[kind]}" for name, kind in types.items())
    return engine.wrap(engine.session.createDataFrame(list(rows), schema))  # type: ignore[attr-defined]


_MAKERS = {"polars": _polars, "spark": _spark}


def make(engine: Engine, types: Mapping[str, str], rows: Sequence[tuple[Any, ...]]) -> Frame:
    """A frame of this engine; `types` by column in the words of `SPARK`."""
    return _MAKERS[engine.name](engine, types, rows)


def judged(
    frame: Frame, contracts: Sequence[Contract], engine: Engine, **known: Any
) -> tuple[Judgement, ...]:
    """Observe and judge at `NOW`."""
    return judge(contracts, observe(frame, contracts, engine, **{"at": NOW, **known}))


def published(
    frames: Sequence[Frame], contract: Contract, engine: Engine
) -> dict[str, tuple[Past, ...]]:
    """The history that frames leave behind that were published one after the other."""
    found: tuple[Past, ...] = ()
    for number, frame in enumerate(frames, 1):
        history = {contract.check_name: found}
        seen = observe(frame, [contract], engine, at=NOW, history=history)
        numbers = remembered(seen).get(contract.check_name, {})
        at = NOW - timedelta(days=len(frames) - number)
        found = (Past(number, at, seen.rows, numbers), *found)
    return {contract.check_name: found}


def fetched(engine: Engine, frame: Frame) -> list[dict[str, Any]]:
    """All rows (of a small frame)."""
    return engine.fetch(frame, 10_000)
