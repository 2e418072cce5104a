"""A thousand nodes in chains, each with three steps and a contract, loaded."""

from __future__ import annotations

import dagster as dg

from benchmarks.contenders.loading import CHAIN, load
from benchmarks.contenders.report import folders
from odibi_dagster import load_odibi_assets

_HEAD = """
project: many
connections:
  lake: {type: local, base_path: ./lake}
pipelines:
  - pipeline: wide
    nodes:
"""
_READ = """
      - name: n{i}
        read: {{connection: lake, format: csv, path: in.csv}}"""
_FOLLOW = """
      - name: n{i}
        depends_on: [n{before}]"""
_REST = """
        transform:
          steps:
            - sql: >-
                SELECT *, amount * {i} AS a{i}, COALESCE(name, 'x{i}') AS name{i}
                FROM df WHERE amount > {i}
            - function: rename_columns
              params: {{mapping: {{a{i}: b{i}}}}}
            - function: filter_rows
              params: {{condition: "b{i} > {i}"}}
        validation:
          tests: [{{type: not_null, columns: [b{i}]}}]
        write: {{connection: lake, format: parquet, path: n{i}.parquet}}
"""


def project(nodes: int) -> str:
    """The text of an odibi.yaml with so many nodes."""
    return _HEAD + "".join(
        ((_FOLLOW if i % CHAIN else _READ) + _REST).format(i=i, before=i - 1) for i in range(nodes)
    )


def assets(nodes: int) -> list[dg.AssetsDefinition]:
    """The assets of such a project."""
    config = folders()[1] / f"odibi_{nodes}.yaml"
    config.write_text(project(nodes), encoding="utf-8")
    return load_odibi_assets(config)


if __name__ == "__main__":
    load(assets)
