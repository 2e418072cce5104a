"""Personal data on its way through the nodes: declared at one, inherited by whatever reads it."""

from __future__ import annotations

from graphlib import TopologicalSorter
from typing import TYPE_CHECKING

from odibi_dagster.config.project import Upstream
from odibi_dagster.core.pii import NOTHING, Personal, Pii, together

if TYPE_CHECKING:
    from collections.abc import Mapping

    from odibi_dagster.config.links import Draft
    from odibi_dagster.config.report import Report
    from odibi_dagster.core.names import NodeId


def classify(drafts: Mapping[NodeId, Draft], report: Report) -> None:
    """Complete `personal` of every draft, the nodes that are read first.

    Reports a column that is both `pii` and declassified, and a cursor that is personal: its highest
    value would be kept in the state, and shown; and numbers of contracts that are such values.
    """
    if any(
        column.pii for draft in drafts.values() for column in draft.site.config.columns.values()
    ):
        order = TopologicalSorter({id: draft.after & drafts.keys() for id, draft in drafts.items()})
        for id in order.static_order():
            drafts[id].personal = _personal(drafts[id], drafts)
    for draft in drafts.values():
        _refuse(draft, report)


def _personal(draft: Draft, drafts: Mapping[NodeId, Draft]) -> Personal:
    privacy = draft.site.config.privacy
    declared = Pii.of(name for name, c in draft.site.config.columns.items() if c.pii)
    cleared = privacy.declassify if privacy else []
    inherited = _inherited(draft, drafts)
    read = {name: (pii | declared).without(cleared) for name, pii in inherited.items()}
    before = after = read.get(draft.sources.main or "", NOTHING)
    for step in draft.steps.steps:
        after = step.personal(after, read)
    return Personal(before, (after | declared).without(cleared))


def _inherited(draft: Draft, drafts: Mapping[NodeId, Draft]) -> dict[str, Pii]:
    """What each source brings along.

    A source in storage brings all that any node brings which writes there, rejected rows too.
    """
    upstreams = dict(draft.upstreams)
    others = [drafts[id] for id in draft.after.difference(upstreams.values()) if id in drafts]
    stored = together(_published(other, rejected=True) for other in others)
    return {
        name: _published(drafts[source.node]) if isinstance(source, Upstream) else stored
        for name, source in draft.sources.found.items()
    }


def _published(draft: Draft, *, rejected: bool = False) -> Pii:
    """What is left of it for those who read: of a node with `privacy`, nothing."""
    if draft.site.config.privacy is not None:
        return NOTHING
    personal = draft.personal
    return personal.before | personal.after if rejected else personal.after


def _refuse(draft: Draft, report: Report) -> None:
    config, at = draft.site.config, draft.site.at
    if config.privacy and not (draft.personal.before or draft.personal.after):
        message = "privacy is never used: no column is pii, here or in what the node reads"
        report.warn(message, (*at, "privacy"), key=True)
    for index, name in enumerate(config.privacy.declassify if config.privacy else ()):
        if name in config.columns and config.columns[name].pii:
            message = f"column '{name}' is declassified, and its pii is true; take one of them out"
            report.error(message, (*at, "privacy", "declassify", index))
    incremental = config.read.incremental if config.read else None
    sensitive = config.sensitive if isinstance(config.sensitive, list) else []
    for column in incremental.columns if incremental else ():
        if draft.personal.before.holds(column) or column in sensitive:
            message = (
                f"the cursor '{column}' is personal or sensitive, and its highest value would be "
                "kept in the state and shown; choose another column, or declassify this one"
            )
            report.error(message, (*at, "read", "incremental"))
    _refuse_kept(draft, report)


def _refuse_kept(draft: Draft, report: Report) -> None:
    """Numbers that contracts remember are no place for such values either."""
    said = draft.site.config.sensitive
    for found, pii in ((draft.before, draft.personal.before), (draft.tests, _published(draft))):
        for contract, place in found:
            for column in contract.keeps():
                if not (pii.holds(column) or said is True or column in (said or ())):
                    continue
                message = (
                    f"column '{column}' is personal or sensitive, and '{contract.kind}' would keep "
                    "values of it in the state; compare its null_percentage, n_unique or mean"
                )
                report.error(message, place)
