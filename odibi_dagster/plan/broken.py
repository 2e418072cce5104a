"""Broken rows of a node's input and of its output, in one table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from odibi_dagster.core.frame import Frame


def together(frames: Sequence[Frame]) -> Frame:
    """All rows of all frames, by column name; a column that a frame lacks is null there.

    A column whose type differs between the frames becomes text in all of them: a quarantine
    shows rows as they were rejected, before or after the steps changed their types.
    """
    if len(frames) == 1:
        return frames[0]
    schemas = [frame.collect_schema() for frame in frames]
    types: dict[str, set[nw.dtypes.DType]] = {}
    for schema in schemas:
        for name, dtype in schema.items():
            types.setdefault(name, set()).add(dtype)
    clashing = [name for name, seen in types.items() if len(seen) > 1]
    as_text = [
        frame.with_columns(nw.col(name).cast(nw.String) for name in clashing if name in schema)
        for frame, schema in zip(frames, schemas, strict=True)
    ]
    return nw.concat(as_text, how="diagonal")


def as_stored_text(frame: Frame, stored: Mapping[str, nw.dtypes.DType]) -> Frame:
    """The frame with text where text is stored: earlier rejects had columns of several types."""
    schema = frame.collect_schema()
    texts = [
        n for n, dtype in schema.items() if stored.get(n) == nw.String() and dtype != stored[n]
    ]
    return frame.with_columns(nw.col(*texts).cast(nw.String())) if texts else frame
