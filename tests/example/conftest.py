"""The example, run once for all tests, in a copy so that nothing of yours changes."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import polars as pl
import pytest

from odibi_dagster import load_odibi_assets

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLE = Path(__file__).parents[2] / "example_project"


def copy_example(folder: Path) -> Path:
    """The example as it is committed, without what runs have made."""
    made = shutil.ignore_patterns("lake", "full", ".dagster_home", "__pycache__")
    shutil.copytree(EXAMPLE, folder / "example_project", ignore=made)
    return folder / "example_project"


@dataclass
class Ran:
    """A run of the example, in the words of its tests."""

    root: Path
    instance: dg.DagsterInstance
    result: dg.ExecuteInProcessResult

    @property
    def lake(self) -> Path:
        return self.root / "data" / "lake"

    def rows(self) -> dict[str, int]:
        """The row count in the metadata of each stored node."""
        counts: dict[str, int] = {}
        for event in self.result.get_asset_materialization_events():
            materialization = event.step_materialization_data.materialization
            if count := materialization.metadata.get("dagster/row_count"):
                counts["/".join(materialization.asset_key.path)] = int(count.value)  # type: ignore[call-overload]
        return counts

    def checks(self) -> dict[str, dg.AssetCheckEvaluation]:
        """Every check that was evaluated, as `pipeline/node:check`."""
        return {
            f"{'/'.join(found.asset_key.path)}:{found.check_name}": found
            for found in self.result.get_asset_check_evaluations()
        }

    def load(self, key: str) -> pl.DataFrame:
        """The stored rows, as a Python asset would get them."""
        definitions = dg.Definitions(assets=load_odibi_assets(self.root / "odibi.yaml"))
        with definitions.get_asset_value_loader(self.instance) as loader:
            return loader.load_asset_value(key.split("/"), python_type=pl.DataFrame)

    def again(self, **env: Any) -> Ran:
        return run(self.root, self.instance, **env)


def run(root: Path, instance: dg.DagsterInstance, **options: Any) -> Ran:
    assets = load_odibi_assets(root / "odibi.yaml", **options)
    job = dg.Definitions(assets=assets, executor=dg.in_process_executor)
    result = job.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=instance, raise_on_error=False
    )
    return Ran(root, instance, result)


@pytest.fixture(scope="session")
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as instance:
        yield instance


@pytest.fixture(scope="session")
def ran(tmp_path_factory: pytest.TempPathFactory, instance: dg.DagsterInstance) -> Iterator[Ran]:
    """The example after one good run."""
    chosen = os.environ.pop("ODIBI_ENV", None)
    yield run(copy_example(tmp_path_factory.mktemp("example")), instance)
    if chosen is not None:
        os.environ["ODIBI_ENV"] = chosen
