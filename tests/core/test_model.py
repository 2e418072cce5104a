"""A number is a number: pydantic alone takes `true` for 1."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

import odibi_dagster
from odibi_dagster.checks.row_count import RowCount
from odibi_dagster.core.model import Model, OpenModel
from odibi_dagster.formats.csv_options import CsvReadOptions

NUMBERS = {
    ("RowCount", "min"),
    ("GateRows", "max"),
    ("GateConfig", "require_pass_rate"),
    ("QuarantineConfig", "retention_days"),
    ("QuarantineConfig", "sample_fraction"),
    ("VolumeDrop", "threshold"),
    ("VolumeDrop", "lookback_days"),
    ("Distribution", "quantile"),
    ("Incremental", "lookback"),
    ("RetryConfig", "max_attempts"),
    ("PipelineAirflow", "max_active_runs"),
    ("Limit", "n"),
    ("CsvReadOptions", "skiprows"),
    ("DeltaReadOptions", "version"),
    ("PostgresConnection", "port"),
}
"""Some of those that must be found."""


def blocks(base: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for block in base.__subclasses__():
        yield block
        yield from blocks(block)


def numbers() -> list[tuple[type[BaseModel], str]]:
    """Every place of odibi.yaml where a number belongs, and nothing else."""
    for module in pkgutil.walk_packages(odibi_dagster.__path__, "odibi_dagster."):
        if "template" not in module.name and "__main__" not in module.name:
            importlib.import_module(module.name)
    found = {block for base in (Model, OpenModel) for block in blocks(base)}
    ours = (block for block in found if block.__module__.startswith("odibi_dagster."))
    return [
        (block, name)
        for block in sorted(ours, key=lambda block: block.__name__)
        for name, field in block.model_fields.items()
        if re.search(r"\b(int|float)\b", text := str(field.annotation))
        and not re.search(r"\b(bool|str|dict|tuple|date)\b", text)
    ]


@pytest.mark.parametrize("value", [True, False])
def test_true_is_no_number_anywhere(value: bool) -> None:
    wrong = []
    for block, name in numbers():
        alias = block.model_fields[name].validation_alias
        key: Any = getattr(alias, "choices", [alias or name])[0]
        with pytest.raises(ValidationError) as caught:
            block.model_validate({key: value})
        if not any(error["loc"] == (key,) for error in caught.value.errors()):
            wrong.append((block.__name__, name))
    assert wrong == []
    assert {(block.__name__, name) for block, name in numbers()} >= NUMBERS


def test_it_says_what_belongs_there() -> None:
    with pytest.raises(ValidationError, match="a number belongs here, and true is none"):
        RowCount(min=True)


def test_where_both_are_meant_both_are_taken() -> None:
    assert CsvReadOptions(header=False).header is False
