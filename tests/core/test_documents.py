"""The examples in the docstrings of these modules run."""

from __future__ import annotations

import doctest
from importlib import import_module
from pathlib import Path

import pytest

import odibi_dagster.core

MODULES = sorted(
    path.stem
    for path in Path(odibi_dagster.core.__path__[0]).glob("*.py")
    if ">>> " in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("module", MODULES)
def test_python_examples(module: str) -> None:
    result = doctest.testmod(import_module(f"odibi_dagster.core.{module}"))
    assert result.attempted > 0
    assert result.failed == 0
