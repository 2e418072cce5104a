"""Blocks in, a project of nodes out: every name looked up, every place found."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from odibi_dagster.checks.base import Column
from odibi_dagster.config.digest import digest
from odibi_dagster.config.effects import inspect
from odibi_dagster.config.explain import keys_of
from odibi_dagster.config.incremental import check_incremental
from odibi_dagster.config.later import lookup
from odibi_dagster.config.links import Draft, link
from odibi_dagster.config.naming import check_nodes, check_pipelines
from odibi_dagster.config.partitioned import check_partitions, partitions_of
from odibi_dagster.config.personal import classify
from odibi_dagster.config.places import first_load, own_storage, quarantine, target, with_policy
from odibi_dagster.config.project import Node, Place, Project
from odibi_dagster.config.promises import build_contracts, quarantining
from odibi_dagster.config.site import Setting, Site
from odibi_dagster.config.sources import build_references, build_sources, check_needs
from odibi_dagster.config.stamps import stamps
from odibi_dagster.config.steps import FUNCTIONS, build_steps
from odibi_dagster.connections.base import connections
from odibi_dagster.core.names import NodeId
from odibi_dagster.errors import Problem
from odibi_dagster.transforms.python import load_module

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from odibi_dagster.config.models import ProjectConfig
    from odibi_dagster.config.report import Loc, Report
    from odibi_dagster.config.salvage import Damage
    from odibi_dagster.connections.base import Connection

_ENGINES = {"pandas": "polars"}
_DIALECTS = {"polars": "duckdb", "spark": "spark"}


def resolve(
    file: Path, env: str | None, config: ProjectConfig, damage: Damage, report: Report
) -> Project:
    """The project; what is wrong goes to the report, and is left out."""
    inspect(config, (), report)
    engine = _engine(config, report)
    setting = _setting(file.parent, engine, config, report)
    sites = list(_sites(config, damage, report))
    check_nodes(sites, report)
    known = {site.id for site in sites}
    drafts = {site.id: _draft(site, known, setting) for site in sites}
    link(drafts, report)
    check_partitions(drafts, report)
    if not report.problems:
        classify(drafts, report)
    return Project(
        file=file,
        config=config,
        engine=engine,
        env=env,
        nodes=MappingProxyType({name: _node(draft, report) for name, draft in drafts.items()}),
        pipelines=MappingProxyType({each.pipeline: each for each in config.pipelines}),
        warnings=tuple(report.warnings),
        no_effect=tuple(report.no_effect),
    )


def _engine(config: ProjectConfig, report: Report) -> str:
    engine = _ENGINES.get(config.engine, config.engine)
    if engine != config.engine:
        report.warn(f"engine {config.engine} runs on Polars here; write {engine}", ("engine",))
    return engine


def _setting(root: Path, engine: str, config: ProjectConfig, report: Report) -> Setting:
    functions, failed = _functions(root / FUNCTIONS, report)
    bare = Setting(
        root=root,
        engine=engine,
        dialect=config.dagster.sql_dialect or _DIALECTS[engine],
        storage=root / config.dagster.storage,
        staging=root / (config.dagster.staging or config.dagster.storage),
        report=report,
        connections={},
        functions=functions,
        functions_failed=failed,
    )
    return bare.having(_connections(config.connections, bare))


def _functions(path: Path, report: Report) -> tuple[Mapping[str, Any], bool]:
    if not path.exists():
        return {}, False
    try:
        return load_module(path), False
    except ValueError as error:
        report.problems.append(Problem(str(error), str(path)))
        return {}, True


def _connections(
    written: Mapping[str, dict[str, Any]], setting: Setting
) -> dict[str, Connection | None]:
    found: dict[str, Connection | None] = {}
    for name, params in written.items():
        at: Loc = ("connections", name)
        kind = params.get("type", "local")
        try:
            cls = lookup(connections, str(kind))
        except ValueError as error:
            setting.report.error(str(error), (*at, "type"))
            found[name] = None
            continue
        found[name] = setting.build(cls, params, at) or _without_unknown(cls, params)
    return found


def _without_unknown(cls: type[Connection], params: Mapping[str, Any]) -> Connection | None:
    """What a connection with a mistyped key leaves, so that its paths are checked as well."""
    try:
        return cls.model_validate({key: params[key] for key in params.keys() & keys_of(cls)})
    except ValidationError:
        return None


def _sites(config: ProjectConfig, damage: Damage, report: Report) -> Iterator[Site]:
    """Every node that has a name; the others have been reported."""
    names: list[tuple[str, Loc]] = []
    seen: set[NodeId] = set()
    for p, pipeline in enumerate(config.pipelines):
        names.append((pipeline.pipeline, ("pipelines", p, "pipeline")))
        for n, node in enumerate(pipeline.nodes):
            missing = frozenset(damage.get((p, n), ()))
            site = Site(
                NodeId(pipeline.pipeline, node.name),
                node,
                ("pipelines", p, "nodes", n),
                missing,
                partitions_of(pipeline, node),
            )
            if "name" in missing:
                continue
            if site.id in seen:
                report.error(f"duplicate node name '{node.name}'", (*site.at, "name"))
                continue
            seen.add(site.id)
            yield site
    check_pipelines(names, report)


def _draft(site: Site, known: Collection[NodeId], setting: Setting) -> Draft:
    steps = build_steps(site, setting)
    before, tests = build_contracts(site, setting)
    sources = build_sources(site, known, setting)
    check_needs(site, steps, sources, setting)
    config = site.config
    place = None
    if config.write is not None:
        place = target(config.write, (*site.at, "write"), setting)
    elif "write" not in site.missing and (before or tests or config.cache):
        place = own_storage(site, setting)
    if config.read is not None and config.read.incremental is not None:
        at = (*site.at, "read", "incremental")
        if "write" not in site.missing:
            check_incremental(config.read.incremental, config.write, at, setting.report)
    place = with_policy(site, place, setting)
    sets_aside = quarantining(before, tests)
    if config.validation and config.validation.quarantine and not sets_aside:
        message = "quarantine is never used: no test has on_fail: quarantine"
        setting.report.warn(message, (*site.at, "validation", "quarantine"), key=True)
    return Draft(
        site=site,
        steps=steps,
        before=before,
        tests=tests,
        declared={
            name: Column(column.type, column.nullable) for name, column in config.columns.items()
        },
        sources=sources,
        references=build_references(site, before, tests, known, setting),
        target=place,
        first=first_load(site, setting),
        quarantine=quarantine(site, place, setting) if sets_aside and place else None,
    )


def _node(draft: Draft, report: Report) -> Node:
    mark = report.tree.find(draft.site.at)
    promised = [contract for contract, _ in (*draft.before, *draft.tests)]
    files = [*draft.steps.files, *(file for contract in promised for file in contract.files())]
    return Node(
        id=draft.id,
        config=draft.site.config,
        place=Place(mark.source.path, mark.line, mark.column),
        sources=MappingProxyType(draft.sources.found),
        main=draft.sources.main,
        references=MappingProxyType(draft.references.found),
        steps=tuple(draft.steps.steps),
        contracts=tuple(contract for contract, _ in draft.before),
        tests=tuple(contract for contract, _ in draft.tests),
        declared=MappingProxyType(dict(draft.declared)),
        target=draft.target,
        first=draft.first,
        quarantine=draft.quarantine,
        personal=draft.personal,
        after=frozenset(draft.after),
        files=tuple(files),
        stamps=MappingProxyType(stamps(draft.site.config)),
        digest=digest(draft.site.config, files),
        partitions=draft.site.partitions,
    )
