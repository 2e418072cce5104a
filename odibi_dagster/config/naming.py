"""Names of a whole project: no two alike, nor alike once a file system or Dagster spells them."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from odibi_dagster.config.report import Loc, Report
    from odibi_dagster.config.site import Site

FRAME = "df"


def check_pipelines(names: Sequence[tuple[str, Loc]], report: Report) -> None:
    """Report pipelines that cannot be told apart."""
    _check("pipeline", names, report)


def check_nodes(sites: Iterable[Site], report: Report) -> None:
    """Report nodes that cannot be told apart, in their pipeline or as Dagster's ops."""
    by_pipeline: dict[str, list[tuple[str, Loc]]] = defaultdict(list)
    ops: dict[str, Site] = {}
    for site in sites:
        by_pipeline[site.id.pipeline].append((site.id.name, (*site.at, "name")))
        if site.id.name == FRAME:
            message = "a node cannot be called df: steps call the frame that comes in so"
            report.error(message, (*site.at, "name"))
        op = f"{site.id.pipeline}__{site.id.name}".casefold()
        first = ops.setdefault(op, site)
        if first.id.pipeline.casefold() != site.id.pipeline.casefold():
            message = f"nodes {first.id} and {site.id} would both be the op '{op}'; rename one"
            report.error(message, (*site.at, "name"))
    for names in by_pipeline.values():
        _check("node", names, report)


def _check(what: str, names: Sequence[tuple[str, Loc]], report: Report) -> None:
    seen: dict[str, str] = {}
    for name, at in names:
        first = seen.get(name.casefold())
        if first == name:
            report.error(f"duplicate {what} name '{name}'", at)
        elif first is not None:
            report.error(f"{what} names '{first}' and '{name}' differ only in case", at)
        else:
            seen[name.casefold()] = name
