"""The columns that a node gives, made those that are expected of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from odibi_dagster.errors import SchemaContractError, listing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from odibi_dagster.config.project import Node
    from odibi_dagster.config.schema_policy import SchemaPolicyConfig
    from odibi_dagster.core.frame import Frame
    from odibi_dagster.core.types import DType
    from odibi_dagster.engines.base import Engine


def shaped(engine: Engine, node: Node, frame: Frame) -> Frame:
    """The frame as `schema_policy` wants it: new columns left out or kept, missing ones null.

    What `columns:` declares is expected, else what is published, and in the order it has there; a
    new column comes after that. A missing column has the type that is declared or stored, and is
    text where neither says one. SchemaContractError where the policy says fail.
    """
    policy = node.config.schema_policy
    if policy is None:
        return frame
    stored = _stored(engine, node)
    declared = {name: column.dtype for name, column in node.declared.items()}
    expected = {name: declared[name] or stored.get(name) for name in declared} or stored
    if not expected:
        return frame
    return _shaped(frame, policy, expected, _kept(node, stored, expected))


def _stored(engine: Engine, node: Node) -> dict[str, DType | None]:
    """The columns that are published, but those that `add_metadata` adds."""
    target = node.target
    if target is None or not target.format.exists(target.location):
        return {}
    schema = target.format.stored_schema(engine, target.location, target.options)
    return {name: dtype for name, dtype in schema.items() if name not in node.stamps}


def _kept(
    node: Node, stored: Mapping[str, DType | None], expected: Mapping[str, DType | None]
) -> dict[str, DType | None]:
    """Columns that stored rows have and nobody declares: rows that are added have them too."""
    adds = node.target is not None and node.target.mode != "overwrite"
    return {n: dtype for n, dtype in stored.items() if adds and n not in expected}


def _shaped(
    frame: Frame,
    policy: SchemaPolicyConfig,
    expected: Mapping[str, DType | None],
    kept: Mapping[str, DType | None],
) -> Frame:
    schema = frame.collect_schema()
    wanted = {**expected, **kept}
    new = [name for name in schema if name not in wanted]
    missing = [name for name in wanted if name not in schema]
    refused = [f"column '{name}' is new" for name in new if policy.new == "fail"]
    if policy.on_missing_columns == "fail":
        refused += [f"column '{name}' is missing" for name in missing]
    if refused:
        msg = (
            f"schema_policy: {listing(refused)}; expected {listing(wanted)}. Mend the source, or "
            "write on_new_columns: ignore, or on_missing_columns: fill_null"
        )
        raise SchemaContractError(msg)
    given = [nw.col(n) if n in schema else _null(n, dtype) for n, dtype in wanted.items()]
    return frame.select(*given, *(new if policy.new == "add_nullable" else ()))


def _null(name: str, dtype: DType | None) -> nw.Expr:
    return nw.lit(None, dtype=dtype or nw.String()).alias(name)
