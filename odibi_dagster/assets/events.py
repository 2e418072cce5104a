"""What a run of a node tells Dagster: check results, the stop, materializations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg

from odibi_dagster.assets.halt import halt
from odibi_dagster.assets.metadata import materialized, view_metadata
from odibi_dagster.checks.split import broken_rows
from odibi_dagster.errors import ContractError, listing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import narwhals.stable.v2 as nw

    from odibi_dagster.assets.judging import Judged
    from odibi_dagster.assets.run import Event, Outcome
    from odibi_dagster.checks.judge import Judgement
    from odibi_dagster.config.project import Node
    from odibi_dagster.engines.base import Engine

_EXAMPLES = 100
"""So many broken checks of a node show broken rows: each of them reads the data again."""


@dataclass(frozen=True)
class DagsterFace:
    """Speaks for one op: yields what is selected, logs what is not, stops where a check blocks."""

    context: dg.AssetExecutionContext
    node: Node
    key: dg.AssetKey
    quarantine_key: dg.AssetKey | None
    checks: Mapping[str, dg.AssetCheckKey]
    """The check as Dagster knows it (a translator may rename it), by our name of it."""
    engine: Engine
    run_id: str
    """The run in short: what it published is new data, whichever batch it is."""

    @property
    def publishes(self) -> bool:
        """Whether a table of the node is selected; a run of checks alone judges what is stored."""
        return bool(self.context.selected_asset_keys)

    @property
    def asked(self) -> list[str]:
        """The checks that are selected, by our names of them."""
        selected = self.context.selected_asset_check_keys
        return [name for name in self.node.checks if self.checks[name] in selected]

    def say(self, text: str) -> None:
        """One line in Dagster's log, about this node."""
        self.context.log.info(f"{self.node.id}: {text}")

    def planned(self, node: Node, schema: Mapping[str, nw.dtypes.DType]) -> Iterator[Event]:
        """A view's event: its schema, no value, nothing stored."""
        yield from self._materialized(self.key, view_metadata(node, schema))

    def judged(self, before: Judged, after: Judged | None) -> Iterator[Event]:
        """A result for every selected check, then a Failure where one of them blocks."""
        results = _by_name(before, after)
        blocking = [name for name, (judgement, _) in results.items() if judgement.blocks]
        broken = [name for name, (judgement, _) in results.items() if not judgement.passed]
        shown = set(broken[:_EXAMPLES])
        for name in self.asked:
            if name in results:
                judgement, judged = results[name]
                yield self._result(name, judgement, judged if name in shown else None)
            else:
                yield self._not_evaluated(name, blocking)
        if any(judgement.halts for judgement, _ in results.values()):
            halt(self.context.instance, self.context.run.run_id, self.node.id)
        if blocking:
            reason = "nothing was published, the old data is in place"
            raise self._stop(reason, {name: results[name][0] for name in blocking})

    def rejudged(self, before: Judged, after: Judged) -> Iterator[Event]:
        """A result for every selected check, then a Failure where what is stored breaks one."""
        results = _by_name(before, after)
        shown = [name for name, (judgement, _) in results.items() if not judgement.passed]
        for name, (judgement, judged) in results.items():
            said = {
                "scope": "input" if judged.prefix else "table",
                "action": "none" if judgement.passed else "reported",
            }
            yield self._result(name, judgement, judged if name in shown[:_EXAMPLES] else None, said)
        if broken := {name: one for name, (one, _) in results.items() if one.blocks}:
            raise self._stop("what is stored breaks its contracts, and stays as it is", broken)

    def published(self, outcome: Outcome) -> Iterator[Event]:
        """The node's event, then its quarantine's; what is not selected is logged instead."""
        yield from self._materialized(self.key, materialized(self.node, outcome))
        if outcome.quarantine is not None and self.quarantine_key is not None:
            metadata = materialized(self.node, outcome, quarantine=True)
            yield from self._materialized(self.quarantine_key, metadata)

    def _materialized(self, key: dg.AssetKey, metadata: dict[str, Any]) -> Iterator[Event]:
        if key not in self.context.selected_asset_keys:
            self._log(key, metadata)
            return
        # beside the result: what is inside it, Dagster stores once more with the step's output
        self.context.add_asset_metadata(metadata, key)
        yield dg.MaterializeResult(asset_key=key, data_version=dg.DataVersion(self.run_id))

    def _result(
        self,
        name: str,
        judgement: Judgement,
        judged: Judged | None,
        said: Mapping[str, str] | None = None,
    ) -> dg.AssetCheckResult:
        """The result, with five broken rows of what was judged, and what else is `said`."""
        return dg.AssetCheckResult(
            asset_key=self.key,
            check_name=self.checks[name].name,
            passed=judgement.passed,
            severity=dg.AssetCheckSeverity(judgement.severity),
            description=judgement.description,
            metadata={
                **judgement.metadata(),
                **(said or {}),
                **self._examples(judgement, judged),
            },
        )

    def _examples(self, judgement: Judgement, judged: Judged | None) -> dict[str, Any]:
        """Five broken rows, fetched only when something broke; none without a frame."""
        if judgement.passed or judged is None or judged.frame is None:
            return {}
        names, raw = judged.frame.collect_schema().names(), bool(judged.prefix)
        hidden = self.node.hidden(names, raw=raw)
        rows = broken_rows(judged.frame, judgement, self.engine, mask=hidden, tables=judged.tables)
        if not rows:
            return {}
        return {"broken_rows": dg.MetadataValue.md(_markdown(rows))}

    def _not_evaluated(self, name: str, blocking: Sequence[str]) -> dg.AssetCheckResult:
        reason = f"not evaluated: nothing was staged, because {listing(blocking, 10)} broke"
        return dg.AssetCheckResult(
            asset_key=self.key,
            check_name=self.checks[name].name,
            passed=False,
            severity=dg.AssetCheckSeverity.ERROR,
            description=reason,
            metadata={"action": "skipped"},
        )

    def _stop(self, what: str, broken: Mapping[str, Judgement]) -> dg.Failure:
        lines = [f"{name}: {judgement.description}" for name, judgement in broken.items()]
        message = listing(lines, 20, separator="; ")
        return dg.Failure(
            f"node {self.node.id}: {what}; {message}",
            metadata={"odibi/exit_code": ContractError.exit_code, "failed_checks": list(broken)},
            allow_retries=False,
        )

    def _log(self, key: dg.AssetKey, metadata: dict[str, Any]) -> None:
        tags = {"dagster/data_version": self.run_id}
        self.context.log_event(dg.AssetMaterialization(key, metadata=metadata, tags=tags))


def _by_name(before: Judged, after: Judged | None) -> dict[str, tuple[Judgement, Judged]]:
    """Every judgement by the name of its check, and what it is about."""
    return {
        f"{judged.prefix}{judgement.check_name}": (judgement, judged)
        for judged in (before, after)
        if judged
        for judgement in judged.judgements
    }


def _markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """A markdown table; long values are cut, so that metadata stays small."""

    def cell(value: Any) -> str:
        text = "null" if value is None else str(value)
        text = text if len(text) <= 80 else f"{text[:77]}..."
        return text.replace("|", "\\|").replace("\n", " ")

    names = list(rows[0])
    head = ["| " + " | ".join(map(cell, names)) + " |", "|" + " --- |" * len(names)]
    return "\n".join([*head, *("| " + " | ".join(cell(r[n]) for n in names) + " |" for r in rows)])
