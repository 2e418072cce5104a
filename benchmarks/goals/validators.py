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
    return Contender(name, title, command, python="validators", tables=TABLES)


GOAL = Goal(
    name="validators",
    title="Other validators",
    method=(
        "Six rules on `workloads/validators.yaml`: orders joined with customers and products, and "
        "grouped. pandera, dataframely and pointblank each run in a plain Dagster asset that tells "
        "six checks, once on the lazy plan, as we do, and once on the collected table, which has "
        "to fit into memory; Odibi runs the same file on pandas, in a process of its own. All "
        "write the same table; ours alone publishes it only after the judgement, and says in "
        "Dagster what was judged."
    ),
    contenders=(
        node("validators.yaml", "ours", "odibi_dagster", tables=TABLES),
        script("baskets_unchecked", "none", "a plain asset, no checks", tables=TABLES),
        *(_other(tool, way) for tool in _TOOLS for way in ("lazy", "eager")),
        Contender(
            "odibi",
            "Odibi, pandas",
            ("-m", "odibi", "run", str(WORKLOADS / "validators.yaml")),
            python="odibi",
            once=True,
        ),
    ),
    claims=(
        *(
            Claim(
                f"CPU of the node, against {tool}, {said}", "node_cpu", "ours", f"{tool}_{way}", 1
            )
            for tool in _TOOLS
            for way, said in _WAYS.items()
        ),
        Claim("CPU of the process, against Odibi", "cpu", "ours", "odibi", 1),
    ),
    base="none",
)
