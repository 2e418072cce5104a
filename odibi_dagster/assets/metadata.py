"""Metadata of an asset and of its materializations: all of it known without a second scan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg

from odibi_dagster.io_managers.columns import column_metadata

if TYPE_CHECKING:
    from collections.abc import Mapping

    import narwhals.stable.v2 as nw

    from odibi_dagster.assets.run import Outcome
    from odibi_dagster.config.project import Node
    from odibi_dagster.plan.window import Window


def columns(node: Node, schema: Mapping[str, nw.dtypes.DType]) -> dict[str, Any]:
    """The columns with the types they were stored with, described as odibi.yaml declares them."""
    declared = {name: column.description for name, column in node.config.columns.items()}
    return column_metadata(schema, declared)


def materialized(node: Node, outcome: Outcome, *, quarantine: bool = False) -> dict[str, Any]:
    """What one publish made visible: rows, bytes, columns, place, seconds, the plan."""
    published = outcome.quarantine if quarantine else outcome.target
    target = node.quarantine.target if quarantine and node.quarantine else node.target
    assert published is not None and target is not None  # noqa: S101  (it was published)
    metadata: dict[str, Any] = {
        "dagster/uri": published.location.uri,
        **columns(node, published.schema),
        "bytes": published.bytes,
        **published.metadata,
    }
    if published.total is not None:
        metadata["dagster/row_count"] = published.total
    if published.rows is not None and target.mode != "overwrite":
        metadata["rows_written"] = published.rows
    if published.adopted:
        metadata["adopted"] = True  # an earlier try had published this batch
    if quarantine and outcome.broken is not None:
        metadata["broken_rows"] = outcome.broken
    if quarantine:
        return metadata
    if outcome.rejected is not None:
        metadata["quarantined_rows"] = outcome.rejected
    if outcome.broken is not None and outcome.quarantine is not None:
        metadata["quarantined_rows_stored"] = outcome.quarantine.rows
    if outcome.window is not None:
        metadata |= window_metadata(outcome.window)
    metadata["seconds"] = round(outcome.seconds, 3)
    metadata["plan"] = dg.MetadataValue.md(f"```\n{outcome.plan[:20_000]}\n```")
    return metadata


def window_metadata(window: Window) -> dict[str, Any]:
    """The mark before and after, and the rows that have no cursor to be compared with it."""
    said: dict[str, Any] = {
        "mark_before": window.before,
        "mark_after": window.after,
        "window_after": window.lower,
    }
    known = {name: str(mark) for name, mark in said.items() if mark is not None}
    return known | ({"null_cursors": window.nulls} if window.nulls else {})


def view_metadata(node: Node, schema: Mapping[str, nw.dtypes.DType]) -> dict[str, Any]:
    """A view stores nothing: its columns are all there is to say."""
    return columns(node, schema)


def code_reference(node: Node) -> dg.CodeReferencesMetadataValue:
    """The line of odibi.yaml where the node stands."""
    reference = dg.LocalFileCodeReference(
        file_path=str(node.place.file), line_number=node.place.line, label=str(node.id)
    )
    return dg.CodeReferencesMetadataValue(code_references=[reference])
