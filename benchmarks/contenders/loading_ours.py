"""A thousand nodes in a chain, each with three steps and a contract, loaded."""

from __future__ import annotations

from benchmarks.contenders.loading import NODES, load
from benchmarks.contenders.report import folders
from odibi_dagster import load_odibi_assets

_HEAD = """
project: many
connections:
  lake: {type: local, base_path: ./lake}
pipelines:
  - pipeline: wide
    nodes:
      - name: n0
        read: {connection: lake, format: csv, path: in.csv}
        write: {connection: lake, format: parquet, path: n0.parquet}
"""
_NODE = """
      - name: n{i}
        depends_on: [n{before}]
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
    return _HEAD + "".join(_NODE.format(i=i, before=i - 1) for i in range(1, nodes))


if __name__ == "__main__":
    _, out = folders()
    small, large = out / "small.yaml", out / "odibi.yaml"
    small.write_text(project(2), encoding="utf-8")
    large.write_text(project(NODES), encoding="utf-8")
    # what is imported on first use is imported now: loading alone is measured
    load_odibi_assets(small)
    load(lambda: load_odibi_assets(large))
