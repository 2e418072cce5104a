"""The steps of a node, each built by the transform that owns its parameters."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from odibi_dagster.config.later import LATER, lookup
from odibi_dagster.config.site import TOO_DEEP
from odibi_dagster.config.tree import Source
from odibi_dagster.config.yaml import read_text
from odibi_dagster.connections.paths import confined
from odibi_dagster.core.fate import not_yet
from odibi_dagster.errors import ConfigError
from odibi_dagster.transforms.base import Transform, transforms

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from odibi_dagster.config.node import StepConfig
    from odibi_dagster.config.report import Loc, Report
    from odibi_dagster.config.site import Setting, Site

FUNCTIONS = "transforms.py"
"""Where a project keeps its own transforms, beside odibi.yaml."""
_WAYS = ("sql", "sql_file", "function", "operation")


@dataclass
class Steps:
    """What a node does, in order; where each step stands, and the files it was read from."""

    steps: list[Transform] = field(default_factory=list)
    places: list[Loc] = field(default_factory=list)
    needs: list[frozenset[str]] = field(default_factory=list)
    """The other frames that each step reads."""
    files: list[Path] = field(default_factory=list)
    """What else says what they do: SQL files, and the project's own functions."""
    complete: bool = True

    def add(self, step: Transform | None, at: Loc, report: Report) -> None:
        """Take one more step; None stands for one that was wrong and has been reported."""
        if step is None:
            self.complete = False
            return
        try:
            needs = step.needs()
        except RecursionError:
            self.complete = False
            report.error(TOO_DEEP, at)
            return
        self.needs.append(needs)
        self.steps.append(step)
        self.places.append(at)


def build_steps(site: Site, setting: Setting) -> Steps:
    """The transformer, then `transform.steps`."""
    config, found = site.config, Steps()
    if config.transformer is not None:
        at = (*site.at, "transformer")
        step = _named(config.transformer, config.params, at, (*site.at, "params"), setting)
        found.add(step, at, setting.report)
    elif config.params:
        message = "params without a transformer; write transformer: <name>"
        setting.report.error(message, (*site.at, "params"), key=True)
    for index, written in enumerate(config.transform.steps if config.transform else ()):
        at = (*site.at, "transform", "steps", index)
        found.add(_step(written, at, found, setting), at, setting.report)
    if any(step.kind in setting.functions for step in found.steps):
        found.files.append(setting.root / FUNCTIONS)
    return found


def _step(step: StepConfig, at: Loc, found: Steps, setting: Setting) -> Transform | None:
    ways = [way for way in _WAYS if getattr(step, way) is not None]
    if len(ways) != 1:
        written = f"found {' and '.join(ways)}" if ways else "found none of them"
        setting.report.error(f"a step is one of {', '.join(_WAYS)}; {written}", at)
        return None
    way = ways[0]
    if step.params and way in ("sql", "sql_file"):
        setting.report.error(f"{way} takes no params", (*at, "params"), key=True)
    if step.sql is not None:
        return _sql(step.sql, (*at, "sql"), setting)
    if step.sql_file is not None:
        return _sql_file(step.sql_file, (*at, "sql_file"), found, setting)
    if step.operation in LATER["operation"].split():
        setting.report.error(not_yet(f"operation '{step.operation}'"), (*at, way))
        return None
    name = step.function if step.function is not None else step.operation
    return _named(name or "", step.params, (*at, way), (*at, "params"), setting)


def _sql(text: str, at: Loc, setting: Setting) -> Transform | None:
    return setting.build(transforms["sql"], {"query": text}, at)


def _sql_file(text: str, at: Loc, found: Steps, setting: Setting) -> Transform | None:
    """The file lies beside the YAML file that names it, or below, inside the project's folder."""
    folder = setting.report.tree.find(at).source.path.parent
    try:
        path = confined(folder, text, "the folder of the file")
        query = read_text(Source(path, text))
    except ConfigError as error:
        setting.report.error(error.problems[0].message, at)
        return None
    except ValueError as error:
        setting.report.error(str(error), at)
        return None
    found.files.append(path)
    return _sql(query, at, setting)


def _class(name: str, at: Loc, setting: Setting) -> type[Transform] | None:
    if name in setting.functions:
        return setting.functions[name]
    if setting.functions_failed and name not in transforms.known:
        return None
    try:
        found: type[Transform] = lookup(transforms, name, setting.functions)
    except ValueError as error:
        setting.report.error(str(error), at)
        return None
    return found


def _named(
    name: str, params: Mapping[str, Any], at: Loc, params_at: Loc, setting: Setting
) -> Transform | None:
    cls = _class(name, at, setting)
    return None if cls is None else setting.build(cls, params, params_at)
