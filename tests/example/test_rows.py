"""The example gives the rows that plain Polars gives, and the README says the same."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from odibi_dagster.checks.base import OnFail, contracts
from odibi_dagster.config.load import load_project
from tests.example.baseline import Baseline
from tests.example.conftest import EXAMPLE, Ran

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    return Baseline()


def readme_counts() -> dict[str, int]:
    table = README.split("<!-- counts -->")[1].split("<!-- /counts -->")[0]
    found = re.findall(r"^\| `(\S+)` \| ([\d,]+) \|", table, re.MULTILINE)
    return {node: int(count.replace(",", "")) for node, count in found}


def test_the_readme_says_what_plain_polars_says(baseline: Baseline):
    assert readme_counts() == baseline.rows


def test_every_number_the_readme_tells_of_broken_rows_is_true(baseline: Baseline):
    table = README.split("<!-- counts -->")[1].split("<!-- /counts -->")[0]
    told = {int(n.replace(",", "")) for n in re.findall(r"(?<![\w.])\d[\d,]*", table)}
    assert set(baseline.broken.values()) <= told
    assert baseline.landed.height - baseline.judged.height in told


def test_rows_stored(ran: Ran, baseline: Baseline):
    assert ran.result.success
    assert ran.rows() == baseline.rows


def test_rows_broken(ran: Ran, baseline: Baseline):
    broken = {
        name: check.metadata["failed_rows"].value
        for name, check in ran.checks().items()
        if "failed_rows" in check.metadata and check.metadata["failed_rows"].value
    }
    assert broken == baseline.broken


def test_checks_that_warn_are_those_with_broken_rows(ran: Ran, baseline: Baseline):
    warned = {name for name, check in ran.checks().items() if not check.passed}
    assert warned == set(baseline.broken)
    assert {ran.checks()[name].severity.value for name in warned} == {"WARN"}


def test_every_kind_of_contract_and_action_is_seen_on_real_data():
    nodes = load_project(EXAMPLE / "odibi.yaml").nodes.values()
    seen = [rule for node in nodes for rule in (*node.contracts, *node.tests)]
    assert {rule.kind for rule in seen} == set(contracts.known)
    assert {rule.on_fail for rule in seen} >= {OnFail.FAIL, OnFail.WARN, OnFail.QUARANTINE}


def test_the_quarantine_keeps_the_row_and_the_reason(ran: Ran):
    rejected = ran.load("silver/flights__quarantine")
    assert rejected["tailnum"].null_count() == rejected.height == 547
    assert rejected["_failed_tests"].unique().to_list() == ["not_null_tailnum"]
    assert rejected["cancelled"].all(), "who never flew has no tail number"


def test_times_are_those_of_the_time_zone(ran: Ran, baseline: Baseline):
    keys = ["scheduled_utc", "origin", "dest", "carrier", "flight"]
    stored = pl.scan_delta(str(ran.lake / "silver/flights")).select(keys).sort(keys).collect()
    assert_frame_equal(stored, baseline.flights.select(keys).sort(keys))


def test_midnight_belongs_to_the_next_day(ran: Ran):
    flights = pl.scan_delta(str(ran.lake / "silver/flights"))
    at_midnight = flights.filter(pl.col.arrived_local.dt.time() == pl.time(0, 0)).collect()
    before = at_midnight.filter(pl.col.arrived_local.dt.date() > pl.col.scheduled_local.dt.date())
    assert before.height == at_midnight.height > 0


def test_delays_by_carrier_and_month(ran: Ran, baseline: Baseline):
    stored = pl.read_parquet(ran.lake / "gold/delays_by_carrier_month.parquet")
    assert stored["airline"].null_count() == 0
    expected = baseline.by_carrier_month
    assert_frame_equal(
        stored.select(expected.columns), expected, check_dtypes=False, check_row_order=False
    )


def test_delays_by_origin_and_hour(ran: Ran, baseline: Baseline):
    stored = pl.read_csv(ran.lake / "gold/delays_by_origin_hour.csv")
    assert_frame_equal(stored.drop("mean_wind_kmh"), baseline.by_origin_hour, abs_tol=0.011)


def test_worst_routes_are_in_order(ran: Ran, baseline: Baseline):
    stored = pl.read_csv(ran.lake / "gold/worst_routes.csv")
    expected = baseline.worst_routes
    assert_frame_equal(stored.select(expected.columns), expected, abs_tol=0.011)


def test_delays_by_weather(ran: Ran, baseline: Baseline):
    stored = pl.scan_delta(str(ran.lake / "gold/delays_by_weather")).sort("weather").collect()
    assert_frame_equal(stored, baseline.by_weather)
