"""Promise 2: a node is one lazy plan and one sink. Counted in Polars itself, not in our code."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from odibi_dagster.engines.polars import PolarsEngine
from tests.assets.support import Shop, keys

if TYPE_CHECKING:
    from collections.abc import Iterator

    from odibi_dagster.core.frame import Frame

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


KNOWN = "[{type: not_null, columns: [id, amount]}, {type: range, column: id, min: 0}]"
"""What footers answer."""


def _shop(
    shop: Shop,
    *,
    contracts: str = "[]",
    tests: str = "[]",
    format: str = "parquet",
    rows: int = 1000,
) -> None:
    (shop.root / "lake").mkdir()
    ids = pl.int_range(rows).alias("id")
    frame = pl.LazyFrame().select(ids, amount=(ids % 7).cast(pl.Float64))
    frame.sink_parquet(shop.root / "lake/orders.parquet")
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


@pytest.mark.parametrize("format", ["parquet", "delta"])
@pytest.mark.parametrize(
    ("tests", "rows", "queries"),
    [(KNOWN, 1000, 2), (KNOWN, 1_500_000, 1), (RULES, 1_500_000, 2)],
    ids=["few rows", "footers", "a scan for the rest"],
)
def test_what_footers_of_many_rows_answer_is_not_scanned(
    shop: Shop, tests: str, rows: int, queries: int, format: str
) -> None:
    _shop(shop, tests=tests, rows=rows, format=format)
    with polars_calls() as calls:
        run = shop.run(keys("bronze/orders"))
    assert run.ok
    assert calls["collect"] == queries
    kept = rows - len(range(0, rows, 7))
    assert {run.check_metadata(name)["total_rows"] for name in run.checks} == {kept}


WORDS = """
pipelines:
  - pipeline: bronze
    nodes:
      - name: words
        read: {{connection: lake, format: parquet, path: words.parquet}}
        validation:
          tests:
            - {{type: regex_match, column: word, pattern: "[a-z]+$"}}
            - {{type: range, column: size, min: 0}}
        write: {{connection: lake, format: {format}, path: out/words}}
"""


@pytest.mark.parametrize("format", ["parquet", "delta"])
def test_a_rule_of_a_coded_column_reaches_the_scan_of_the_staged_files(
    shop: Shop, format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plans, fetch = [], PolarsEngine.fetch

    def telling(engine: PolarsEngine, frame: Frame, limit: int) -> list[dict[str, Any]]:
        plans.append(engine.explain(frame))
        return fetch(engine, frame, limit)

    monkeypatch.setattr(PolarsEngine, "fetch", telling)
    (shop.root / "lake").mkdir()
    size = (pl.int_range(1_000_000) % 3).alias("size")
    words = size.cast(pl.String).replace({"0": "a", "1": "b"}).alias("word")
    pl.LazyFrame().select(words, size.cast(pl.Float64)).sink_parquet(
        shop.root / "lake/words.parquet"
    )
    shop.write(WORDS.format(format=format))
    run = shop.run(keys("bronze/words"))
    assert run.check_metadata("regex_match_word")["failed_rows"] == 333_333
    audit = plans[0]
    assert 'SELECTION: col("word").str.contains' in audit
    assert "CACHE" not in audit
