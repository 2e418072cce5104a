"""Every workload gives the rows that scripts by hand give; times are nobody's business here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg
import polars as pl
import pytest
from polars import col

from benchmarks.compare import Facts, differences
from benchmarks.contenders import shop_duckdb, shop_polars
from benchmarks.contenders.baskets import baskets
from benchmarks.contenders.priced import priced
from benchmarks.contenders.report import Report
from benchmarks.dagster_log import last_run
from benchmarks.digest import digest
from benchmarks.generate import generate
from benchmarks.goals import gold, medallion
from benchmarks.goals.ours import WORKLOADS
from odibi_dagster import load_odibi_assets

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ROWS = 4000


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("landed")
    generate(folder, ROWS)
    generate(folder, ROWS, "csv")
    return folder


@pytest.fixture
def place(landed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Make a contender's folder, and say to the contender that it is the one."""

    def named(name: str) -> Path:
        out = tmp_path / name
        out.mkdir()
        monkeypatch.setenv("BENCH_DATA", str(landed))
        monkeypatch.setenv("BENCH_OUT", str(out))
        return out

    return named


def ours(workload: str) -> dict[str, Any]:
    """Run a workload; the values of its checks."""
    with dg.DagsterInstance.ephemeral() as instance:
        assets = load_odibi_assets(WORKLOADS / workload)
        assert dg.materialize(assets, instance=instance, raise_on_error=False).success
        return last_run(instance)["checks"]


def facts(out: Path, tables: dict[str, str], checks: dict[str, Any]) -> Facts:
    return Facts({node: digest(out / file) for node, file in tables.items()}, checks)


@pytest.fixture
def by_hand(place: Callable[[str], Path]) -> Facts:
    out, report = place("polars"), Report()
    shop_polars.run(report)
    return facts(out, medallion.TABLES, report.said["checks"])


def test_the_shop_is_the_same_by_yaml_and_by_hand(place: Callable[[str], Path], by_hand: Facts):
    out = place("ours")
    seen = facts(out, medallion.TABLES, ours("medallion.yaml"))

    assert len(seen.tables) == 8
    assert sum(map(len, seen.checks.values())) == 13
    assert differences("ours", seen, "polars", by_hand) == []


def test_the_shop_is_the_same_in_duckdb(place: Callable[[str], Path], by_hand: Facts):
    out, report = place("duckdb"), Report()
    shop_duckdb.run(report)
    seen = facts(out, medallion.TABLES, report.said["checks"])

    assert differences("duckdb", seen, "polars", by_hand) == []


def test_gold_is_the_same_over_views(place: Callable[[str], Path], by_hand: Facts):
    out = place("gold")
    seen = facts(out, gold.STORED, ours("gold.yaml"))

    assert {path.name for path in out.glob("*.parquet")} == set(gold.STORED.values())
    assert differences("ours", seen, "polars", by_hand) == []


@pytest.mark.parametrize(
    ("workload", "stored", "rules"),
    [
        ("rowwise.yaml", "priced.parquet", 8),
        ("rowwise_bare.yaml", "priced.parquet", 0),
        ("delta.yaml", "priced", 8),
        ("rules.yaml", "priced.parquet", 12),
        ("rules_rows.yaml", "priced.parquet", 11),
        ("unique.yaml", "priced.parquet", 1),
    ],
)
def test_the_row_wise_node_is_the_same(
    workload: str, stored: str, rules: int, landed: Path, place: Callable[[str], Path]
):
    out = place("ours")
    priced(pl.scan_parquet(landed / "orders.parquet")).sink_parquet(out / "hand.parquet")
    checks = ours(workload)

    assert sum(map(len, checks.values())) == rules
    assert equal(out, stored)


def test_one_row_in_twenty_is_quarantined(landed: Path, place: Callable[[str], Path]):
    out = place("ours")
    everything = priced(pl.scan_parquet(landed / "orders.parquet"))
    everything.filter(col("quantity") <= 18).sink_parquet(out / "hand.parquet")
    ours("quarantine.yaml")

    assert equal(out, "priced.parquet")
    rejected = pl.read_parquet(out / "priced_error.parquet").height
    assert 0.04 < rejected / everything.select(pl.len()).collect().item() < 0.07


@pytest.mark.parametrize(("workload", "rules"), [("spill.yaml", 2), ("validators.yaml", 6)])
def test_baskets_are_the_same(workload: str, rules: int, place: Callable[[str], Path]):
    out = place("ours")
    baskets().sink_parquet(out / "hand.parquet")
    assert sum(map(len, ours(workload).values())) == rules

    assert equal(out, "baskets.parquet")


def test_the_file_for_odibi_gives_the_same_by_hand(landed: Path, place: Callable[[str], Path]):
    out = place("ours")
    orders = pl.scan_csv(landed / "orders.csv")
    kept = orders.filter(col("status") != "cancelled", col("unit_price") > 0)
    amount = col("quantity") * col("unit_price") * (1 - col("discount").fill_null(0.0))
    sums = kept.group_by("product_id", "status").agg(
        amount.sum().alias("amount"), order_id=pl.len()
    )
    sums.sink_parquet(out / "hand.parquet")
    ours("odibi.yaml")

    assert equal(out, "sales.parquet")


def equal(out: Path, stored: str) -> bool:
    seen, expected = (Facts({"node": digest(out / file)}, {}) for file in (stored, "hand.parquet"))
    assert seen.tables["node"]["rows"] > 0
    return differences("ours", seen, "hand", expected) == []
