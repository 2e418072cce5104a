"""Other validators on a node whose plan is two joins and an aggregation."""

from __future__ import annotations

from benchmarks.goals.ours import WORKLOADS, node, script
from benchmarks.model import Claim, Contender, Goal

TABLES = {"gold/baskets": "baskets.parquet"}

GOAL = Goal(
    name="validators",
    title="Other validators",
    method=(
        "Six rules on `workloads/validators.yaml`: orders joined with customers and products, and "
        "grouped. pandera judges the lazy plan with data checks; pandera, dataframely and "
        "pointblank judge the collected table, which has to fit into memory; Odibi runs the same "
        "file on pandas. All write the same table; ours alone publishes it only after the "
        "judgement, and keeps a record of it in Dagster."
    ),
    contenders=(
        node("validators.yaml", "ours", "odibi_dagster", tables=TABLES),
        script("baskets_unchecked", "none", "Polars, no checks", tables=TABLES),
        Contender(
            "pandera_lazy",
            "pandera, lazy plan",
            ("-m", "benchmarks.contenders.baskets_pandera", "lazy"),
            python="validators",
            tables=TABLES,
        ),
        Contender(
            "pandera",
            "pandera, collected",
            ("-m", "benchmarks.contenders.baskets_pandera", "eager"),
            python="validators",
            tables=TABLES,
        ),
        script(
            "baskets_dataframely",
            "dataframely",
            "dataframely, collected",
            python="validators",
            tables=TABLES,
        ),
        script(
            "baskets_pointblank",
            "pointblank",
            "pointblank, collected",
            python="validators",
            tables=TABLES,
        ),
        Contender(
            "odibi",
            "Odibi, pandas",
            ("-m", "odibi", "run", str(WORKLOADS / "validators.yaml")),
            python="odibi",
            once=True,
        ),
    ),
    claims=(
        Claim("CPU of the process, against pandera's lazy plan", "cpu", "ours", "pandera_lazy", 1),
        Claim("CPU of the process, against Odibi", "cpu", "ours", "odibi", 1),
    ),
    base="none",
)
