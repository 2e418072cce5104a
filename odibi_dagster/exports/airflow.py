"""A task graph as a Python file for Airflow 2.11 and 3.x.

Every text of the project stands in it as a literal. Names of nodes are task ids and never become
identifiers, and no field of a task is a template.
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from odibi_dagster.core.names import QUARANTINE_SUFFIX, slug
from odibi_dagster.errors import ConfigError
from odibi_dagster.exports.graph import refuse_cycles

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import timedelta

    from odibi_dagster.core.names import NodeId
    from odibi_dagster.exports.graph import Flow, Task, TaskGraph

LAYOUTS = ("pipelines", "one-dag")
GROUPS = ("pipeline", "tag")
"""What a group of tasks is."""
RUNNERS = ("bash", "kubernetes")
"""Where a node runs: on Airflow's worker, or in a pod of its own."""
NO_PARTITIONS = ("none", 0)
"""What a task is told whose node has none, where others have: a key is not for it."""
_INDENT = "    "
_GROUP = "with TaskGroup("
_MAX_TAG = 100
"""Airflow refuses a DAG with a longer one."""
_MAX_POOL = 256
_MAX_ID = 250
"""Airflow refuses a task with a longer name, that of its group included."""
_GROUPED = re.compile(r"\[\[(.*?)\]\]", re.DOTALL)
"""The parts of the head that only a DAG with groups needs."""


def airflow_dags(
    graph: TaskGraph,
    *,
    config: str,
    layout: str = "pipelines",
    group_by: str = "pipeline",
    runner: str = "bash",
    image: str = "",
) -> str:
    """The file: a DAG per pipeline, or (`one-dag`) one for all of them.

    `config` is the path of odibi.yaml as seen from the file's folder, or in the `image` whose pods
    run the nodes. Tasks of one DAG are in groups by pipeline, or by the first tag of their nodes.
    ConfigError where pipelines wait for each other, or have several schedules in one DAG.
    """
    dags = [*(_one if layout == "one-dag" else _each)(graph, group_by)]
    grouped = any(line.strip() == _GROUP for line in dags)
    env, zone = graph.env or "", graph.timezone
    texts = {"CONFIG": config, "ENVIRONMENT": env, "IMAGE": image, "TIMEZONE": zone}
    head = _head(runner, grouped, texts)
    return "\n".join([*_about(graph), head.rstrip(), "", "", *_assets(graph), "", *dags, ""])


def _head(runner: str, grouped: bool, texts: Mapping[str, str]) -> str:
    """What is the same in every file of a runner, and the texts of this project in it."""
    head, outcome = (
        files(__package__).joinpath(f"airflow_{part}.txt").read_text(encoding="utf-8")
        for part in (runner, "outcome")
    )
    head = _GROUPED.sub(r"\1" if grouped else "", head.replace("%OUTCOME%", outcome))
    # in one go: a text may hold the name of another's place
    return re.sub("%([A-Z]+)%", lambda place: literal(texts[place[1]]), head)


def literal(value: Any) -> str:
    """A value as Python writes it; text in double quotes where that needs no more escapes.

    >>> literal("raw orders"), literal('the "raw" zone')
    ('"raw orders"', '\\'the "raw" zone\\'')
    """
    written = repr(value)
    if isinstance(value, str) and written[0] == "'" and '"' not in value:
        return f'"{written[1:-1]}"'
    return written


def _about(graph: TaskGraph) -> Iterator[str]:
    yield f"# Made by `odibi-dagster export-airflow` from odibi.yaml (sha256 {graph.digest})."
    yield "# Do not edit: change odibi.yaml and export again."
    yield '"""One task per node, which runs `odibi-dagster run-node` in its own environment."""'
    yield ""


def _assets(graph: TaskGraph) -> Iterator[str]:
    yield "ASSETS = {"
    for node in sorted({node for flow in graph.flows for node in (*flow.nodes, *flow.feeds)}):
        yield f"{_INDENT}{literal(str(node))}: Asset({literal(_uri(graph, node))}),"
    yield "}"
    yield "DEFAULTS = {"
    yield from _indented(_defaults(graph))
    yield "}"


def _defaults(graph: TaskGraph) -> Iterator[str]:
    retry = graph.retry
    yield f'"retries": {retry.times},'
    if retry.times:
        yield f'"retry_delay": {_seconds(retry.delay)},'
        yield f'"retry_exponential_backoff": {retry.doubles},'
        yield '"max_retry_delay": timedelta(hours=1),'


def _each(graph: TaskGraph, group_by: str) -> Iterator[str]:
    refuse_cycles(graph, "write --layout one-dag")
    for flow in graph.flows:
        fed = flow.schedule is None and flow.feeds
        when = _list(map(_asset, flow.feeds)) if fed else literal(flow.schedule)
        name = f"{slug(graph.project)}__{flow.name}"
        yield ""
        yield from _dag(graph, name, [flow], when, flow.doc)
        groups = _by_tag(flow.tasks) if group_by == "tag" else [Group(None, "", flow.tasks)]
        yield from _indented(["tasks = {}", *_grouped(graph, groups), *_edges([flow])])


def _one(graph: TaskGraph, group_by: str) -> Iterator[str]:
    schedules = sorted({flow.schedule for flow in graph.flows if flow.schedule})
    if len(schedules) > 1:
        msg = (
            f"one DAG has one schedule, and the pipelines have {', '.join(schedules)}; give them "
            "the same one, or export a DAG per pipeline (--layout pipelines)"
        )
        raise ConfigError(msg)
    when = literal(schedules[0] if schedules else None)
    yield ""
    yield from _dag(graph, slug(graph.project), graph.flows, when, "")
    tasks = [task for flow in graph.flows for task in flow.tasks]
    by_pipeline = (Group(flow.name, flow.doc, flow.tasks) for flow in graph.flows)
    groups = _by_tag(tasks, apart=True) if group_by == "tag" else by_pipeline
    yield from _indented(["tasks = {}", *_grouped(graph, groups), *_edges(graph.flows)])


@dataclass(frozen=True)
class Group:
    """Tasks in a box of Airflow's graph; without a name, in none."""

    name: str | None
    doc: str
    tasks: Sequence[Task]
    apart: bool = False
    """Whether tasks of several pipelines may be in it: then their names hold the pipeline."""


def _by_tag(tasks: Sequence[Task], *, apart: bool = False) -> Iterator[Group]:
    """By the first tag; no node has a name like that of such a group."""
    named = {task.node: None if task.tag is None else f"tag-{slug(task.tag)}" for task in tasks}
    for name in dict.fromkeys(named.values()):
        mine = [task for task in tasks if named[task.node] == name]
        yield Group(name, mine[0].tag or "", mine, apart)


def _grouped(graph: TaskGraph, groups: Iterable[Group]) -> Iterator[str]:
    for group in groups:
        tasks = _tasks(graph, group)
        if group.name is None:
            yield from tasks
            continue
        yield _GROUP
        named = [f"group_id={literal(group.name)},", f"tooltip={literal(group.doc)},"]
        yield from _indented(named)
        yield "):"
        yield from _indented(tasks)


def _dag(graph: TaskGraph, name: str, flows: Sequence[Flow], when: str, doc: str) -> Iterator[str]:
    start = min(flow.start for flow in flows)
    tags = sorted({tag[:_MAX_TAG] for flow in flows for tag in flow.tags})
    yield "with DAG("
    yield from _indented(
        [
            f"dag_id={literal(name)},",
            *([f"description={literal(doc)},"] if doc else []),
            f"schedule={when},",
            f"start_date=pendulum.datetime({start.year}, {start.month}, {start.day}, "
            f"tz={literal(graph.timezone)}),",
            f"catchup={all(flow.catchup for flow in flows)},",
            f"max_active_runs={min(flow.max_active_runs for flow in flows)},",
            "default_args=DEFAULTS,",
            "params=PARAMS,",
            f"tags={_list(map(literal, tags))},",
        ]
    )
    yield "):"


def _tasks(graph: TaskGraph, group: Group) -> Iterator[str]:
    for task in group.tasks:
        node = task.node
        name = f"{node.pipeline}__{node.name}" if group.apart else node.name
        if len(name) + len(group.name or "") >= _MAX_ID:
            msg = f"{node}: the name of its task would have more than {_MAX_ID} characters"
            raise ConfigError(msg)
        yield f"{_variable(node)} = OdibiNode("
        yield from _indented([f"task_id={literal(name)},", *_arguments(graph, task)])
        yield ")"


def _arguments(graph: TaskGraph, task: Task) -> Iterator[str]:
    yield f"node={literal(str(task.node))},"
    if graph.has_partitions:
        span, weekday = task.partitions or NO_PARTITIONS
        yield f"partitions=({literal(span)}, {weekday}),"
    if task.doc:
        # a text that ends in .md would be taken for the name of a file
        yield f"doc_md={literal(task.doc + chr(10))},"
    if task.owner:
        yield f"owner={literal(task.owner)},"
    if task.pool:
        yield f"pool={literal(task.pool[:_MAX_POOL])},"
    if task.timeout:
        yield f"execution_timeout={_seconds(task.timeout)},"
    if task.after:
        yield f"inlets={_list(map(_asset, task.after))},"
    outlets = [_asset(task.node)]
    if task.quarantines:
        outlets.append(f"AssetAlias({literal(_uri(graph, task.node) + QUARANTINE_SUFFIX)})")
    yield f"outlets={_list(outlets)},"


def _edges(flows: Sequence[Flow]) -> Iterator[str]:
    inside = {node for flow in flows for node in flow.nodes}
    for flow in flows:
        for task in flow.tasks:
            if ups := [_variable(up) for up in task.after if up in inside]:
                yield f"{_variable(task.node)} << {_list(ups)}"


def _asset(node: NodeId) -> str:
    return f"ASSETS[{literal(str(node))}]"


def _variable(node: NodeId) -> str:
    return f"tasks[{literal(str(node))}]"


def _list(items: Iterable[str]) -> str:
    """One item in the line, several each in a line of its own."""
    each = list(items)
    if len(each) == 1:
        return f"[{each[0]}]"
    return "\n".join(["[", *(f"{_INDENT}{item}," for item in each), "]"])


def _uri(graph: TaskGraph, node: NodeId) -> str:
    return f"odibi://{slug(graph.project)}/{node.pipeline}/{node.name}"


def _seconds(length: timedelta) -> str:
    return f"timedelta(seconds={length.total_seconds()})"


def _indented(lines: Sequence[str] | Iterator[str], by: int = 1) -> Iterator[str]:
    for line in lines:
        yield textwrap.indent(line, _INDENT * by)
