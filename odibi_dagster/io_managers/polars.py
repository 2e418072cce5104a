"""The Polars IO manager: nodes as `pl.LazyFrame` or `pl.DataFrame`, Python assets as Parquet."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import dagster as dg
import narwhals.stable.v2 as nw
from dagster._core.storage.asset_value_loader import AssetValueLoader

from odibi_dagster.connections.base import Location
from odibi_dagster.core.batch import Batch
from odibi_dagster.engines.base import get_engine
from odibi_dagster.formats.base import formats
from odibi_dagster.io_managers.columns import column_metadata
from odibi_dagster.io_managers.projects import find, is_node
from odibi_dagster.plan.partitions import united
from odibi_dagster.plan.planner import Planner

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from odibi_dagster.config.project import External
    from odibi_dagster.core.frame import Frame
    from odibi_dagster.core.names import NodeId
    from odibi_dagster.engines.base import Engine


class PolarsIOManager(dg.IOManager):
    """Loads nodes lazily; stores the frames of Python assets as one Parquet file each.

    A node comes as the input's annotation says: `pl.LazyFrame` (also without annotation),
    `pl.DataFrame`, `Optional` of one of them (None where nothing is stored), or a Spark
    `DataFrame`. A view is its plan: nothing of it is stored. A Python asset that names this
    manager needs `base_dir`:

    >>> io = PolarsIOManager(base_dir="data/python")

    Of partitions come those that Dagster maps to the run, as far as they are stored, as one frame.
    """

    def __init__(self, base_dir: str | Path | None = None) -> None:
        self._base_dir = Path(base_dir).absolute() if base_dir else None

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        """Store a frame (lazy or eager) atomically as Parquet; None stores nothing."""
        if obj is None:
            return
        engine, parquet = get_engine("polars"), formats["parquet"]()
        (location, *others) = self._locations(context)
        if others:
            key = context.asset_key.to_user_string()
            msg = f"asset {key} is one frame for several partitions; run them one by one"
            raise dg.Failure(msg, allow_retries=False)
        staged = parquet.stage(engine, engine.wrap(obj), location, batch=Batch(context.run_id, 1))
        published = parquet.publish(engine, staged)
        context.add_output_metadata(
            {
                "dagster/row_count": published.rows,
                "dagster/uri": location.uri,
                **column_metadata(published.schema, {}),
            }
        )

    def load_input(self, context: dg.InputContext) -> Any:
        """The stored frame (or a view's plan) in the type the input is annotated with."""
        wanted, optional = _annotation(context)
        frame = self._scan(context, get_engine(_engine_of(wanted)))
        if frame is None:
            if optional:
                return None
            key = context.asset_key.to_user_string()
            msg = f"asset {key} is not stored yet: materialize it first"
            raise dg.Failure(msg, allow_retries=False)
        native = frame.to_native()
        return native.collect(engine="streaming") if _is_eager(wanted) else native

    def _scan(self, context: dg.InputContext, engine: Engine) -> Frame | None:
        upstream = context.upstream_output
        metadata = (upstream.definition_metadata if upstream else None) or {}
        if is_node(metadata):
            keys = context.asset_partition_keys if context.has_asset_partitions else None
            return _node_frame(metadata, engine, partial(_external, context), keys)
        parquet = formats["parquet"]()
        there = [each for each in self._locations(context) if parquet.exists(each)]
        frames = [parquet.scan(engine, location) for location in there]
        return nw.concat(frames, how="diagonal") if frames else None

    def _locations(self, context: dg.InputContext | dg.OutputContext) -> list[Location]:
        """The one place of the asset, or one for each of its partitions."""
        if self._base_dir is None:
            key = context.asset_key.to_user_string()
            msg = f"asset {key} has no place to be stored: write PolarsIOManager(base_dir=...)"
            raise dg.DagsterInvalidDefinitionError(msg)
        place = self._base_dir.joinpath(*context.asset_key.path)
        if not context.has_asset_partitions:
            return [Location(place.with_suffix(".parquet"))]
        # the keys of a Python asset are any text
        names = [quote(key, safe="") for key in context.asset_partition_keys]
        return [Location(place / f"{name}.parquet") for name in names]


def _external(context: dg.InputContext, source: External) -> Any:
    """The value of a Python asset that a view is planned over, through that asset's IO manager."""
    key = dg.AssetKey(source.key)
    step = context.step_context
    asset = step.job_def.asset_layer.get(key)
    run_key = context.partition_key if context.has_partition_key else None
    return AssetValueLoader({key: asset.assets_def}, instance=step.instance).load_asset_value(
        key, partition_key=run_key if asset.partitions_def is not None else None
    )


def _node_frame(
    metadata: Any,
    engine: Engine,
    external: Callable[[External], Any],
    keys: Sequence[str] | None,
) -> Frame | None:
    """What is stored of a node, or planned of a view: of these partitions, where it has any."""
    project, node_id, quarantine = find(metadata)
    whole = project.nodes[node_id]
    if whole.partitions is None or keys is None:
        return _one_frame(Planner(project, engine, external), node_id, quarantine)
    if whole.is_view and len(keys) != 1:
        msg = f"{node_id} is a view with partitions, which is never one table: give it write"
        raise dg.Failure(msg, allow_retries=False)
    parts = [Planner(project.at(key), engine, external) for key in keys]
    found = [(p.project.nodes[node_id], _one_frame(p, node_id, quarantine)) for p in parts]
    stored = [(node, frame) for node, frame in found if frame is not None]
    return united(whole, stored) if stored else None


def _one_frame(planner: Planner, node_id: NodeId, quarantine: bool) -> Frame | None:
    node = planner.project.nodes[node_id]
    target = node.quarantine.target if quarantine and node.quarantine else node.target
    if target is not None and not target.format.exists(target.location):
        return None
    return planner.quarantine(node_id) if quarantine else planner.result(node_id)


def _annotation(context: dg.InputContext) -> tuple[Any, bool]:
    """The annotated type without `Optional`, and whether there was one."""
    # dagster-polars takes 1.8 s to import: only a process that loads an input pays for it
    from dagster_polars.io_managers.type_routers import resolve_type_router

    wanted = context.dagster_type.typing_type
    if _engine_of(wanted) != "polars":
        return wanted, False
    router, optional = resolve_type_router(context, context.dagster_type), False
    while not router.is_base_type:
        router, optional = router.parent_type_router, True
    return router.typing_type, optional


def _engine_of(wanted: Any) -> str:
    """Which engine gives frames of that type: a node is stored for all of them."""
    module = getattr(wanted, "__module__", None) or ""
    return "spark" if module.startswith("pyspark.") else "polars"


def _is_eager(wanted: Any) -> bool:
    import polars as pl

    return wanted is pl.DataFrame
