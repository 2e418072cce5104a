"""The Polars IO manager: nodes as `pl.LazyFrame` or `pl.DataFrame`, Python assets as Parquet."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster._core.storage.asset_value_loader import AssetValueLoader

from odibi_dagster.connections.base import Location
from odibi_dagster.engines.base import Engine, get_engine
from odibi_dagster.formats.base import formats
from odibi_dagster.io_managers.projects import find, is_node
from odibi_dagster.plan.planner import Planner

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl

    from odibi_dagster.config.project import External


class PolarsIOManager(dg.IOManager):
    """Loads nodes lazily; stores the frames of Python assets as one Parquet file each.

    A node comes as the input's annotation says: `pl.LazyFrame` (also without annotation),
    `pl.DataFrame`, or `Optional` of one of them (None where nothing is stored). A view is its
    plan: nothing of it is stored. A Python asset that names this manager needs `base_dir`:

    >>> io = PolarsIOManager(base_dir="data/python")
    """

    def __init__(self, base_dir: str | Path | None = None) -> None:
        self._base_dir = Path(base_dir).absolute() if base_dir else None

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        """Store a frame (lazy or eager) atomically as Parquet; None stores nothing."""
        if obj is None:
            return
        engine, parquet = get_engine("polars"), formats["parquet"]()
        location = self._location(context)
        staged = parquet.stage(engine, engine.wrap(obj), location, batch=context.run_id[:8])
        published = parquet.publish(staged)
        columns = [dg.TableColumn(name, str(dtype)) for name, dtype in published.schema.items()]
        context.add_output_metadata(
            {
                "dagster/row_count": published.rows,
                "dagster/uri": location.uri,
                "dagster/column_schema": dg.TableSchema(columns),
            }
        )

    def load_input(self, context: dg.InputContext) -> Any:
        """The stored frame (or a view's plan) in the type the input is annotated with."""
        return _as_annotated(context, self._scan(context))

    def _scan(self, context: dg.InputContext) -> pl.LazyFrame | None:
        upstream = context.upstream_output
        metadata = (upstream.definition_metadata if upstream else None) or {}
        if is_node(metadata):
            return _node_frame(metadata, partial(_external, context))
        engine, parquet = get_engine("polars"), formats["parquet"]()
        location = self._location(context)
        if not parquet.exists(location):
            return None
        lazy: pl.LazyFrame = parquet.scan(engine, location).to_native()
        return lazy

    def _location(self, context: dg.InputContext | dg.OutputContext) -> Location:
        if self._base_dir is None:
            key = context.asset_key.to_user_string()
            msg = f"asset {key} has no place to be stored: write PolarsIOManager(base_dir=...)"
            raise dg.DagsterInvalidDefinitionError(msg)
        return Location(self._base_dir.joinpath(*context.asset_key.path).with_suffix(".parquet"))


def _external(context: dg.InputContext, source: External) -> Any:
    """The value of a Python asset that a view is planned over, through that asset's IO manager."""
    key = dg.AssetKey(source.key)
    step = context.step_context
    assets = {key: step.job_def.asset_layer.get(key).assets_def}
    return AssetValueLoader(assets, instance=step.instance).load_asset_value(key)


def _node_frame(metadata: Any, external: Callable[[External], Any]) -> pl.LazyFrame | None:
    project, node_id, quarantine = find(metadata)
    engine: Engine = get_engine(project.engine)
    planner = Planner(project, engine, external)
    node = project.nodes[node_id]
    target = node.quarantine.target if quarantine and node.quarantine else node.target
    if target is not None and not target.format.exists(target.location):
        return None
    frame = planner.quarantine(node_id) if quarantine else planner.result(node_id)
    lazy: pl.LazyFrame = frame.to_native()
    return lazy


def _as_annotated(context: dg.InputContext, lazy: pl.LazyFrame | None) -> Any:
    """What the annotation asks for, found through dagster-polars' type router."""
    # dagster-polars takes 1.8 s to import: only a process that loads an input pays for it
    import polars as pl
    from dagster_polars.io_managers.type_routers import resolve_type_router

    router = resolve_type_router(context, context.dagster_type)
    optional = False
    while not router.is_base_type:
        optional = True
        router = router.parent_type_router
    if lazy is None and not optional:
        key = context.asset_key.to_user_string()
        msg = f"asset {key} is not stored yet: materialize it first"
        raise dg.Failure(msg, allow_retries=False)
    if lazy is None or router.typing_type is not pl.DataFrame:
        return lazy
    return lazy.collect(engine="streaming")
