"""A whole Definitions from one odibi.yaml: assets, one job per pipeline, schedules."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from odibi_dagster.assets.factory import beside_caller, pipeline_of, project_assets
from odibi_dagster.assets.partitions import partitions_def, requests_for
from odibi_dagster.config.load import load_project
from odibi_dagster.core.collector import collector_paused
from odibi_dagster.core.names import slug

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dagster._core.definitions.unresolved_asset_job_definition import (
        UnresolvedAssetJobDefinition as UnresolvedJob,
    )

    from odibi_dagster.assets.translator import OdibiTranslator
    from odibi_dagster.config.project import Project


def build_odibi_definitions(
    path: str | Path,
    *,
    env: str | None = None,
    select: str | Sequence[str] | None = None,
    key_prefix: str | Sequence[str] | None = None,
    translator: OdibiTranslator | None = None,
    io_manager: dg.IOManager | None = None,
) -> dg.Definitions:
    """Assets, jobs `<project>_<pipeline>` and their schedules; merges with other Definitions.

    Each job runs in one process (a spawned step costs 2.6 s, one in process 0.08 s). There is
    no executor for the whole, so that `dg.Definitions.merge` takes it. Parameters as in
    `load_odibi_assets`.

    >>> defs = build_odibi_definitions("odibi.yaml")
    """
    file = beside_caller(path)
    with collector_paused():
        project = load_project(file, env=env)
        assets = project_assets(
            project,
            select=select,
            key_prefix=key_prefix,
            translator=translator,
            io_manager=io_manager,
        )
    jobs = dict(_jobs(project, assets))
    schedules = [
        _schedule(project, pipeline, job, cron)
        for pipeline, job in jobs.items()
        if (cron := project.pipelines[pipeline].dagster.schedule)
    ]
    return dg.Definitions(assets=assets, jobs=list(jobs.values()), schedules=schedules)


def _schedule(
    project: Project, pipeline: str, job: UnresolvedJob, cron: str
) -> dg.ScheduleDefinition:
    """When the job of a pipeline runs; one with partitions says which of them."""
    mine = (node for id, node in project.nodes.items() if id.pipeline == pipeline)
    found = next(filter(None, (partitions_def(project, node) for node in mine)), None)
    return dg.ScheduleDefinition(
        job=job,
        cron_schedule=cron,
        execution_timezone=project.config.dagster.timezone,
        execution_fn=None if found is None else requests_for(found),
    )


def _jobs(
    project: Project, assets: Sequence[dg.AssetsDefinition]
) -> Iterator[tuple[str, UnresolvedJob]]:
    """One job for every pipeline with something to execute in it."""
    by_pipeline: dict[str, list[dg.AssetsDefinition]] = {}
    for asset in assets:
        if asset.is_executable:
            by_pipeline.setdefault(pipeline_of(asset), []).append(asset)
    for pipeline, members in by_pipeline.items():
        job = dg.define_asset_job(
            f"{slug(project.config.project)}_{pipeline}",
            selection=dg.AssetSelection.assets(*members),
            description=project.pipelines[pipeline].description,
            executor_def=dg.in_process_executor,
        )
        yield pipeline, job
