"""One row per key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, ValidationInfo
from sqlglot import exp

from odibi_dagster.engines.one_of_each import one_of_each
from odibi_dagster.engines.sql.query import Query
from odibi_dagster.transforms.base import Transform, transforms
from odibi_dagster.transforms.columns import Columns, require

if TYPE_CHECKING:
    from odibi_dagster.core.frame import Frame
    from odibi_dagster.transforms.base import Scope


def _order(value: Any, info: ValidationInfo) -> Any:
    """The ORDER BY that `value` is the rest of, vetted alone so that it cannot be anything more."""
    if not isinstance(value, str):
        return value
    dialect = str((info.context or {}).get("dialect", "duckdb"))
    hint = "write columns, such as updated_at DESC, id"
    try:
        query = Query.parse(f"SELECT * FROM df ORDER BY {value}", dialect)  # noqa: S608
    except ValueError as error:
        raise ValueError(f"cannot parse {value!r} as an order; {hint} ({error})") from error
    used = {name for name, part in query.tree.args.items() if part}
    if not used <= {"kind", "expressions", "from", "from_", "order"}:
        raise ValueError(f"{value!r} is more than an order; {hint}")
    if any(isinstance(term.this, exp.Literal) for term in query.tree.args["order"].expressions):
        raise ValueError(f"{value!r} orders by a constant; {hint}")
    return query


@transforms.register("deduplicate")
class Deduplicate(Transform):
    """Keep one row per key: the first one in the given order.

        - function: deduplicate
          params:
            keys: [cid]
            order_by: day DESC, oid

    `order_by` is what follows SQL's ORDER BY; nulls come last in both directions unless it says
    NULLS FIRST. Name enough columns that no two rows of a key are equal: among equal rows, and
    without `order_by`, any may survive, and a rerun may keep another. Keys that are null equal
    each other, and so do NaNs. The order of the rows that stay is not defined. A key that is not
    there is an error.
    """

    keeps_names = True

    keys: Columns
    order_by: Annotated[Query | None, BeforeValidator(_order)] = None

    def apply(self, frame: Frame, scope: Scope) -> Frame:
        """One row per key."""
        require(frame, self.keys, self.kind)
        if self.order_by is None:
            return one_of_each(scope.engine, frame, self.keys)
        return scope.engine.sql(self._first(self.order_by), {"df": frame})

    def _first(self, order: Query) -> Query:
        number = exp.Window(
            this=exp.RowNumber(),
            partition_by=[exp.column(key, quoted=True) for key in self.keys],
            order=order.tree.args["order"].copy(),
        )
        tree = exp.select("*").from_("df")
        tree.set("qualify", exp.Qualify(this=exp.EQ(this=number, expression=exp.Literal.number(1))))
        return Query(tree.sql(dialect=order.dialect), order.dialect, tree)
