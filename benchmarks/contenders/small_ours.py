"""Forty nodes that read, judge and store ten rows each."""

from __future__ import annotations

from benchmarks.contenders.report import Report, folders
from benchmarks.contenders.small import NODES, materialize
from odibi_dagster import load_odibi_assets

_HEAD = """
project: small
engine: polars
connections:
  lake: {type: local, base_path: .}
pipelines:
  - pipeline: silver
    nodes:
"""
_NODE = """
      - name: n%
        read: {connection: lake, format: csv, path: orders.csv}
        transform:
          steps:
            - SELECT *, quantity * price AS amount FROM df WHERE quantity > 0
        validation:
          tests: [{type: not_null, columns: [order_id], name: key}]
        write: {connection: lake, format: parquet, path: n%.parquet}
"""
_ROWS = "order_id,quantity,price\n" + "".join(f"{n},{n + 1},1.5\n" for n in range(10))


if __name__ == "__main__":
    report = Report()
    _, out = folders()
    (out / "orders.csv").write_text(_ROWS, encoding="utf-8")
    config = out / "odibi.yaml"
    nodes = "".join(_NODE.replace("%", str(number)) for number in range(NODES))
    config.write_text(_HEAD + nodes, encoding="utf-8")
    materialize(load_odibi_assets(config), report)
    report.write()
