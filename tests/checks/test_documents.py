"""Each contract's docstring says what it must, and its example loads."""

from __future__ import annotations

import doctest
import re
from importlib import import_module
from textwrap import dedent

import pytest
import yaml

from odibi_dagster.checks.base import contracts

MODULES = ["baseline", "compare", "limits", "pattern", "psi", "schema_diff"]


@pytest.mark.parametrize("kind", sorted(contracts.known))
def test_the_example_loads(kind, tmp_path):
    (block,) = re.findall(r"```yaml\n(.*?)```", contracts[kind].__doc__ or "", re.DOTALL)
    (written,) = yaml.safe_load(dedent(block))

    assert written.pop("type") == kind
    # the model of the example of pandera
    (tmp_path / "models.py").write_text(
        "import pandera.polars as pa\nclass Flights(pa.DataFrameModel):\n    id: int\n"
    )
    built = contracts[kind].model_validate(written, context={"root": tmp_path})
    assert built.model_extra == {}


@pytest.mark.parametrize("kind", sorted(contracts.known))
def test_nulls_are_spoken_of(kind):
    assert "null" in (contracts[kind].__doc__ or "").lower()


@pytest.mark.parametrize("module", MODULES)
def test_python_examples(module):
    result = doctest.testmod(import_module(f"odibi_dagster.checks.{module}"))

    assert result.attempted > 0
    assert result.failed == 0
