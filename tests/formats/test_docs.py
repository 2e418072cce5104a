"""The examples in the docstrings are true."""

from __future__ import annotations

import doctest
import inspect
import re

import pytest
import yaml

from odibi_dagster.formats import errors, types
from odibi_dagster.formats.base import formats

MODELS = {
    f"{kind} {key}": (key, getattr(formats[kind], f"{key}_options"), kind)
    for kind in ("csv", "delta", "json", "parquet", "sql")
    for key in ("read", "write")
}


@pytest.mark.parametrize("name", MODELS)
def test_yaml_examples_are_accepted(name: str) -> None:
    key, model, kind = MODELS[name]
    blocks = re.findall(r"```yaml\n(.*?)```", inspect.getdoc(model) or "", re.DOTALL)
    assert len(blocks) == 1
    block = yaml.safe_load(blocks[0])[key]
    assert block["format"] == kind
    model.model_validate(block.get("options", {}))


@pytest.mark.parametrize("module", [errors, types])
def test_python_examples_are_true(module: object) -> None:
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    found = doctest.testmod(module, optionflags=flags, extraglobs=vars(module))  # type: ignore[arg-type]
    assert found.attempted
    assert not found.failed
