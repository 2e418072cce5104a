"""Thousands of nodes, and a thousand views in a row: refused, or it works; never a stack overflow."""

from __future__ import annotations

import polars as pl
import pytest

from odibi_dagster.config.load import load_project
from tests.large.support import Large


def _chain(large: Large, views: int) -> None:
    nodes = ["{name: v0, read: {connection: lake, format: parquet, path: in}}"]
    nodes += [
        f"{{name: v{number}, depends_on: [v{number - 1}], "
        f"transform: {{steps: [{{function: derive_columns, params: {{derivations: "
        f"{{n: 'n + 1'}}}}}}]}}}}"
        for number in range(1, views)
    ]
    nodes.append(
        f"{{name: out, depends_on: [v{views - 1}], "
        "write: {connection: lake, format: parquet, path: out}}"
    )
    listed = "".join(f"      - {node}\n" for node in nodes)
    large.land_frame(pl.DataFrame({"n": [0]}), "parquet")
    large.write(f"engine: {large.engine}\npipelines:\n  - pipeline: bronze\n    nodes:\n{listed}")


def test_a_chain_of_views(large: Large) -> None:
    _chain(large, 100)
    run = large.run("bronze/out")
    assert run.ok, run.failures
    assert large.out("parquet")["n"].to_list() == [99]
