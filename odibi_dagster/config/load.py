"""odibi.yaml in, a checked project out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from odibi_dagster.config.environment import overlaid
from odibi_dagster.config.patterns import unfold_patterns
from odibi_dagster.config.report import Report
from odibi_dagster.config.resolve import resolve
from odibi_dagster.config.salvage import read_blocks
from odibi_dagster.config.substitute import Substitution
from odibi_dagster.config.tree import Source
from odibi_dagster.config.yaml import load_tree
from odibi_dagster.core.collector import collector_paused
from odibi_dagster.errors import ConfigError, Problem

if TYPE_CHECKING:
    from odibi_dagster.config.project import Project
    from odibi_dagster.config.tree import Tree


def load_project(path: str | Path, *, env: str | None = None, strict: bool = False) -> Project:
    """Read and check a project; nothing of its data is touched.

    `env` names the environment to lay over it (else the variable ODIBI_ENV does). With `strict`,
    an unknown key is an error also where Odibi tolerates it. ConfigError names every problem of
    the file with its place; ConfigSyntaxError says that it is not YAML that we accept.

        project = load_project("odibi.yaml", env="prod")
        [str(node) for node in project.nodes]
    """
    with collector_paused():
        return _load(Source(Path(path).absolute(), str(path)), env, strict)


def _load(source: Source, env: str | None, strict: bool) -> Project:
    tree = _mapping(load_tree(source))
    tree, chosen = overlaid(tree, source, env)
    report = Report(tree, strict=strict)
    unfold_patterns(tree, report)
    plain = Substitution(tree, report).plain()
    config, damage = read_blocks(plain, report)
    if config is None:
        report.raise_if_any()
        raise ConfigError([Problem("cannot be read as a project", source.shown)])
    project = resolve(source.path, chosen, config, damage, report)
    report.raise_if_any()
    return project


def _mapping(tree: Tree) -> Tree:
    if not isinstance(tree.value, dict):
        found = "a list" if isinstance(tree.value, list) else repr(tree.value)[:60]
        message = f"expected the keys project, connections and pipelines; found {found}"
        mark = tree.mark
        raise ConfigError([Problem(message, mark.source.shown, mark.line, mark.column)])
    return tree
