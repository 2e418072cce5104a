"""The pages of the contracts say what their classes say."""

from __future__ import annotations

import re
from textwrap import indent
from typing import TYPE_CHECKING

import pytest

from odibi_dagster.config.load import load_project
from scripts.contract_pages import FOLDER, pages

if TYPE_CHECKING:
    from pathlib import Path

PROJECT = """\
project: flights
engine: polars
connections:
  lake: {type: local, base_path: ./lake}
pipelines:
  - pipeline: silver
    nodes:
      - name: customers
        read: {connection: lake, format: parquet, path: in.parquet}
        write: {connection: lake, format: parquet, path: customers.parquet}
      - name: judged
        read: {connection: lake, format: parquet, path: in.parquet}
        write: {connection: lake, format: delta, path: judged}
        validation:
          tests:
"""
MODELS = """\
import pandera.polars as pa


class Flights(pa.DataFrameModel):
    id: int
"""


@pytest.mark.parametrize(("name", "text"), pages().items(), ids=pages())
def test_the_page_is_current(name: str, text: str) -> None:
    """`python scripts/contract_pages.py` makes it."""
    assert (FOLDER / name).read_text(encoding="utf-8") == text


def test_there_is_no_page_of_a_contract_that_is_gone() -> None:
    assert {file.name for file in FOLDER.iterdir()} == set(pages())


@pytest.mark.parametrize(("name", "text"), pages().items(), ids=pages())
def test_every_key_says_what_it_is(name: str, text: str) -> None:
    assert re.findall(r"^\| `(.+?)` \|.*\|  \|$", text, re.MULTILINE) == []


@pytest.mark.parametrize(("name", "text"), pages().items(), ids=pages())
def test_the_example_loads_in_a_project(name: str, text: str, tmp_path: Path) -> None:
    (block,) = re.findall(r"^```yaml\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    (tmp_path / "models.py").write_text(MODELS)
    file = tmp_path / "odibi.yaml"
    file.write_text(PROJECT + indent(block, " " * 12), encoding="utf-8")
    project = load_project(file, strict=True)
    (node,) = (node for node in project.nodes.values() if node.id.name == "judged")
    assert node.tests
