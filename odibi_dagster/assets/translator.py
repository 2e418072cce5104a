"""How the words of odibi.yaml become the words of Dagster. Subclass to change any answer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg

from odibi_dagster.assets.partitions import partitions_def
from odibi_dagster.core.names import QUARANTINE_SUFFIX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from odibi_dagster.checks.base import Contract
    from odibi_dagster.config.dagster import NodeDagster, PipelineDagster, ProjectDagster
    from odibi_dagster.config.project import Node, Project


@dataclass(frozen=True)
class OdibiNode:
    """What the translator is asked about: a node, its project, and the prefix of its key."""

    project: Project
    node: Node
    key_prefix: Sequence[str] = ()


class OdibiTranslator:
    """One method per question; dependencies, the IO manager and the code reference are added after.

    >>> class Teams(OdibiTranslator):
    ...     def get_asset_spec(self, data):
    ...         return super().get_asset_spec(data).replace_attributes(owners=["team:flights"])
    """

    def get_asset_spec(self, data: OdibiNode) -> dg.AssetSpec:
        """The spec of a node's asset: key `[*key_prefix, pipeline, node]`, group = pipeline."""
        node, pipeline = data.node, data.project.pipelines[data.node.id.pipeline]
        own, shared, common = _levels(data)
        return dg.AssetSpec(
            key=[*data.key_prefix, node.id.pipeline, node.id.name],
            description=node.config.description,
            group_name=node.id.pipeline,
            owners=own.owners or shared.owners or common.owners or None,
            tags={
                **common.tags,
                **_labels(pipeline.tags),
                **shared.tags,
                **_labels(node.config.tags),
                **own.tags,
            },
            kinds=_kinds(data),
            metadata=_declared(node),
            automation_condition=_automation(data),
            freshness_policy=_freshness(data),
            is_virtual=node.is_view,
            partitions_def=partitions_def(data.project, node),
        )

    def get_quarantine_spec(self, data: OdibiNode, spec: dg.AssetSpec) -> dg.AssetSpec:
        """The spec of `<node>__quarantine`, given the spec of the node itself."""
        return dg.AssetSpec(
            key=[*spec.key.path[:-1], spec.key.path[-1] + QUARANTINE_SUFFIX],
            description=f"Rows that {data.node.id} rejected, each with the tests it failed.",
            group_name=spec.group_name,
            owners=spec.owners,
            kinds={"quarantine"},
            partitions_def=spec.partitions_def,
        )

    def get_check_spec(
        self, data: OdibiNode, contract: Contract, name: str, spec: dg.AssetSpec
    ) -> dg.AssetCheckSpec:
        """The spec of a contract's asset check; `name` is prefixed `input_` for input contracts."""
        return dg.AssetCheckSpec(
            name=name,
            asset=spec.key,
            description=_summary(contract),
            # a warning never blocks; whatever can be an ERROR must, or the run is a success
            blocking=True,
            # so that an evaluation says which partition it was of
            partitions_def=spec.partitions_def,
            metadata={
                "on_fail": contract.on_fail.value,
                "type": contract.kind,
                "node": str(data.node.id),
            },
        )


def _levels(data: OdibiNode) -> tuple[NodeDagster, PipelineDagster, ProjectDagster]:
    """What `dagster:` says, the nearest first."""
    pipeline = data.project.pipelines[data.node.id.pipeline]
    return data.node.config.dagster, pipeline.dagster, data.project.config.dagster


def _labels(tags: Sequence[str]) -> dict[str, str]:
    """Odibi's free-form labels as Dagster tags without a value."""
    return {re.sub(r"[^A-Za-z0-9_.-]+", "-", tag).strip("-._")[:63]: "" for tag in tags if tag}


def _kinds(data: OdibiNode) -> set[str]:
    """The engine, and the format or `view`; then the user's own, as far as Dagster takes them."""
    target = data.node.target
    ours = [data.project.engine, "view" if target is None else target.format.kind]
    theirs = [kind for level in _levels(data) for kind in level.kinds]
    return set([*ours, *theirs][:3])


def _automation(data: OdibiNode) -> dg.AutomationCondition[Any] | None:
    own, shared, common = _levels(data)
    match own.automation or shared.automation:
        case None:
            return None
        case "eager":
            return dg.AutomationCondition.eager()
        case cron:
            return dg.AutomationCondition.on_cron(cron, common.timezone)


def _freshness(data: OdibiNode) -> dg.FreshnessPolicy | None:
    own, shared, _ = _levels(data)
    pipeline = data.project.pipelines[data.node.id.pipeline]
    window = own.freshness or shared.freshness or pipeline.freshness_sla
    return dg.FreshnessPolicy.time_window(fail_window=window) if window else None


def _declared(node: Node) -> dict[str, dg.TableSchema]:
    """The declared columns as Dagster's column schema, where the file declares any."""
    if not node.declared:
        return {}
    columns = [
        dg.TableColumn(
            name,
            type=str(column.dtype) if column.dtype is not None else "",
            description=node.config.columns[name].description,
            constraints=dg.TableColumnConstraints(nullable=column.nullable),
        )
        for name, column in node.declared.items()
    ]
    return {"dagster/column_schema": dg.TableSchema(columns)}


def _summary(contract: Contract) -> str:
    return (type(contract).__doc__ or contract.kind).strip().split("\n", 1)[0]
