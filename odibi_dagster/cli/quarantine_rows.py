"""The quarantines of a project, as one call of `odibi-dagster quarantine` sees them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from odibi_dagster.errors import ConfigError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Mapping, Sequence

    from odibi_dagster.cli.terminal import Terminal
    from odibi_dagster.config.project import Node, Project
    from odibi_dagster.core.frame import Frame
    from odibi_dagster.plan.planner import Planner


class Quarantines:
    """The nodes that set rows aside, those that were named or all, and what was rejected."""

    def __init__(self, args: argparse.Namespace, project: Project, terminal: Terminal) -> None:
        self.args, self.project, self.terminal = args, project, terminal

    @cached_property
    def planner(self) -> Planner:
        """What reads them."""
        from odibi_dagster.engines.base import get_engine
        from odibi_dagster.plan.planner import Planner

        return Planner(self.project, get_engine(self.project.engine))

    @cached_property
    def nodes(self) -> Sequence[Node]:
        """In the order of the file; ConfigError where one that is named has no quarantine."""
        from odibi_dagster.cli.show import find_node

        if not self.args.nodes:
            return [node for node in self.project.nodes.values() if node.quarantine is not None]
        found = [self.project.nodes[find_node(self.project, text)[0]] for text in self.args.nodes]
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
        assert node.quarantine is not None  # noqa: S101  (it is one of `nodes`)
        target = node.quarantine.target
        if not target.format.exists(target.location):
            return None
        return self.planner.quarantine(node.id)

    def print(self, names: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
        """As a table, or as JSON."""
        from odibi_dagster.cli.rows import FORMATS

        kind = "json" if self.args.json else "table"
        for text in FORMATS[kind](names, [list(rows)], self.terminal.is_live):
            self.terminal.write(text)
