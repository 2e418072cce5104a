"""The state of a project, as one call of `odibi-dagster state` sees it."""

from __future__ import annotations

import getpass
import os
from typing import TYPE_CHECKING

from odibi_dagster.errors import ConfigError, did_you_mean, listing

if TYPE_CHECKING:
    import argparse

    from odibi_dagster.cli.terminal import Terminal
    from odibi_dagster.config.project import Node, Project
    from odibi_dagster.state.admin import Admin, Row
    from odibi_dagster.state.store import Store


class States:
    """What is remembered of a project in one environment, and who asks."""

    def __init__(self, args: argparse.Namespace, project: Project, terminal: Terminal) -> None:
        from odibi_dagster.state.admin import Admin

        self.args, self.project, self.terminal = args, project, terminal
        self.store = open_state(args, project)
        self.admin: Admin = Admin(self.store, project.config.project, who())
        env = project.env or ""
        self.rows = [
            row
            for row in self.admin.rows()
            if row.identity.environment == env and args.partition in (None, row.identity.partition)
        ]

    def row(self) -> Row:
        """The row that the first NODE names. ConfigError where there is one for each partition."""
        found = self.parts()
        if len(found) > 1:
            keys = listing([row.identity.partition for row in found], 20)
            path = found[0].identity.path
            msg = f"'{path}' is remembered for partitions {keys}; write --partition KEY"
            raise ConfigError(msg)
        return found[0]

    def parts(self) -> list[Row]:
        """What the first NODE names, by the node or its `state_key`: a row for each partition."""
        if not self.args.nodes:
            msg = f"state {self.args.action} takes a PIPELINE/NODE"
            raise ConfigError(msg)
        text = self.args.nodes[0]
        found = [row for row in self.rows if text == row.identity.path]
        found = found or [row for row in self.rows if text in self._names(row)]
        paths = list(dict.fromkeys(row.identity.path for row in found))
        if len(paths) == 1:
            return found
        if found:
            msg = f"'{text}' could be {' or '.join(paths)}"
            raise ConfigError(msg)
        known = [row.identity.path for row in self.rows]
        hint = did_you_mean(text, known) if known else "nothing is remembered yet"
        msg = f"nothing is remembered of '{text}'; {hint}"
        raise ConfigError(msg)

    def node_of(self, row: Row) -> Node | None:
        """The node of the file whose state it is; None where there is none any more."""
        from odibi_dagster.assets.identity import identity_of

        mine, key = (row.identity.pipeline, row.identity.node), row.identity.partition
        for node in self.project.nodes.values():
            identity = identity_of(self.project, node)
            if (identity.pipeline, identity.node) == mine and bool(node.partitions) == bool(key):
                return node.at(key) if key else node
        return None

    def _names(self, row: Row) -> tuple[str, ...]:
        node = self.node_of(row)
        return (
            row.identity.path,
            row.identity.node,
            *((str(node.id), node.id.name) if node else ()),
        )


def who() -> str:
    """Who changes the state, as its notes say it; a container may have no name for its user."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = f"uid {os.getuid()}"
    return f"cli:{user}"[:64]


def open_state(args: argparse.Namespace, project: Project) -> Store:
    """The store that runs of this project use."""
    from odibi_dagster.assets.instance import find_home, open_instance
    from odibi_dagster.assets.state_url import VARIABLE, open_store, state_url

    if os.environ.get(VARIABLE) or project.config.dagster.state_url:
        return open_store(state_url(project, None))
    home, ours = find_home(args.config)
    with open_instance(home, ours=ours) as instance:
        return open_store(state_url(project, instance))
