"""The shop in dbt with dbt-duckdb: an external Parquet model per node, dbt's own tests.

dbt runs each test as a query of its own, and knows no one aggregate per node.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from dbt.cli.main import dbtRunner

from benchmarks.contenders.report import Report, folders
from benchmarks.contenders.shop_sql import INPUTS, LANDED, query, table

PROJECT = Path(__file__).parent.parent / "workloads" / "dbt"


def write(project: Path) -> None:
    """The project, with a model for each node, made of the workload's SQL."""
    data, out = folders()
    shutil.copytree(PROJECT, project)
    models = {f"bronze_{n}": f"SELECT * FROM read_parquet('{data}/{n}.parquet')" for n in LANDED}
    for node, inputs in INPUTS.items():
        upstream = ", ".join(
            f"{name} AS (SELECT * FROM {{{{ ref('{table(source)}') }}}})"
            for name, source in inputs.items()
        )
        models[table(node)] = f"WITH {upstream} SELECT * FROM ({query(node)})"
    for name, select in models.items():
        config = f"{{{{ config(location='{out}/{name}.parquet') }}}}"
        (project / "models" / f"{name}.sql").write_text(f"{config}\n{select}\n", encoding="utf-8")


def run(report: Report) -> None:
    """Build: models and their tests, in the order of the graph."""
    project = folders()[1] / "project"
    write(project)
    os.environ["DBT_SEND_ANONYMOUS_USAGE_STATS"] = "false"
    place = ["--project-dir", str(project), "--profiles-dir", str(project)]
    done = dbtRunner().invoke(["build", *place])
    if not done.success:
        raise SystemExit(f"dbt failed: {done.exception or done.result}")
    results = json.loads((project / "target" / "run_results.json").read_text(encoding="utf-8"))
    for result in results["results"]:
        kind, _, name = result["unique_id"].split(".")[:3]
        if kind == "model":
            report.took(name.replace("_", "/", 1), result["execution_time"])
    report.write()


if __name__ == "__main__":
    run(Report())
