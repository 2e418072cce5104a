"""One project, several environments: what `environments.<env>` and `env.<env>.yaml` lay over it."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from odibi_dagster.config.tree import Source, Tree, merged
from odibi_dagster.config.yaml import load_tree
from odibi_dagster.errors import ConfigError, Problem, did_you_mean

if TYPE_CHECKING:
    from pathlib import Path

VARIABLE = "ODIBI_ENV"
_KEY = "environments"


def overlaid(tree: Tree, source: Source, env: str | None) -> tuple[Tree, str | None]:
    """The tree with its environment laid over it, and that environment's name.

    The name is `env`, else the variable ODIBI_ENV; without one the file stands as it is. First
    comes the block under `environments`, then the file `env.<env>.yaml` beside odibi.yaml.
    ConfigError where neither knows the name.
    """
    chosen = env or os.environ.get(VARIABLE) or None
    if chosen is None:
        return tree, None
    block = tree.get(_KEY)
    inline = block.get(chosen) if block else None
    file = _file(source, chosen)
    if inline is None and file is None:
        raise ConfigError([Problem(_unknown(chosen, block, source.path.parent), source.shown)])
    if inline is not None and isinstance(inline.value, dict):
        tree = merged(tree, inline)
    if file is not None:
        tree = merged(tree, _mapping(load_tree(file), file))
    return tree, chosen


def _file(source: Source, env: str) -> Source | None:
    if not re.fullmatch(r"[A-Za-z0-9_.\-]+", env):
        return None
    name = f"env.{env}.yaml"
    path = source.path.with_name(name)
    shown = source.shown[: len(source.shown) - len(source.path.name)] + name
    return Source(path, shown) if path.exists() else None


def _mapping(tree: Tree, source: Source) -> Tree:
    if not isinstance(tree.value, dict):
        place = (source.shown, tree.mark.line, tree.mark.column)
        raise ConfigError([Problem("expected a mapping of the keys to replace", *place)])
    return tree


def _unknown(env: str, block: Tree | None, folder: Path) -> str:
    inline = set(block.value) if block and isinstance(block.value, dict) else set()
    files = {path.name[len("env.") : -len(".yaml")] for path in folder.glob("env.*.yaml")}
    known = inline | files
    hint = did_you_mean(env, known) if known else "the project has no environments"
    return f"unknown environment {env!r}; {hint}"
