"""Loading 1,000 nodes against 1,000 bare Dagster assets with check specs, alternating.

    python benchmarks/loading.py [NODES] [REPEATS]

Each measurement is a fresh process. Printed are seconds of CPU and the ratio of the medians: of
loading alone (modules imported before), and of the whole process, as a code location pays it.
The goal is 1.5 for loading.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

BARE = """
import sys, time
import dagster as dg
start = time.process_time()
def make(i):
    @dg.asset(name=f"n{i}", deps=[f"n{i - 1}"] if i else [], check_specs=[
        dg.AssetCheckSpec("c", asset=f"n{i}", blocking=True)])
    def asset(): ...
    return asset
assets = [make(i) for i in range(int(sys.argv[1]))]
defs = dg.Definitions(assets=assets)
defs.get_repository_def().load_all_definitions()
print(time.process_time() - start, time.process_time())
"""
OURS = """
import sys, time
import dagster as dg
from odibi_dagster import load_odibi_assets
load_odibi_assets(sys.argv[3])
start = time.process_time()
defs = dg.Definitions(assets=load_odibi_assets(sys.argv[2]))
defs.get_repository_def().load_all_definitions()
print(time.process_time() - start, time.process_time())
"""
HEAD = """project: many
connections:
  lake: {type: local, base_path: ./lake}
pipelines:
  - pipeline: wide
    nodes:
"""
FIRST = """
      - name: n0
        read: {connection: lake, format: csv, path: in.csv}
        write: {connection: lake, format: parquet, path: n0.parquet}
"""
NODE = """
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


def seconds(code: str, *arguments: str) -> tuple[float, ...]:
    """CPU seconds of one fresh process: of loading, and of all of it."""
    command = [sys.executable, "-W", "ignore", "-c", code, *arguments]
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return tuple(map(float, answer.split()))


def main(nodes: int = 1000, repeats: int = 3) -> None:
    """Alternate both, print both."""
    with tempfile.TemporaryDirectory() as folder:
        config, small = Path(folder, "odibi.yaml"), Path(folder, "small.yaml")
        small.write_text(HEAD + FIRST + NODE.format(i=1, before=0))
        body = "".join(NODE.format(i=i, before=i - 1) for i in range(1, nodes))
        config.write_text(HEAD + FIRST + body)
        runs = [
            (seconds(BARE, str(nodes)), seconds(OURS, str(nodes), str(config), str(small)))
            for _ in range(repeats)
        ]
    for place, what in enumerate(("loading", "whole process")):
        bare, ours = (
            statistics.median(side[place] for side in run) for run in zip(*runs, strict=True)
        )
        print(f"{nodes} nodes, {what}: bare {bare:.2f} s, ours {ours:.2f} s, {ours / bare:.2f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
