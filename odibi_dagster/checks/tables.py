"""What a contract sees beside the frame that it judges: other tables, lazily."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

if TYPE_CHECKING:
    from collections.abc import Sequence

    from odibi_dagster.core.facts import Facts
    from odibi_dagster.core.frame import Frame


@dataclass(frozen=True)
class Standing:
    """The rows of a node's target that stay there beside the batch that is judged."""

    frame: Frame
    apart: tuple[str, ...] = ()
    """Columns by which none of these rows equals a row of the batch: the keys of an upsert, which
    replaces such rows, or of append_once, which does not add them. Empty where any may."""
    gives_way: bool = False
    """Whether rows of the batch that are published replace those of the same `apart`."""
    has_batch: bool = False
    """Whether rows of this very batch are among them, published by an earlier try."""
    batch: Facts | None = None
    """What is known of the batch without reading it."""

    def near(self, columns: Sequence[str]) -> Frame:
        """At least the rows that may equal a row of the batch in all of these columns.

        Where the bounds of the batch are known, files and row groups beyond them are not read.
        """
        frame, schema = self.frame, self.frame.collect_schema()
        for name in columns:
            if self.batch is None or not (schema[name].is_integer() or schema[name] == nw.Date):
                continue
            bounds = self.batch.bounds(name, schema[name])
            if bounds is not None and bounds.low is not None:
                frame = frame.filter(nw.col(name).is_between(bounds.low, bounds.high))
        return frame


@dataclass(frozen=True)
class Tables:
    """The tables that contracts name in `needs()`, by those names, and what stands in the target.

    `missing` says why a table is not there: a contract that needs it cannot be evaluated.
    """

    frames: Mapping[str, Frame] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)
    standing: Standing | None = None
    """None where nothing stays: a first run, an overwrite, the frame of an input."""
    own: frozenset[str] = frozenset()
    """Those of `frames` that are the table of the node itself, as it will be published."""
