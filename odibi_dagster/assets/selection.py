"""Which nodes are meant: `silver`, `silver/flights`, `+gold/routes`, or Dagster's own syntax."""

from __future__ import annotations

import re
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

import dagster as dg
from dagster._core.definitions.asset_selection import DagsterInvalidAssetSelectionError

from odibi_dagster.assets.quiet import quietly
from odibi_dagster.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

_TERM = re.compile(r"(\+*)([A-Za-z_][\w/]*)(\+*)")


def choose(
    assets: Sequence[dg.AssetsDefinition], select: str | Sequence[str]
) -> list[dg.AssetsDefinition]:
    """The assets that a selection names, whole nodes only (a node keeps its quarantine)."""
    keys = selected_keys(assets, select)
    return [asset for asset in assets if keys & set(asset.keys)]


def selected_keys(
    assets: Sequence[dg.AssetsDefinition], select: str | Sequence[str]
) -> set[dg.AssetKey]:
    """The asset keys that a selection names, quarantines of selected nodes included.

    ConfigError where a name is unknown or nothing is selected.
    """
    terms = [select] if isinstance(select, str) else list(select)
    with quietly():
        selection = reduce(or_, [_selection(assets, term.strip()) for term in terms])
        keys = set(selection.resolve(list(assets)))
    if not keys:
        msg = f"nothing is selected by {', '.join(map(repr, terms))}"
        raise ConfigError(msg)
    return keys | {key for asset in assets if keys & set(asset.keys) for key in asset.keys}


def _selection(assets: Sequence[dg.AssetsDefinition], term: str) -> dg.AssetSelection:
    if not (match := _TERM.fullmatch(term)):
        return _dagster_syntax(term)
    before, name, after = match.groups()
    selection = _named(assets, name)
    if before:
        selection = selection.upstream(depth=None if len(before) == 1 else len(before))
    if after:
        selection = selection.downstream(depth=None if len(after) == 1 else len(after))
    return selection


def _named(assets: Sequence[dg.AssetsDefinition], name: str) -> dg.AssetSelection:
    """A node by the end of its key, or a pipeline by its group."""
    parts = name.strip("/").split("/")
    keys = [key for asset in assets for key in asset.keys if key.path[-len(parts) :] == parts]
    if len(parts) > 1 and keys:
        return dg.AssetSelection.assets(*keys)
    groups = {group for asset in assets for group in asset.group_names_by_key.values()}
    if name in groups:
        return dg.AssetSelection.groups(name)
    known = {"/".join(key.path[-2:]) for asset in assets for key in asset.keys}
    msg = f"nothing is called '{name}'; {did_you_mean(name, known | groups)}"
    raise ConfigError(msg)


def _dagster_syntax(term: str) -> dg.AssetSelection:
    try:
        return dg.AssetSelection.from_string(term)
    except DagsterInvalidAssetSelectionError as error:
        msg = (
            f"cannot read the selection {term!r}; write a pipeline (silver), a node "
            f"(silver/flights), +silver/flights for what lies upstream, or Dagster's own syntax"
        )
        raise ConfigError(msg) from error
