"""Columns as steps name them: legal, listed once, there, and never two of one name."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from odibi_dagster.core.names import ColumnName
from odibi_dagster.engines.sql.query import SqlExpr
from odibi_dagster.errors import SchemaContractError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from odibi_dagster.core.frame import Frame
    from odibi_dagster.core.types import DType


_HINTS = 10


def _once(names: list[str]) -> list[str]:
    if twice := next((name for name, times in Counter(names).items() if times > 1), None):
        msg = f"column '{twice}' is listed twice"
        raise ValueError(msg)
    return names


Columns = Annotated[list[ColumnName], Field(min_length=1), AfterValidator(_once)]
"""At least one column, each listed once."""


def _one_or_more(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


ColumnOrColumns = Annotated[Columns, BeforeValidator(_one_or_more)]
"""One column as text, or a list of them."""


def _literal(value: Any) -> Any:
    if value is None:
        return "NULL"
    return str(value) if isinstance(value, (bool, int, float)) else value


SqlValue = Annotated[SqlExpr, BeforeValidator(_literal)]
"""A SQL expression; a bare number, `true`, `false` or null of YAML stands for itself."""


def require(frame: Frame, columns: Iterable[str], step: str) -> Mapping[str, DType]:
    """The schema of a frame that has all these columns; else a SchemaContractError names them all.

    >>> require(orders, ["custmer"], "select_columns")  # doctest: +SKIP
    SchemaContractError: step select_columns: no column 'custmer'; did you mean 'customer'?
    """
    schema = frame.collect_schema()
    missing = [name for name in columns if name not in schema]
    if missing:
        # a hint compares with every column there is, and there may be thousands on either side
        hints = [f"no column '{name}'; {_hint(name, schema)}" for name in missing[:_HINTS]]
        more = f"; and {len(missing) - _HINTS:,} more" if len(missing) > _HINTS else ""
        raise SchemaContractError(f"step {step}: {'; '.join(hints)}{more}")
    return schema


def _hint(name: str, schema: Mapping[str, DType]) -> str:
    for known in schema:
        if known.casefold() == name.strip().casefold():
            return f"did you mean '{known}'?"
    return did_you_mean(name, schema) if schema else "the frame has no columns at all"


def refuse_clash(kept: Iterable[str], new: Iterable[str], step: str) -> None:
    """SchemaContractError where a new column's name is taken, also if only the case differs.

    Spark reads `Id` and `id` as one column, so no step may make such a pair on any engine.
    """
    taken = {name.casefold(): name for name in kept}
    for name in new:
        if (found := taken.get(name.casefold())) is not None:
            msg = f"step {step}: duplicate column '{name}': '{found}' is there already"
            raise SchemaContractError(f"{msg}; rename or drop one of them first")
        taken[name.casefold()] = name
