"""`--partition KEY`: the one partition that a command is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from odibi_dagster.errors import ConfigError, did_you_mean, listing

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    import dagster as dg

    from odibi_dagster.config.project import Node, Project
    from odibi_dagster.core.names import NodeId

FLAG = "--partition"


def partition_argument(parser: argparse.ArgumentParser, what: str) -> None:
    """The option, for commands that run, judge or show one partition."""
    parser.add_argument(FLAG, metavar="KEY", help=what)


def agreed_key(project: Project, nodes: Iterable[NodeId], asked: str | None) -> str | None:
    """The key for a run of these nodes; None where none of them has partitions.

    ConfigError where they need one and it is not said, is none of theirs, or cannot be one of all.
    """
    running = list(nodes)
    parted = [node for id in running if (node := project.nodes[id]).partitions is not None]
    if not parted:
        if asked is not None:
            msg = f"{FLAG} {asked}: {listing(map(str, running), 5)} has no partitions"
            raise ConfigError(msg)
        return None
    first = parted[0]
    if other := next((node for node in parted if node.partitions != first.partitions), None):
        msg = (
            f"one run has one partition: {first.id} has {first.partitions}, "
            f"{other.id} has {other.partitions}; run them one after the other"
        )
        raise ConfigError(msg)
    return known_key(project, first, asked)


def known_key(project: Project, node: Node, asked: str | None) -> str:
    """The key, if it is one of the node's; ConfigError names the first and the last of them."""
    from odibi_dagster.assets.partitions import partitions_def

    defined = partitions_def(project, node)
    assert defined is not None  # noqa: S101  (asked of nodes with partitions)
    if asked is not None and defined.has_partition_key(asked):
        return asked
    said = f"{FLAG} {asked}: no partition" if asked is not None else "missing partition"
    msg = f"{said} of {node.id}, which has {_there_are(defined, asked)}"
    raise ConfigError(msg)


def _there_are(defined: dg.PartitionsDefinition[Any], asked: str | None) -> str:
    import dagster as dg

    if not isinstance(defined, dg.TimeWindowPartitionsDefinition):
        keys = defined.get_partition_keys()
        hint = did_you_mean(asked, keys) if asked is not None else f"write {FLAG} {keys[0]}"
        return f"{listing(keys, 20)}; {hint}"
    first, last = defined.get_first_partition_key(), defined.get_last_partition_key()
    if first is None:
        return f"none yet: the first begins at {defined.start:%Y-%m-%d %H:%M}"
    return f"{first} to {last} (those that have ended); write {FLAG} {last}"


def named_node(project: Project, node: Node, asked: str | None) -> Node:
    """The node, of one partition where one is named. ConfigError as above."""
    if asked is None:
        return node
    if node.partitions is None:
        msg = f"{FLAG} {asked}: {node.id} has no partitions"
        raise ConfigError(msg)
    return project.at(known_key(project, node, asked)).nodes[node.id]
