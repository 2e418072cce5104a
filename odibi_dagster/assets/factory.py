"""odibi.yaml in, assets out: one op per node, publishing in the op."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import dagster as dg

from odibi_dagster.assets.chain import run_key_of, short
from odibi_dagster.assets.events import DagsterFace
from odibi_dagster.assets.halt import halted_by
from odibi_dagster.assets.identity import identity_of
from odibi_dagster.assets.memory import Memory
from odibi_dagster.assets.mends import FULL_REFRESH_TAG
from odibi_dagster.assets.metadata import code_reference
from odibi_dagster.assets.op import assets_of_op
from odibi_dagster.assets.partitions import key_for, of_run
from odibi_dagster.assets.progress import Board, Work, shown
from odibi_dagster.assets.quiet import quietly
from odibi_dagster.assets.rejudge import rejudge_node
from odibi_dagster.assets.run import NodeRun, run_node
from odibi_dagster.assets.selection import choose
from odibi_dagster.assets.state_url import open_store, state_url
from odibi_dagster.assets.translator import OdibiNode, OdibiTranslator
from odibi_dagster.checks.base import OnFail
from odibi_dagster.config.load import load_project
from odibi_dagster.config.project import External, Node, Project, Target
from odibi_dagster.core.collector import collector_paused, settle
from odibi_dagster.core.names import NodeId, slug
from odibi_dagster.engines.base import get_engine
from odibi_dagster.errors import ContractError, OdibiError
from odibi_dagster.io_managers.polars import PolarsIOManager
from odibi_dagster.io_managers.projects import NODE_KEY, PROJECT_KEY, QUARANTINE_KEY, remember
from odibi_dagster.plan.planner import Planner

IO_MANAGER_KEY = "odibi_io_manager"
"""Reserved: nodes are loaded by our IO manager under this key."""


def load_odibi_assets(
    path: str | Path,
    *,
    env: str | None = None,
    select: str | Sequence[str] | None = None,
    key_prefix: str | Sequence[str] | None = None,
    translator: OdibiTranslator | None = None,
    io_manager: dg.IOManager | None = None,
) -> list[dg.AssetsDefinition]:
    """The nodes of an odibi.yaml as assets, with their checks and their IO manager bound.

    `path` is relative to the file that calls this. `env` chooses an environment (else
    `ODIBI_ENV`); `select` keeps some pipelines (`"silver"`) or nodes (`"silver/flights"`);
    `key_prefix` goes before `[pipeline, node]` in every key. ConfigError lists every problem.

    >>> defs = dg.Definitions(assets=load_odibi_assets("odibi.yaml"))
    """
    file = beside_caller(path)
    with collector_paused():
        project = load_project(file, env=env)
        return project_assets(
            project,
            select=select,
            key_prefix=key_prefix,
            translator=translator,
            io_manager=io_manager,
        )


def beside_caller(path: str | Path, depth: int = 2) -> Path:
    """A relative path starts at the folder of the file that called us, else where we are."""
    path = Path(path)
    caller = sys._getframe(depth).f_globals.get("__file__")
    if path.is_absolute() or caller is None:
        return path.absolute()
    return Path(caller).absolute().parent / path


def project_assets(
    project: Project,
    *,
    select: str | Sequence[str] | None = None,
    key_prefix: str | Sequence[str] | None = None,
    translator: OdibiTranslator | None = None,
    io_manager: dg.IOManager | None = None,
    board: Board | None = None,
    only: Collection[NodeId] | None = None,
) -> list[dg.AssetsDefinition]:
    """The assets of a project that is loaded already. See `load_odibi_assets`.

    On the `board` stands what is at work, for a caller that runs the assets in this process. Such a
    one may name the `only` nodes that it is going to run: the others are not made.
    """
    with quietly(), collector_paused():
        translator, board = translator or OdibiTranslator(), {} if board is None else board
        made = [node for id, node in project.nodes.items() if only is None or id in only]
        factory = _Factory(project, made, key_prefix, translator, io_manager, board)
        assets = [factory.asset(node) for node in made]
        settle(len(assets))
    return assets if select is None else choose(assets, select)


class _Factory:
    """Builds the assets of one project; holds what they share."""

    def __init__(
        self,
        project: Project,
        made: Sequence[Node],
        key_prefix: str | Sequence[str] | None,
        translator: OdibiTranslator,
        io_manager: dg.IOManager | None,
        board: Board,
    ) -> None:
        prefix = [key_prefix] if isinstance(key_prefix, str) else list(key_prefix or ())
        self._prefix = prefix
        self._project, self._board = project, board
        self._translator = translator
        self._token = remember(project)
        named = dict.fromkeys(id for node in made for id in (node.id, *node.after))
        self._data = {id: OdibiNode(project, project.nodes[id], prefix) for id in named}
        self._specs = {id: translator.get_asset_spec(data) for id, data in self._data.items()}
        self._io_key, manager = _io_manager(io_manager)
        self._resources = {self._io_key: manager}
        self._op_prefix = "__".join([*prefix, project.config.project])
        promises = (c for n in project.nodes.values() for c in (*n.contracts, *n.tests))
        self._may_halt = any(contract.on_fail is OnFail.HALT for contract in promises)

    def asset(self, node: Node) -> dg.AssetsDefinition:
        spec = self._complete(node, self._specs[node.id])
        if not node.config.enabled:
            return dg.AssetsDefinition(specs=[spec], resource_defs=self._resources)
        quarantine = self._quarantine(node, spec)
        checks = {
            name: self._translator.get_check_spec(self._data[node.id], contract, name, spec)
            for name, contract in node.checks.items()
        }
        keys = {name: check.key for name, check in checks.items()}
        rejects = quarantine.key if quarantine else None

        def materialize(context, inputs):  # type: ignore[no-untyped-def]  # noqa: ARG001
            # no annotations: Dagster would resolve them anew for every op (0.1 ms each)
            run_id = short(context.run.run_id)
            # the engine is imported by the process that runs a node, not by one that loads it
            engine = get_engine(self._project.engine)
            project, part = of_run(self._project, node, context)
            face = DagsterFace(context, part, spec.key, rejects, keys, engine, run_id)
            with shown(Work(project, part, engine.meter), face.say, self._board):
                yield from self._run(context, project, face)

        return assets_of_op(
            _op_name(self._op_prefix, node.id),
            materialize,
            [spec, quarantine] if quarantine else [spec],
            list(checks.values()),
            resources=self._resources,
            pool=_pool(self._project, node, self._op_prefix),
        )

    def _run(
        self, context: dg.AssetExecutionContext, project: Project, face: DagsterFace
    ) -> Iterator[Any]:
        def external(source: External) -> Any:
            key = dg.AssetKey(source.key)
            return context.load_asset_value(key, partition_key=key_for(context, face.node, key))

        if self._may_halt and (halted := halted_by(context.instance, context.run)):
            msg = f"node {face.node.id}: not started, because a contract of {halted} halted the run"
            metadata = {"odibi/exit_code": ContractError.exit_code}
            raise dg.Failure(msg, metadata=metadata, allow_retries=False)
        planner = Planner(project, face.engine, external)
        due = set(context.selected_asset_check_keys)
        try:
            memory = self._memory(context, face.node)
            run = NodeRun(face.node, planner, memory)
            for event in (
                run_node(run, face) if face.publishes else rejudge_node(run, face.asked, face)
            ):
                if isinstance(event, dg.AssetCheckResult):
                    due.discard(dg.AssetCheckKey(face.key, str(event.check_name)))
                yield event
        except OdibiError as error:
            place = f"node {face.node.id}"
            text = str(error)
            raise dg.Failure(
                text if text.startswith(place) else f"{place}: {text}",
                metadata={"odibi/exit_code": error.exit_code},
                allow_retries=error.transient,
            ) from (None if face.engine.discretion.withholds else error)
        if due:
            # Dagster takes a check that was never yielded for a passed one
            names = ", ".join(sorted(key.name for key in due))
            msg = f"node {face.node.id}: no result for {names}; this is a bug in odibi_dagster"
            raise dg.Failure(msg, allow_retries=False)

    def _memory(self, context: dg.AssetExecutionContext, node: Node) -> Memory:
        return Memory(
            open_store(state_url(self._project, context.instance)),
            identity_of(self._project, node, self._prefix),
            context.run.run_id,
            run_key_of(context.run, context.instance),
            full_refresh=context.run.tags.get(FULL_REFRESH_TAG) == "true",
        )

    def _complete(self, node: Node, spec: dg.AssetSpec) -> dg.AssetSpec:
        """What no translator needs to think of: dependencies, IO manager, code, identity."""
        deps = [self._specs[upstream].key for upstream in sorted(node.after)]
        read = (*node.sources.values(), *node.references.values())
        deps += [dg.AssetKey(source.key) for source in read if isinstance(source, External)]
        return spec.replace_attributes(
            deps=[*spec.deps, *dict.fromkeys(deps)],
            skippable=True,
            code_version=node.digest,
            metadata={**spec.metadata, **self._metadata(node, node.target)},
        )

    def _quarantine(self, node: Node, spec: dg.AssetSpec) -> dg.AssetSpec | None:
        if node.quarantine is None:
            return None
        quarantine = self._translator.get_quarantine_spec(self._data[node.id], spec)
        ours = self._metadata(node, node.quarantine.target) | {QUARANTINE_KEY: True}
        return quarantine.replace_attributes(
            deps=[*quarantine.deps, spec.key],
            skippable=True,
            metadata={**quarantine.metadata, **ours},
        )

    def _metadata(self, node: Node, target: Target | None) -> dict[str, Any]:
        return {
            "dagster/io_manager_key": self._io_key,
            "dagster/code_references": code_reference(node),
            PROJECT_KEY: self._token,
            NODE_KEY: str(node.id),
            **({"dagster/uri": target.location.uri} if target else {}),
        }


def pipeline_of(asset: dg.AssetsDefinition) -> str:
    """The pipeline whose node an asset was made from."""
    return str(next(iter(asset.specs)).metadata[NODE_KEY]).split("/")[0]


def _op_name(prefix: str, node_id: NodeId) -> str:
    return f"{slug(prefix)}__{node_id.pipeline}__{node_id.name}"


def _pool(project: Project, node: Node, prefix: str) -> str | None:
    """The pool that is named; a node that adds to its target, or keeps a mark, has one of its own.

    Where such pools have a limit, Dagster lets two runs of a node wait for each other before they
    start. What keeps the data right is the lease.
    """
    pipeline = project.pipelines[node.id.pipeline]
    named = node.config.dagster.pool or pipeline.dagster.pool or project.config.dagster.pool
    adds = node.target is not None and node.target.mode != "overwrite"
    return named or (_op_name(prefix, node.id) if adds or node.incremental else None)


_MANAGERS: list[tuple[dg.IOManager | None, dg.IOManagerDefinition]] = []


def _io_manager(own: dg.IOManager | None) -> tuple[str, dg.IOManagerDefinition]:
    """A reserved key, and the one object Dagster demands under it in a process.

    A user's own manager gets a numbered key: the number follows the order of loading, so that
    a spawned step that loads the same definitions finds the same key.
    """
    if not _MANAGERS:
        default = dg.IOManagerDefinition.hardcoded_io_manager(PolarsIOManager())
        _MANAGERS.append((None, default))
    for number, (manager, definition) in enumerate(_MANAGERS):
        if manager is own:
            return f"{IO_MANAGER_KEY}_{number}" if number else IO_MANAGER_KEY, definition
    assert own is not None  # noqa: S101  (None stands first in the table)
    _MANAGERS.append((own, dg.IOManagerDefinition.hardcoded_io_manager(own)))
    return f"{IO_MANAGER_KEY}_{len(_MANAGERS) - 1}", _MANAGERS[-1][1]
