"""The partitions of a node that are stored, and all of them as one table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from odibi_dagster.core.partition import filled, folder_of, key_in
from odibi_dagster.errors import DataReadError, SchemaContractError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from odibi_dagster.config.partitions import Partitions
    from odibi_dagster.config.project import Node, Target
    from odibi_dagster.core.frame import Frame


def stored_partitions(node: Node) -> list[Node]:
    """The node for each of its partitions that is stored, sorted; of one partition, itself.

    DataReadError where a database holds them, whose tables are not listed.
    """
    if node.partitions is None or node.partition is not None:
        return [node]
    assert node.target is not None  # noqa: S101  (a view is not asked)
    return [node.at(key) for key in stored_keys(node.partitions, node.target)]


def stored_keys(partitions: Partitions, target: Target) -> list[str]:
    """The keys under which something is stored there, sorted. DataReadError as above."""
    if partitions.static is None and target.format.in_database:
        msg = f"{target.location}: tables of a database are not listed; name one partition"
        raise DataReadError(msg)
    keys = partitions.static or filter(partitions.has, _named(target.location.path))
    return sorted(key for key in keys if target.format.exists(filled(target.location, key)))


def _named(pattern: Path) -> Iterator[str]:
    """What stands for `{partition}` in names that lie there."""
    folder = folder_of(pattern)
    for entry in folder.iterdir() if folder.is_dir() else ():
        if (key := key_in(entry, pattern)) is not None:
            yield key


def united(node: Node, frames: Sequence[tuple[Node, Frame]]) -> Frame:
    """All rows of these partitions; a column that one of them lacks is null there.

    SchemaContractError where a column has another type in one than in another.
    """
    seen: dict[str, tuple[Node, nw.dtypes.DType]] = {}
    for each, frame in frames:
        for name, dtype in frame.collect_schema().items():
            first, known = seen.setdefault(name, (each, dtype))
            if dtype != known:
                msg = (
                    f"node {node.id}: column '{name}' is {known} in partition {first.partition} "
                    f"and {dtype} in {each.partition}; run one of them again"
                )
                raise SchemaContractError(msg)
    plain = [frame for _, frame in frames]
    return plain[0] if len(plain) == 1 else nw.concat(plain, how="diagonal")
