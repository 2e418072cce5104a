"""Promise 2: a node is one lazy plan and one sink. Counted in Polars itself, not in our code."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.assets.support import Shop, keys

if TYPE_CHECKING:
    from collections.abc import Iterator

NODE = """
pipelines:
  - pipeline: bronze
    nodes:
      - name: orders
        read: {{connection: lake, format: parquet, path: orders.parquet}}
        contracts: {contracts}
        transform:
          steps:
            - SELECT *, amount * 2 AS twice FROM df
            - function: filter_rows
              params: {{condition: "amount > 0"}}
            - function: rename_columns
              params: {{mapping: {{twice: double}}}}
        validation:
          tests: {tests}
        write: {{connection: lake, format: {format}, path: out/orders}}
"""
RULES = (
    "[{type: not_null, columns: [id]}, {type: unique, columns: [id]}, {type: row_count, min: 1}]"
)


@contextmanager
def polars_calls() -> Iterator[Counter[str]]:
    """Counts every query that Polars runs: its native entry points, seen by the profiler."""
    calls: Counter[str] = Counter()

    def profile(frame: Any, event: str, function: Any) -> None:
        if (
            event == "c_call"
            and type(getattr(function, "__self__", None)).__name__ == "PyLazyFrame"
        ):
            name = function.__name__
            if name.startswith(("collect", "sink")) and name != "collect_schema":
                calls[name.split("_")[0]] += 1

    threading.setprofile(profile)
    sys.setprofile(profile)
    try:
        yield calls
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


def _shop(shop: Shop, *, contracts: str = "[]", tests: str = "[]", format: str = "parquet") -> None:
    import polars as pl

    (shop.root / "lake").mkdir()
    frame = pl.DataFrame({"id": range(1000), "amount": [float(i % 7) for i in range(1000)]})
    frame.write_parquet(shop.root / "lake/orders.parquet")
    shop.write(NODE.format(contracts=contracts, tests=tests, format=format))


@pytest.mark.parametrize("format", ["parquet", "delta"])
@pytest.mark.parametrize(
    ("contracts", "tests", "queries"),
    [("[]", "[]", 1), ("[]", RULES, 2), (RULES, "[]", 2), (RULES, RULES, 3)],
    ids=["bare", "tests", "contracts", "both"],
)
def test_one_sink_one_audit_one_aggregate_over_the_input(
    shop: Shop, contracts: str, tests: str, queries: int, format: str
) -> None:
    _shop(shop, contracts=contracts, tests=tests, format=format)
    with polars_calls() as calls:
        run = shop.run(keys("bronze/orders"))
    assert run.ok
    assert calls["sink"] == 1
    assert calls["collect"] == queries, "a sink is collected once, and so is each aggregate"
