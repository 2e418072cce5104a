"""`pattern: {type, params}` is another way to write `transformer` and `params`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from odibi_dagster.config.report import Loc, Report
    from odibi_dagster.config.tree import Tree

_KEY = "pattern"
_TARGETS = {"type": "transformer", "params": "params"}


def unfold_patterns(tree: Tree, report: Report) -> None:
    """Rewrite every pattern of the tree in place; what is written keeps its place in messages."""
    for node, at in _nodes(tree):
        if _KEY in node.value:
            _unfold(node, (*at, _KEY), report)


def _nodes(tree: Tree) -> Iterator[tuple[Tree, Loc]]:
    pipelines = tree.get("pipelines")
    for p, pipeline in enumerate(pipelines.items() if pipelines else ()):
        nodes = pipeline.get("nodes")
        for n, node in enumerate(nodes.items() if nodes else ()):
            if isinstance(node.value, dict):
                yield node, ("pipelines", p, "nodes", n)


def _unfold(node: Tree, at: Loc, report: Report) -> None:
    block = node.value[_KEY]
    written = block.value if isinstance(block.value, dict) else {}
    if "type" not in written or not written.keys() <= _TARGETS.keys():
        report.error("a pattern is written as pattern: {type: <name>, params: {...}}", at)
    elif node.value.keys() & set(_TARGETS.values()):
        report.error("write pattern, or transformer and params, not both", at, key=True)
    else:
        for key, child in written.items():
            node.value[_TARGETS[key]] = child
            (node.keys or {})[_TARGETS[key]] = (block.keys or {})[key]
    del node.value[_KEY]
    (node.keys or {}).pop(_KEY)
