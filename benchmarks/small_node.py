"""What a small node costs: NODES nodes in a chain, each one step, one contract and 50 rows.

    python benchmarks/small_node.py [NODES] [REPEATS]

Against as many bare assets that yield one check result and do nothing else, and beside the same
work on the data by plain Polars (scan, sink flushed to the disk, audit, rename; a commit for
Delta), without Dagster: bare + data is the floor. Everything runs in one process on an SQLite
instance of its own; each measurement is a fresh process, sides alternate, and a first run in each
process has paid for imports. Printed are milliseconds for each node, medians. The goal is 1.5.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

COMMON = """
import json, sys, time
from pathlib import Path

NODES, FOLDER = int(sys.argv[1]), Path(sys.argv[2])


def measured(run):
    cpu, wall = time.process_time(), time.perf_counter()
    run()
    said = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
    return {name: 1000 * seconds / NODES for name, seconds in said.items()}
"""
DAGSTER = """
import dagster as dg

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def measure(assets):
    jobs = [dg.define_asset_job("first", dg.AssetSelection.assets(assets[0])),
            dg.define_asset_job("all", dg.AssetSelection.all())]
    first, all = map(dg.Definitions(assets=assets, jobs=jobs).resolve_job_def, ("first", "all"))
    (FOLDER / "home").mkdir()
    with dg.DagsterInstance.local_temp(str(FOLDER / "home")) as instance:
        first.execute_in_process(instance=instance, run_config=QUIET)
        ids = []
        run = lambda: ids.append(
            all.execute_in_process(instance=instance, run_config=QUIET).run_id)
        said = measured(run)
        events = len(instance.all_logs(ids[0])) / NODES
    print(json.dumps(said | {"events": events}))
"""
BARE = """
def make(i):
    @dg.asset(name=f"n{i}", deps=[f"n{i - 1}"] if i else [], check_specs=[
        dg.AssetCheckSpec("c", asset=f"n{i}", blocking=True)])
    def asset():
        yield dg.AssetCheckResult(passed=True)
        yield dg.MaterializeResult()
    return asset


measure([make(i) for i in range(NODES)])
"""
OURS = """
from odibi_dagster import load_odibi_assets

measure(load_odibi_assets(FOLDER / sys.argv[3]))
"""
PLAIN = """
import os
import polars as pl


def node(i):
    source = FOLDER / (f"n{i - 1}.parquet" if i else "in.parquet")
    target, staged = FOLDER / f"n{i}.parquet", FOLDER / f".n{i}.staged.parquet"
    plan = pl.scan_parquet(source).filter(pl.col("amount") > i - 100)
    plan = plan.with_columns(pl.col("amount").abs())
    plan.sink_parquet(staged, compression_level=1, sync_on_close="all", engine="streaming")
    seen = pl.scan_parquet(staged).select(pl.len(), pl.col("id").is_null().sum().alias("nulls"))
    assert seen.collect(engine="streaming")["nulls"].item() == 0
    staged.replace(target)
    handle = os.open(FOLDER, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)


node(0)
print(json.dumps(measured(lambda: [node(i) for i in range(NODES)])))
"""
PLAIN_DELTA = """
import os
import polars as pl
from deltalake import DeltaTable, Schema
from deltalake.transaction import AddAction, create_table_with_add_actions


def synced(path):
    handle = os.open(path, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)


def node(i):
    source, target = FOLDER / f"n{i - 1}", FOLDER / f"n{i}"
    plan = pl.scan_delta(DeltaTable(source)) if i else pl.scan_parquet(FOLDER / "in.parquet")
    plan = plan.filter(pl.col("amount") > i - 100)
    plan = plan.with_columns(pl.col("amount").abs())
    before = DeltaTable(target) if DeltaTable.is_deltatable(str(target)) else None
    target.mkdir(exist_ok=True)
    file = target / f"part-{time.time_ns()}.parquet"
    plan.sink_parquet(file, compression_level=1, sync_on_close="all", engine="streaming")
    seen = pl.scan_parquet(file).select(pl.len(), pl.col("id").is_null().sum().alias("nulls"))
    rows, nulls = seen.collect(engine="streaming").row(0)
    assert nulls == 0
    add = AddAction(file.name, file.stat().st_size, {}, time.time_ns() // 10**6, True,
                    json.dumps({"numRecords": rows}))
    schema = Schema.from_json(json.dumps({"type": "struct", "fields": [
        {"name": name, "type": "long", "nullable": True, "metadata": {}}
        for name in plan.collect_schema()]}))
    if before is None:
        create_table_with_add_actions(str(target), schema, [add], "error", [])
    else:
        before.create_write_transaction([add], "overwrite", schema, [])
    log = target / "_delta_log"
    synced(max(log.iterdir(), key=lambda path: path.stat().st_mtime))
    synced(log)


node(0)
print(json.dumps(measured(lambda: [node(i) for i in range(NODES)])))
"""
HEAD = """project: small
connections:
  lake: {type: local, base_path: .}
pipelines:
  - pipeline: chain
    nodes:
"""
NODE = """
      - name: n{i}
        {source}
        transform:
          steps:
            - SELECT id, abs(amount) AS amount FROM df WHERE amount > {i} - 100
        validation:
          tests: [{{type: not_null, columns: [id]}}]
        write: {{connection: lake, format: {format}, path: {path}}}
"""
SIDES = {
    "bare": (COMMON + DAGSTER + BARE, ()),
    "ours": (COMMON + DAGSTER + OURS, ("parquet.yaml",)),
    "data": (COMMON + PLAIN, ()),
    "ours, delta": (COMMON + DAGSTER + OURS, ("delta.yaml",)),
    "data, delta": (COMMON + PLAIN_DELTA, ()),
}
"""Code and further arguments of each side."""
INPUT = """
import sys
import polars as pl
pl.DataFrame({"id": range(50), "amount": range(50)}).write_parquet(sys.argv[1])
"""


def project(nodes: int, format: str) -> str:
    """An odibi.yaml with a chain of small nodes."""
    suffix = {"parquet": ".parquet", "delta": ""}[format]
    source = "read: {connection: lake, format: parquet, path: in.parquet}"
    return HEAD + "".join(
        NODE.format(
            i=i,
            source=f"depends_on: [n{i - 1}]" if i else source,
            format=format,
            path=f"n{i}{suffix}",
        )
        for i in range(nodes)
    )


def measure(side: str, nodes: int) -> dict[str, float]:
    """One fresh process in a folder of its own: what it says about itself."""
    code, arguments = SIDES[side]
    with tempfile.TemporaryDirectory() as folder:
        python = [sys.executable, "-W", "ignore", "-c"]
        subprocess.run([*python, INPUT, str(Path(folder, "in.parquet"))], check=True)
        for format in ("parquet", "delta"):
            Path(folder, f"{format}.yaml").write_text(project(nodes, format))
        command = [*python, code, str(nodes), folder, *arguments]
        answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    said: dict[str, float] = json.loads(answer)
    return said


def main(nodes: int = 40, repeats: int = 3) -> None:
    """Alternate the sides, print the medians and the ratios."""
    runs = [{side: measure(side, nodes) for side in SIDES} for _ in range(repeats)]

    def median(side: str, what: str) -> float:
        return statistics.median(run[side][what] for run in runs)

    for what in ("cpu", "wall"):
        ms = {side: median(side, what) for side in SIDES}
        for side, value in ms.items():
            print(f"{what}, {side}: {value:.1f} ms a node")
        for kind in ("", ", delta"):
            ours, data = ms[f"ours{kind}"], ms[f"data{kind}"]
            floor = ms["bare"] + data
            print(
                f"{what}{kind}: {ours / ms['bare']:.2f} of bare, {ours / floor:.2f} of bare + data"
            )
    for side in ("bare", "ours", "ours, delta"):
        print(f"events, {side}: {median(side, 'events'):.1f} a node")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
