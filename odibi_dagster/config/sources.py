"""What a node reads: `read`, `inputs` and `depends_on`, by the names its steps use."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from odibi_dagster.config.naming import FRAME
from odibi_dagster.config.places import stored
from odibi_dagster.config.project import External, Upstream
from odibi_dagster.config.storage import AssetInput, ReadConfig
from odibi_dagster.core.names import NodeId
from odibi_dagster.errors import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection

    from odibi_dagster.config.project import Source
    from odibi_dagster.config.promises import Found
    from odibi_dagster.config.report import Loc
    from odibi_dagster.config.site import Setting, Site
    from odibi_dagster.config.steps import Steps
    from odibi_dagster.config.storage import InputConfig

_REFERENCE = re.compile(r"\$([^.\s]+)\.([^.\s]+)")
_KEYS = ("read", "inputs", "depends_on")


@dataclass
class Sources:
    """By name; `complete` is False where one was wrong and has been reported."""

    found: dict[str, Source] = field(default_factory=dict)
    places: dict[str, Loc] = field(default_factory=dict)
    main: str | None = None
    complete: bool = True

    def add(self, name: str, source: Source | None, at: Loc) -> None:
        """Take one more source; the first that comes is the main one."""
        if source is None:
            self.complete = False
            return
        self.found.setdefault(name, source)
        self.places.setdefault(name, at)
        self.main = self.main or name


def build_sources(site: Site, known: Collection[NodeId], setting: Setting) -> Sources:
    """Every source of a node. The main one is `read`, else `df`, else the first that is named."""
    config, sources = site.config, Sources(complete=site.missing.isdisjoint(_KEYS))
    if config.read is not None:
        at = (*site.at, "read")
        sources.add(FRAME, stored(config.read, at, setting), at)
    for name, written in (config.inputs or {}).items():
        at = (*site.at, "inputs", name)
        if name == FRAME and config.read is not None:
            setting.report.error("both read and this input are called df; rename it", at, key=True)
        sources.add(name, _input(written, at, known, setting), at)
    for index, name in enumerate(config.depends_on):
        at = (*site.at, "depends_on", index)
        sources.add(name, _dependency(site, name, at, known, setting), at)
    if FRAME in sources.found:
        sources.main = FRAME
    return sources


def build_references(
    site: Site, before: Found, tests: Found, known: Collection[NodeId], setting: Setting
) -> Sources:
    """The tables that contracts compare with, by the names that they give them."""
    references = Sources()
    for found, is_input in ((before, True), (tests, False)):
        for contract, at in found:
            for name, written in contract.needs().items():
                place = (*at, "references")
                source = _reference(written, place, known, setting)
                if is_input and source == Upstream(site.id):
                    message = "an input is compared with other tables; write this under tests"
                    setting.report.error(message, place)
                references.add(name, source, place)
    return references


def _reference(written: Any, at: Loc, known: Collection[NodeId], setting: Setting) -> Source | None:
    """A table as a contract names it: what stands under `inputs`, not parsed yet."""
    if isinstance(written, str):
        return _input(written, at, known, setting)
    if "asset" in written:
        asset = setting.build(AssetInput, written, at)
        return _input(asset, at, known, setting) if asset else None
    if "node" in written:
        message = "name the node itself: references: $pipeline.node"
        setting.report.error(message, (*at, "node"), key=True)
        return None
    read = setting.build(ReadConfig, written, at)
    if read is not None and read.incremental is not None:
        message = "a referenced table is read whole; leave incremental out"
        setting.report.error(message, (*at, "incremental"), key=True)
    return stored(read, at, setting) if read else None


def _input(
    written: InputConfig, at: Loc, known: Collection[NodeId], setting: Setting
) -> Source | None:
    if isinstance(written, AssetInput):
        if all(written.key):
            return External(written.key)
        message = "an asset key has no empty part; write asset: team/raw_orders"
        setting.report.error(message, (*at, "asset"))
        return None
    if not isinstance(written, str):
        return stored(written, at, setting)
    match = _REFERENCE.fullmatch(written)
    if match is None:
        message = f"{written[:60]!r} names no node; write $pipeline.node"
        setting.report.error(message, at)
        return None
    node = NodeId(match[1], match[2])
    if node in known:
        return Upstream(node)
    hint = did_you_mean(written, [f"${each.pipeline}.{each.name}" for each in known])
    setting.report.error(f"unknown node '{written[:60]}'; {_short(hint)}", at)
    return None


def _dependency(
    site: Site, name: str, at: Loc, known: Collection[NodeId], setting: Setting
) -> Source | None:
    node = NodeId(site.id.pipeline, name)
    if node in known:
        return Upstream(node)
    elsewhere = [other.pipeline for other in known if other.name == name]
    if elsewhere:
        hint = (
            f"for that of pipeline {elsewhere[0]} write inputs: {{{name}: ${elsewhere[0]}.{name}}}"
        )
    else:
        siblings = [other.name for other in known if other.pipeline == site.id.pipeline]
        hint = _short(did_you_mean(name, siblings))
    message = f"node '{site.id.name}' depends on unknown node '{name[:60]}'; {hint}"
    setting.report.error(message, at)
    return None


def _short(hint: str, limit: int = 300) -> str:
    return hint if len(hint) <= limit else f"{hint[:limit]} ..."


def check_needs(site: Site, steps: Steps, sources: Sources, setting: Setting) -> None:
    """Report a node without any input, and every step that reads a frame it does not have."""
    if not sources.complete:
        return
    if sources.main is None and steps.complete:
        setting.report.error("no input: write read, inputs or depends_on", site.at)
    names = {name.casefold() for name in sources.found} | {FRAME}
    for needs, at in zip(steps.needs, steps.places, strict=True):
        for name in sorted(needs):
            if name.casefold() not in names:
                hint = did_you_mean(name, sources.found)
                if not hint.startswith("did you mean"):
                    hint = "list it in depends_on or inputs"
                message = f"reads '{name[:60]}', which is no input of this node; {hint}"
                setting.report.error(message, at)
