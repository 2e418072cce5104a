"""The YAML example in the docstring of every step loads, and runs."""

from __future__ import annotations

import inspect
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from odibi_dagster.config.composer import Composer
from odibi_dagster.config.tree import Source
from odibi_dagster.transforms.base import Scope, transforms

if TYPE_CHECKING:
    from odibi_dagster.engines.base import Engine
    from tests.transforms.conftest import Given

ORDERS = {
    "oid": [1, 2],
    "cid": [10, 20],
    "amount": [5.0, 1.5],
    "qty": [1, 2],
    "name": [" Al ", None],
    "day": ["2024-01-01", "2024-01-02"],
    "status": ["ok", "void"],
    "note": ["x", None],
}
SOURCE = Source(Path("docstring.yaml"), "docstring.yaml")
OTHERS = {"cust": {"cid": [10], "seg": ["gold"]}, "orders2": {"oid": [3], "extra": ["zz"]}}


def example(name: str) -> dict[str, Any]:
    """The block that begins with `- function: NAME`, up to the next paragraph."""
    lines = inspect.getdoc(transforms[name]).splitlines()
    start = next(i for i, line in enumerate(lines) if line.strip() == f"- function: {name}")
    block = [lines[start]]
    for line in lines[start + 1 :]:
        if not line.startswith("    "):
            break
        block.append(line)
    return _plain(Composer(SOURCE).compose(yaml.parse(dedent("\n".join(block)))))[0]


def _plain(tree: Any) -> Any:
    if isinstance(tree.value, dict):
        return {key: _plain(value) for key, value in tree.value.items()}
    return [_plain(item) for item in tree.value] if tree.items() else tree.value


@pytest.mark.parametrize("name", sorted(transforms.known))
def test_the_example_runs(name: str, engine: Engine, given: Given) -> None:
    step = transforms[name].model_validate(example(name)["params"])
    assert not step.model_extra
    frames = {other: given(rows) for other, rows in OTHERS.items()}
    assert step.needs() <= set(frames)
    frame = step.apply(given(ORDERS), Scope(engine, frames))
    rows = engine.fetch(frame, 10)
    assert rows
    assert len(rows) == len(ORDERS["oid"]) or not step.keeps_rows()


@pytest.mark.parametrize("name", sorted(transforms.known))
def test_every_step_says_what_it_does(name: str) -> None:
    cls = transforms[name]
    text = " ".join(inspect.getdoc(cls).split())
    assert cls.kind == name
    assert "null" in text.casefold()
    assert "order" in text
    assert f"- function: {name}" in text
