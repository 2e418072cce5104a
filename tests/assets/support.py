"""A project on disk, materialized through Dagster: what every test here needs."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import polars as pl

from odibi_dagster.assets.factory import load_odibi_assets

if TYPE_CHECKING:
    from collections.abc import Sequence

HEAD = """\
project: shop
connections:
  lake: {type: local, base_path: ./lake}
"""


@dataclass
class Shop:
    """A folder with an odibi.yaml, and an instance that remembers its runs."""

    root: Path
    instance: dg.DagsterInstance
    extra: list[Any] = field(default_factory=list)

    @property
    def config(self) -> Path:
        return self.root / "odibi.yaml"

    def write(self, yaml: str) -> None:
        self.config.write_text(HEAD + textwrap.dedent(yaml), encoding="utf-8")

    def land(self, name: str, text: str) -> None:
        path = self.root / "lake" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def assets(self, **options: Any) -> list[dg.AssetsDefinition]:
        return load_odibi_assets(self.config, **options)

    def run(
        self,
        selection: Any = None,
        *,
        raises: bool = False,
        tags: dict[str, str] | None = None,
        **options: Any,
    ) -> Run:
        definitions = dg.Definitions(
            assets=[*self.assets(**options), *self.extra],
            jobs=[dg.define_asset_job("all", selection=selection or "*")],
        )
        job = definitions.resolve_job_def("all")
        return Run(job.execute_in_process(instance=self.instance, raise_on_error=raises, tags=tags))

    def stored(self, name: str) -> pl.DataFrame:
        return pl.read_parquet(self.root / "lake" / name)

    def leftovers(self) -> list[str]:
        """Hidden files and folders under the lake: staged data that nobody published."""
        return sorted(str(p) for p in (self.root / "lake").rglob(".*"))


@dataclass
class Run:
    """The result of a run, in the words of the tests."""

    result: dg.ExecuteInProcessResult

    @property
    def ok(self) -> bool:
        return self.result.success

    @property
    def checks(self) -> dict[str, tuple[bool, str]]:
        events = self.result.get_asset_check_evaluations()
        return {e.check_name: (e.passed, e.severity.value) for e in events}

    @property
    def materialized(self) -> set[str]:
        events = self.result.get_asset_materialization_events()
        return {"/".join(e.asset_key.path) for e in events if e.asset_key}

    def metadata(self, key: str) -> dict[str, Any]:
        for event in self.result.get_asset_materialization_events():
            if event.asset_key and "/".join(event.asset_key.path) == key:
                metadata = event.step_materialization_data.materialization.metadata
                return {name: value.value for name, value in metadata.items()}
        raise KeyError(key)

    def check_metadata(self, name: str) -> dict[str, Any]:
        for event in self.result.get_asset_check_evaluations():
            if event.check_name == name:
                return {key: value.value for key, value in event.metadata.items()}
        raise KeyError(name)

    @property
    def failures(self) -> list[str]:
        return [
            str(e.step_failure_data.user_failure_data.description)
            if e.step_failure_data.user_failure_data
            else str(e.step_failure_data.error)
            for e in self.result.all_events
            if e.is_step_failure
        ]

    @property
    def retried(self) -> bool:
        return any(e.is_step_up_for_retry for e in self.result.all_events)


def keys(*names: str) -> dg.AssetSelection:
    return dg.AssetSelection.assets(*[dg.AssetKey(name.split("/")) for name in names])


def rows(frame: pl.DataFrame, by: Sequence[str] = ("id",)) -> list[dict[str, Any]]:
    return frame.sort(by).to_dicts()
