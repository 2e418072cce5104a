"""A thousand views in a row, and thousands of nodes in a file."""

from __future__ import annotations

import polars as pl

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


VIEWS = {"polars": 300, "spark": 20}
"""Spark analyses the whole chain anew with each view."""


def test_a_chain_of_views(large: Large) -> None:
    views = VIEWS[large.engine]
    _chain(large, views)
    run = large.run("bronze/out")
    assert run.ok, run.failures
    assert large.out("parquet")["n"].to_list() == [views - 1]


def test_thousands_of_nodes_in_a_file(large: Large) -> None:
    nodes = "".join(
        f"      - {{name: n{number}, read: {{connection: lake, format: csv, path: in.csv}}, "
        f"write: {{connection: lake, format: parquet, path: out/n{number}}}}}\n"
        for number in range(1_500)
    )
    large.write(f"engine: {large.engine}\npipelines:\n  - pipeline: bronze\n    nodes:\n{nodes}")
    assert len(load_project(large.config).nodes) == 1_500
