"""The documented switch: one contract breaks, and the old data stays."""

from __future__ import annotations

import hashlib
from pathlib import Path

import dagster as dg

from tests.example.conftest import Ran, copy_example, run


def contents(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def test_the_broken_weather_file_leaves_the_old_data(tmp_path: Path):
    with dg.instance_for_test() as instance:
        good = run(copy_example(tmp_path), instance)
        assert good.result.success
        weather_before = contents(good.lake)

        broken = good.again(env="broken")

        assert not broken.result.success
        red = [name for name, check in broken.checks().items() if blocks(check)]
        assert red == ["bronze/weather:temp_is_Fahrenheit"]
        assert untouched(weather_before, contents(good.lake))
        assert not {"bronze/weather", "silver/weather", "silver/flights"} & set(broken.rows())


def blocks(check: dg.AssetCheckEvaluation) -> bool:
    return not check.passed and check.severity is dg.AssetCheckSeverity.ERROR


def untouched(before: dict[str, str], after: dict[str, str]) -> bool:
    """Weather and all that needs it, to the byte; no staged file was left behind."""
    needy = ("bronze/weather", "silver/weather", "silver/flights", "gold/")
    kept = {name: digest for name, digest in before.items() if name.startswith(needy)}
    return bool(kept) and kept == {n: d for n, d in after.items() if n.startswith(needy)}


def test_the_environment_variable_chooses_it(ran: Ran, monkeypatch):
    from odibi_dagster.config.load import load_project

    monkeypatch.setenv("ODIBI_ENV", "broken")
    assert load_project(ran.root / "odibi.yaml").env == "broken"
