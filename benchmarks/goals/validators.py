"""Other validators on a node whose plan is two joins and an aggregation."""

from __future__ import annotations

from benchmarks.goals.ours import WORKLOADS, node, script
from benchmarks.model import Claim, Contender, Goal

TABLES = {"gold/baskets": "baskets.parquet"}

_TOOLS = ("pandera", "dataframely", "pointblank")
_WAYS = {"lazy": "the plan", "eager": "collected"}


def _other(tool: str, way: str) -> Contender:
    command = ("-m", f"benchmarks.contenders.baskets_{tool}", way)
    title = f"{tool}, {_WAYS[way]}"
    name = f"{tool}_{way}"
    return Contender(name, title, command, python="validators", once=True, tables=TABLES)


GOAL = Goal(
    name="validators",
    title="Other validators",
    method=(
        "Six rules on `workloads/validators.yaml`: orders joined with customers and products, and "
        "grouped. pandera, dataframely and pointblank judge the lazy plan, as we do, and once more "
        "the collected table, which has to fit into memory; Odibi runs the same file on pandas. "
        "All write the same table; ours alone publishes it only after the judgement, and keeps a "
        "record of it in Dagster, which is what it takes more than the collected ones."
    ),
    contenders=(
        node("validators.yaml", "ours", "odibi_dagster", tables=TABLES),
        script("baskets_unchecked", "none", "Polars, no checks", tables=TABLES),
        *(_other(tool, way) for tool in _TOOLS for way in ("lazy", "eager")),
        Contender(
            "odibi",
            "Odibi, pandas",
            ("-m", "odibi", "run", str(WORKLOADS / "validators.yaml")),
            python="odibi",
            once=True,
        ),
    ),
    claims=tuple(
        Claim(f"CPU of the process, against {title}", "cpu", "ours", name, 1)
        for name, title in (
            ("pandera_lazy", "pandera on the plan"),
            ("dataframely_lazy", "dataframely on the plan"),
            ("pointblank_lazy", "pointblank on the plan"),
            ("odibi", "Odibi"),
        )
    ),
    base="none",
)
