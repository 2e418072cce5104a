"""`foreign_key`: values that another table knows."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Annotated, Any

import narwhals.stable.v2 as nw
from pydantic import AliasChoices, BeforeValidator, Field, model_validator

from odibi_dagster.checks.base import RowContract, Shape, contracts
from odibi_dagster.checks.compare import common_type, has_null
from odibi_dagster.core.names import ColumnNames
from odibi_dagster.engines.keys import flagged
from odibi_dagster.errors import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from odibi_dagster.core.frame import Frame
    from odibi_dagster.engines.base import Engine


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


_Columns = Annotated[ColumnNames, BeforeValidator(_listed)]


@contracts.register("foreign_key")
class ForeignKey(RowContract):
    """Every key is among the rows of another table, or of this one.

    `references` names that table as `inputs` does: `$pipeline.node`, or a place with `connection`,
    `format` and `path` or `table`. A node that is named is run first. `referenced_columns` are the
    columns there, in the same order; without them, columns of the same names. A node that names
    itself compares with the rows of its own batch that are published, not with those that are set
    aside, and with the rows that stay in its table. A key with a null in any of its columns passes,
    as in SQL (MATCH SIMPLE). Only the key columns are read. Types that cannot be compared, and a
    table that is not there, make the check an error.

    ```yaml
    - type: foreign_key
      columns: [customer_id]
      references: $silver.customers
      referenced_columns: [id]
      on_fail: quarantine
    ```
    """

    columns_: _Columns = Field(validation_alias=AliasChoices("columns", "column"), min_length=1)
    """The columns of the key; `column` for one."""
    references: str | dict[str, Any]
    """An input: `$pipeline.node`, `{asset: key}`, or what `read` takes."""
    referenced_columns: _Columns = []
    """The columns there, in the same order; those of the same names."""

    @model_validator(mode="after")
    def _as_many(self) -> Self:
        there = self.referenced_columns
        if there and len(there) != len(self.columns_):
            msg = (
                f"foreign_key: {len(self.columns_)} columns and {len(there)} referenced_columns; "
                "name one for each"
            )
            raise ValueError(msg)
        return self

    def columns(self) -> tuple[str, ...]:
        """The columns of the key, in this frame."""
        return tuple(self.columns_)

    @property
    def _there(self) -> tuple[str, ...]:
        """The columns of the key, in the other table."""
        return tuple(self.referenced_columns) or self.columns()

    @property
    def _table(self) -> str:
        """The other table, as written: rules that name the same one share it."""
        named = self.references
        return named if isinstance(named, str) else json.dumps(named, sort_keys=True, default=str)

    @property
    def promise(self) -> str:
        """The key, and where it is looked up."""
        named = self.references
        known = named if isinstance(named, str) else self._place(named)
        return f"({', '.join(self.columns_)}) is in {known} ({', '.join(self._there)})"

    @staticmethod
    def _place(named: Mapping[str, Any]) -> str:
        for key in ("asset", "path", "table"):
            if named.get(key):
                return str(named[key])
        return "another table"

    def needs(self) -> Mapping[str, Any]:
        """The table that knows the values."""
        return {self._table: self.references}

    def compares(self) -> tuple[str, ...]:
        """The referenced columns, where the table is the node's own."""
        return self._there

    def hangs_on_published(self, shape: Shape) -> bool:
        """Whether the table is the node's own."""
        return self._table in shape.tables.own

    def unfit(self, shape: Shape) -> str | None:
        """Why keys cannot be looked up: no such column there, or a type that is another."""
        there = shape.tables.frames[self._table].collect_schema()
        for name, other in zip(self.columns_, self._there, strict=True):
            if other not in there:
                return f"no column '{other}' in the referenced table; {did_you_mean(other, there)}"
            if common_type(shape.schema[name], there[other]) is None:
                return (
                    f"column '{name}' is {shape.schema[name]} and '{other}' of the referenced "
                    f"table is {there[other]}: they cannot be compared; cast one of them"
                )
        return None

    def counts(self, shape: Shape) -> Mapping[str, nw.Expr]:
        """Nothing that one row could tell: see `against`."""
        return {}

    def tables(self, frame: Frame, engine: Engine, shape: Shape) -> Mapping[str, Frame]:
        """The rows whose key the other table lacks: one anti-join of the key columns."""
        keyed = self._common(frame.filter(~has_null(self.columns_)), self.columns(), shape)
        unknown = keyed.join(self._known(shape), on=self._names, how="anti")
        return {"broken": unknown.select(nw.len())}

    @property
    def _flag(self) -> str:
        text = repr((self._table, self.columns_, self._there))
        return f"__odibi_key_{sha256(text.encode()).hexdigest()[:12]}"

    def marked(self, frame: Frame, engine: Engine, shape: Shape) -> Frame:
        """The frame with a column that says whether the other table knows the key."""
        if self._flag in frame.collect_schema():
            return frame  # another rule of the same key has asked
        types = self._types(shape)
        keys = {
            name: nw.col(column).cast(dtype)
            for name, column, dtype in zip(self._names, self.columns_, types, strict=True)
        }
        known = self._known(shape).unique(self._names)
        keyed = frame.with_columns(**keys)
        return flagged(engine, keyed, known, self._names, self._flag).drop(*self._names)

    def valid(self, shape: Shape) -> nw.Expr:
        """True where the key is known, or has a null."""
        return has_null(self.columns_) | ~nw.col(self._flag).is_null()

    @property
    def _names(self) -> list[str]:
        """The key under names that both tables share and no table has."""
        return [f"{self._flag}_{place}" for place in range(len(self.columns_))]

    def _known(self, shape: Shape) -> Frame:
        return self._common(shape.tables.frames[self._table], self._there, shape)

    def _common(self, frame: Frame, columns: tuple[str, ...], shape: Shape) -> Frame:
        """These columns alone, under common names and with common types."""
        types = self._types(shape)
        parts = zip(self._names, columns, types, strict=True)
        return frame.select(**{name: nw.col(column).cast(dtype) for name, column, dtype in parts})

    def _types(self, shape: Shape) -> list[nw.dtypes.DType]:
        there = shape.tables.frames[self._table].collect_schema()
        pairs = zip(self.columns_, self._there, strict=True)
        found = [common_type(shape.schema[name], there[other]) for name, other in pairs]
        return [dtype for dtype in found if dtype is not None]
