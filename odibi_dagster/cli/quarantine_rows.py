"""The quarantines of a project, as one call of `odibi-dagster quarantine` sees them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from odibi_dagster.errors import ConfigError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Mapping, Sequence

    from odibi_dagster.cli.terminal import Terminal
    from odibi_dagster.config.project import Node, Project, Target
    from odibi_dagster.core.frame import Frame
    from odibi_dagster.plan.planner import Planner


class Quarantines:
    """The nodes that set rows aside, those that were named or all, and what was rejected."""

    def __init__(self, args: argparse.Namespace, project: Project, terminal: Terminal) -> None:
        self.args, self._whole, self.terminal = args, project, terminal
        self.project = project.at(args.partition) if args.partition else project

    @cached_property
    def planner(self) -> Planner:
        """What reads them."""
        from odibi_dagster.engines.base import get_engine
        from odibi_dagster.plan.planner import Planner

        return Planner(self.project, get_engine(self.project.engine))

    @cached_property
    def nodes(self) -> Sequence[Node]:
        """In the order of the file; ConfigError where one that is named has no quarantine."""
        from odibi_dagster.cli.partition import named_node
        from odibi_dagster.cli.show import find_node

        whole, key = self._whole, self.args.partition
        if not self.args.nodes:
            every = [node for node in whole.nodes.values() if node.quarantine is not None]
            return [named_node(whole, n, key) for n in every if key is None or n.partitions]
        ids = [find_node(whole, text)[0] for text in self.args.nodes]
        found = [named_node(whole, whole.nodes[id], key) for id in ids]
        for node in found:
            if node.quarantine is None:
                msg = (
                    f"node {node.id} has no quarantine: no contract of it says on_fail: quarantine"
                )
                raise ConfigError(msg)
        return found

    @property
    def node(self) -> Node:
        """The one that is named; ConfigError where that is none, or several."""
        if len(self.args.nodes) != 1:
            msg = f"quarantine {self.args.action} takes one PIPELINE/NODE"
            raise ConfigError(msg)
        return self.nodes[0]

    def rows(self, node: Node) -> Frame | None:
        """Everything that is stored of a node's rejected rows; None where nothing ever was."""
        there = any(each.format.exists(each.location) for each in self._targets(node))
        return self.planner.rejected(node) if there else None

    def parts(self, node: Node) -> list[Node]:
        """The node for each partition that rejected rows are stored of; of one, itself."""
        from odibi_dagster.plan.partitions import stored_keys

        assert node.quarantine is not None  # noqa: S101  (it is one of `nodes`)
        if node.partitions is None or node.partition is not None:
            return [node]
        return [node.at(key) for key in stored_keys(node.partitions, node.quarantine.target)]

    def _targets(self, node: Node) -> list[Target]:
        return [each.quarantine.target for each in self.parts(node) if each.quarantine]

    def print(self, names: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
        """As a table, or as JSON."""
        from odibi_dagster.cli.rows import FORMATS

        kind = "json" if self.args.json else "table"
        for text in FORMATS[kind](names, [list(rows)], self.terminal.is_live):
            self.terminal.write(text)
