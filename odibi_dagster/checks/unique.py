"""`unique`: a key that identifies its row."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING, Literal

import narwhals.stable.v2 as nw
from pydantic import Field

from odibi_dagster.checks.base import Observation, RowContract, Shape, Verdict, contracts
from odibi_dagster.checks.compare import has_null
from odibi_dagster.core.names import ColumnNames
from odibi_dagster.engines.keys import flagged, sharing_hash

if TYPE_CHECKING:
    from collections.abc import Mapping

    from odibi_dagster.checks.tables import Standing
    from odibi_dagster.core.frame import Frame
    from odibi_dagster.engines.base import Engine

_COUNT = "__odibi_members"


@contracts.register("unique")
class Unique(RowContract):
    """No two rows share the same values in the listed columns.

    Every member of a group of duplicates is broken, not only the second. A key with a null in any
    of its columns passes, as in SQL; NaN equals NaN. Where a node adds to its table (append,
    append_once, upsert, merge), the rows of the batch are compared with one another and with the
    stored rows that stay: not with those that an upsert replaces. A row that is set aside, by this
    rule or another one, replaces none. `scope: batch` leaves the stored rows out. Of the
    table only the key is read. A batch that was published by an earlier try of the same run is
    compared with itself alone.

    ```yaml
    - type: unique
      columns: [flight_id]
      scope: table
    ```
    """

    looks_up = frozenset({"standing"})

    columns_: ColumnNames = Field(alias="columns", min_length=1)
    """The columns of the key."""
    scope: Literal["table", "batch"] = "table"
    """`batch`: the rows of this batch alone; `table`: also with stored rows that stay."""

    def columns(self) -> tuple[str, ...]:
        """The columns of the key."""
        return tuple(self.columns_)

    def compares(self) -> tuple[str, ...]:
        """The columns of the key."""
        return self.columns()

    @property
    def promise(self) -> str:
        """The key, by name."""
        return f"({', '.join(self.columns_)}) is unique"

    def unfit(self, shape: Shape) -> str | None:
        """Why some column cannot be compared, if one cannot."""
        standing = self._standing(shape)
        stored = standing.frame.collect_schema() if standing else {}
        for name in self.columns_:
            dtype = shape.schema[name]
            if dtype.is_nested():
                return f"column '{name}' is {dtype}: a key needs plain values"
            if name in stored and stored[name] != dtype:
                return f"column '{name}' is {dtype} and stored as {stored[name]}; cast it in a step"
        return None

    def hangs_on_published(self, shape: Shape) -> bool:
        """Whether a stored row that it is compared with stays if one of the batch is set aside."""
        standing = self._standing(shape)
        return standing is not None and standing.gives_way

    def valid(self, shape: Shape) -> nw.Expr:
        """True where no other row has the same key."""
        return has_null(self.columns_) | nw.col(self._flag).is_null()

    def marked(self, frame: Frame, engine: Engine, shape: Shape) -> Frame:
        """The frame with a column that says whether another row has the same key.

        Only the keys that several rows have are kept in memory, which a window would do with all.
        """
        if self._flag in frame.collect_schema():
            return frame  # another rule of the same key has asked
        return flagged(engine, frame, self._broken(frame, engine, shape), self.columns_, self._flag)

    def around(self, frame: Frame, engine: Engine, shape: Shape, limit: int) -> Frame:
        """The rows of so many broken keys, found by their values: a join would read all rows."""
        if not all(_is_plain(shape.schema[name]) for name in self.columns_):
            return frame
        keys = engine.fetch(self._broken(frame, engine, shape), limit)
        each = [
            nw.all_horizontal(
                *(nw.col(name) == nw.lit(value) for name, value in key.items()), ignore_nulls=False
            )
            for key in keys
        ]
        return frame.filter(nw.any_horizontal(*each, ignore_nulls=False)) if each else frame

    def _broken(self, frame: Frame, engine: Engine, shape: Shape) -> Frame:
        """The keys of more than one row, each once."""
        standing, broken = self._standing(shape), self._shared(frame, engine).drop(_COUNT)
        if standing is None:
            return broken
        met = self._met(self._keyed(frame), standing)
        return nw.concat([broken, met]).unique(self.columns_)

    def counts(self, shape: Shape) -> Mapping[str, nw.Expr]:
        """Nothing that one row could tell: see `tables`."""
        return {}

    def tables(self, frame: Frame, engine: Engine, shape: Shape) -> Mapping[str, Frame]:
        """The rows in groups of more than one: only the key is read, only the groups are kept.

        Against a table, `met` are the rows whose key a stored row has, and the groups those of the
        other rows.
        """
        standing, shared = self._standing(shape), self._shared(frame, engine)
        if standing is None:
            return {"broken": shared.select(nw.col(_COUNT).sum())}
        keyed = self._keyed(frame)
        met = self._met(keyed, standing)
        others = shared.join(met, on=self.columns_, how="anti")
        return {
            "broken": others.select(nw.col(_COUNT).sum()),
            "met": keyed.join(met, on=self.columns_, how="semi").select(nw.len()),
        }

    def judge(self, seen: Observation) -> Verdict:
        """See `RowContract.judge`: broken is whoever meets a row of the batch, or a stored one."""
        if (met := seen.metrics.get("met")) is None:
            return super().judge(seen)
        broken = int(seen.metrics["broken"] or 0) + int(met)
        verdict = super().judge(replace(seen, metrics={**seen.metrics, "broken": broken}))
        return replace(verdict, extra={**verdict.extra, "met_stored_rows": int(met)})

    def detail(self, seen: Observation) -> str:
        """How many of the broken rows have the key of a stored one."""
        met = int(seen.metrics.get("met") or 0)
        return f"{met:,} of them have the key of a stored row" if met else ""

    @property
    def _flag(self) -> str:
        return (
            f"__odibi_shared_{sha256(repr((self.columns_, self.scope)).encode()).hexdigest()[:12]}"
        )

    def _standing(self, shape: Shape) -> Standing | None:
        """The stored rows to compare with; None where there are none, or none can share the key."""
        standing = shape.tables.standing
        if standing is None or standing.has_batch or self.scope == "batch":
            return None
        if set(self.columns_) - set(standing.frame.collect_schema()):
            return None  # a column that is new: stored rows have a null there
        # rows that differ by their write keys differ by any key that contains those
        apart = set(standing.apart)
        return None if apart and apart <= set(self.columns_) else standing

    def _keyed(self, frame: Frame) -> Frame:
        return frame.filter(~has_null(self.columns_)).select(*self.columns_)

    def _shared(self, frame: Frame, engine: Engine) -> Frame:
        """The keys of more than one row of the batch, and of how many."""
        keyed = frame.filter(~has_null(self.columns_))
        if len(self.columns_) > 1 or frame.collect_schema()[self.columns_[0]] == nw.String:
            keyed = sharing_hash(engine, keyed, self.columns_)
        groups = keyed.group_by(*self.columns_)
        return groups.agg(nw.len().alias(_COUNT)).filter(nw.col(_COUNT) > 1)

    def _met(self, keyed: Frame, standing: Standing) -> Frame:
        """Each key of the batch that stands in the table, once.

        The join keeps the keys of the batch in memory, and the table only passes by.
        """
        held = standing.near(self.columns_).select(*self.columns_)
        return held.join(keyed, on=self.columns_, how="semi").unique(self.columns_)


def _is_plain(dtype: nw.dtypes.DType) -> bool:
    """Whether a value of the type is found again by itself, on every engine."""
    return dtype.is_integer() or dtype in (nw.String, nw.Date, nw.Boolean)
