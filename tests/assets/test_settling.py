"""Rows that hang on one another: what is published keeps its contracts, also when rows are set
aside that would have replaced stored ones, or that others refer to.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from odibi_dagster.assets import settling
from odibi_dagster.formats.database import read
from tests.assets.support import Shop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from odibi_dagster.engines.base import Engine

    Row = tuple[int, str | None, int | None, int]

COLUMNS = ("id", "code", "parent", "amount")
TYPES = {"id": pl.Int64, "code": pl.String, "parent": pl.Int64, "amount": pl.Int64}
SMALL = "{type: range, column: amount, max: 9, on_fail: quarantine, name: small}"
CODE = "{type: unique, columns: [code], on_fail: quarantine, name: code}"
PARENT = (
    "{type: foreign_key, columns: [parent], references: $p.parts, referenced_columns: [id], "
    "on_fail: quarantine, name: parent}"
)
NODE = """
engine: {engine}
pipelines:
  - pipeline: p
    nodes:
      - name: parts
        read: {{connection: lake, format: parquet, path: in.parquet}}
        validation: {{tests: [{tests}]}}
        write:
          {{connection: lake, format: {format}, path: parts, mode: {mode}, options: {options}}}
"""
KEYED = {"append": "{}", "overwrite": "{}", "append_once": "{keys: [id]}", "upsert": "{keys: [id]}"}


def node(
    shop: Shop, *tests: str, mode: str = "upsert", engine: str = "polars", format: str = "delta"
) -> None:
    said = ", ".join(tests)
    shop.write(
        NODE.format(engine=engine, tests=said, mode=mode, options=KEYED[mode], format=format)
    )


def run(shop: Shop, *rows: Row) -> Any:
    (shop.root / "lake").mkdir(exist_ok=True)
    source = pl.DataFrame(rows, schema=TYPES, orient="row")
    source.write_parquet(shop.root / "lake/in.parquet")
    return shop.run()


def stored(shop: Shop, name: str = "parts", columns: tuple[str, ...] = COLUMNS) -> list[Any]:
    path = shop.root / "lake" / name
    rows = pl.read_delta(str(path)).select(columns).rows() if path.exists() else []
    return sorted(rows, key=repr)


def rejected(shop: Shop) -> list[tuple[int, str]]:
    return stored(shop, "parts_error", ("id", "_failed_tests"))


def test_a_row_that_is_set_aside_replaces_none(engine: Engine, shop: Shop) -> None:
    """1/c breaks another rule, so 1/a stays, and 4/a would stand beside it."""
    node(shop, SMALL, CODE, engine=engine.name)
    assert run(shop, (1, "a", None, 1), (2, "b", None, 1)).ok

    batch = run(shop, (1, "c", None, 99), (4, "a", None, 1), (5, "d", None, 1))

    assert batch.ok
    assert stored(shop) == [(1, "a", None, 1), (2, "b", None, 1), (5, "d", None, 1)]
    assert rejected(shop) == [(1, "small"), (4, "code")]
    assert batch.check_metadata("code")["failed_rows"] == 1
    assert batch.check_metadata("code")["met_stored_rows"] == 1
    assert "4" in batch.check_metadata("code")["broken_rows"]


def test_a_row_that_the_rule_itself_sets_aside_replaces_none(shop: Shop) -> None:
    node(shop, CODE)
    assert run(shop, (1, "a", None, 1), (2, "b", None, 1)).ok
    assert run(shop, (1, "b", None, 2), (4, "a", None, 2)).ok
    assert stored(shop) == [(1, "a", None, 1), (2, "b", None, 1)]
    assert rejected(shop) == [(1, "code"), (4, "code")]


def test_the_stored_keys_of_a_database_are_asked_for_once(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    node(shop, SMALL, CODE)
    text = shop.config.read_text().replace(
        "lake, format: delta, path: parts", "db, format: sql, table: parts"
    )
    database = "connections:\n  db: {type: sqlite, path: lake/shop.db}\n"
    shop.config.write_text(text.replace("connections:\n", database))
    assert run(shop, (1, "a", None, 1), (2, "b", None, 1)).ok
    asked, land = [], read.land

    def landing(*args: Any, columns: Any = None, **more: Any) -> Any:
        asked.append(columns)
        return land(*args, columns=columns, **more)

    monkeypatch.setattr(read, "land", landing)
    assert run(shop, (1, "c", None, 99), (4, "a", None, 1), (5, "d", None, 1)).ok
    assert [sorted(columns) for columns in asked] == [["code", "id"]]
    with closing(sqlite3.connect(shop.root / "lake/shop.db")) as connection:
        rows = connection.execute("SELECT id, code FROM parts ORDER BY id").fetchall()
    assert rows == [(1, "a"), (2, "b"), (5, "d")]


def test_a_rule_that_fails_is_judged_on_what_would_be_published(shop: Shop) -> None:
    node(shop, SMALL, CODE.replace("quarantine", "fail"))
    before = [(1, "a", None, 1), (2, "b", None, 1)]
    assert run(shop, *before).ok
    batch = run(shop, (1, "c", None, 99), (4, "a", None, 1))
    assert batch.checks == {"small": (False, "WARN"), "code": (False, "ERROR")}
    assert stored(shop) == before
    assert rejected(shop) == []


@pytest.mark.parametrize("mode", KEYED)
def test_no_row_refers_to_one_that_was_set_aside(engine: Engine, shop: Shop, mode: str) -> None:
    """And so on, down to the grandchildren."""
    node(shop, SMALL, PARENT, mode=mode, engine=engine.name)
    rows = [(4, "", 3, 1), (3, "", 2, 1), (2, "", None, 99), (1, "", None, 1), (5, "", 1, 1)]
    batch = run(shop, *rows)
    assert batch.ok
    assert stored(shop) == [(1, "", None, 1), (5, "", 1, 1)]
    assert rejected(shop) == [(2, "small"), (3, "parent"), (4, "parent")]
    assert batch.check_metadata("parent")["failed_rows"] == 2


def test_a_stored_row_that_was_not_replaced_is_still_referred_to(shop: Shop) -> None:
    node(shop, SMALL, PARENT)
    assert run(shop, (1, "a", None, 1)).ok
    assert run(shop, (1, "b", None, 99), (2, "c", 1, 1)).ok
    assert stored(shop) == [(1, "a", None, 1), (2, "c", 1, 1)]


def test_a_threshold_counts_the_rows_that_lost_their_hold(shop: Shop) -> None:
    node(shop, SMALL, PARENT.replace("name: parent", "name: parent, threshold: 1"))
    batch = run(shop, (1, "", None, 99), (2, "", 1, 1), (3, "", 2, 1))
    assert batch.checks["parent"] == (False, "ERROR")
    assert stored(shop) == rejected(shop) == []


def test_a_gate_that_breaks_in_a_later_round_sets_all_aside(shop: Shop) -> None:
    """The gate counts the orphan, and then the row that only warns is broken for good as well."""
    tests = [SMALL, PARENT, "{type: not_null, columns: [code], on_fail: warn, name: coded}"]
    node(shop, *tests)
    gate = "], gate: {require_pass_rate: 0.5, on_fail: write_valid_only}}"
    shop.config.write_text(shop.config.read_text().replace("]}", gate, 1))
    rows = [
        (1, "a", None, 99),
        (2, "a", 1, 1),
        (3, None, None, 1),
        (4, "a", 3, 1),
        (5, "a", None, 1),
    ]
    batch = run(shop, *rows)
    assert batch.ok, batch.failures
    assert stored(shop) == [(5, "a", None, 1)]
    assert rejected(shop) == [(1, "small"), (2, "parent"), (3, "coded"), (4, "parent")]


def test_a_chain_without_end_stops_the_node(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "ROUNDS", 3)
    node(shop, SMALL, PARENT)
    chain: list[Row] = [(number, "", number - 1, 1) for number in range(2, 7)]
    batch = run(shop, (1, "", None, 99), *chain)
    assert not batch.ok
    assert "after 3 rounds there are still rows" in batch.failures[0]
    assert stored(shop) == rejected(shop) == []


@pytest.mark.parametrize(
    ("tests", "mode", "rows"),
    [
        ((SMALL, CODE), "append", [(3, "c", None, 99)]),
        ((SMALL, CODE.replace("[code]", "[id]")), "upsert", [(1, "c", None, 99)]),
        ((SMALL, CODE, PARENT), "upsert", [(1, "c", None, 1)]),
    ],
    ids=["nothing is replaced", "the key of the upsert", "nothing is set aside"],
)
def test_nothing_is_judged_twice_for_nothing(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, tests: tuple[str, ...], mode: str, rows: list[Row]
) -> None:
    node(shop, *tests, mode=mode)
    assert run(shop, (1, "a", None, 1)).ok
    monkeypatch.setattr(settling, "ROUNDS", 0)
    assert run(shop, *rows).ok


@pytest.fixture(scope="module")
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


batches = st.lists(
    st.lists(
        st.tuples(
            st.integers(1, 6),
            st.none() | st.sampled_from("abcdef"),
            st.none() | st.integers(1, 6),
            st.sampled_from([1, 1, 99]),
        ),
        max_size=6,
        unique_by=lambda row: row[0],
    ),
    min_size=1,
    max_size=3,
)
RULES = {"small": SMALL, "code": CODE, "parent": PARENT}
rules = st.sampled_from([("small", "code"), ("small", "parent"), ("code", "parent"), tuple(RULES)])


def told(batch: list[Row], table: list[Row], mode: str, rules: tuple[str, ...]) -> set[int]:
    """The ids of the rows to be set aside, by hand: no more than must be."""
    aside: set[int] = set()
    while True:
        kept = [row for row in batch if row[0] not in aside]
        gone = {row[0] for row in kept} if mode == "upsert" else set()
        stays = [row for row in table if row[0] not in gone and mode != "overwrite"]
        ids, codes = {row[0] for row in kept + stays}, {row[1] for row in stays}
        twice = Counter(row[1] for row in batch)
        broken = {
            "small": {row for row in batch if row[3] > 9},
            "code": {row for row in batch if row[1] and (twice[row[1]] > 1 or row[1] in codes)},
            "parent": {row for row in batch if row[2] and row[2] not in ids},
        }
        found = {row[0] for rule in rules for row in broken[rule]}
        if found == aside:
            return found
        aside = found


def check(
    instance: dg.DagsterInstance,
    engine: str,
    mode: str,
    batches: list[list[Row]],
    rules: tuple[str, ...],
) -> None:
    table: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        shop = Shop(Path(folder), instance)
        node(shop, *(RULES[rule] for rule in rules), mode=mode, engine=engine)
        rejects: list[int] = []
        for batch in batches:
            done = run(shop, *batch)
            assert done.ok, done.failures
            aside = told(batch, table, mode, rules)
            kept = [row for row in batch if row[0] not in aside]
            new = {row[0] for row in kept}
            table = [
                row
                for row in table
                if mode != "overwrite" and (mode, row[0] in new) != ("upsert", True)
            ] + kept
            rejects = sorted([*(rejects if mode != "overwrite" else []), *aside])
            assert Counter(stored(shop)) == Counter(table)
            assert [row[0] for row in rejected(shop)] == rejects
            codes = [row[1] for row in table if row[1] is not None]
            assert "code" not in rules or len(codes) == len(set(codes))
            ids = {row[0] for row in table}
            assert "parent" not in rules or {row[2] for row in table} - {None} <= ids


@pytest.mark.parametrize("mode", ["append", "upsert", "overwrite"])
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(batches=batches, rules=rules)
def test_what_is_published_keeps_its_contracts(
    instance: dg.DagsterInstance, mode: str, batches: list[list[Row]], rules: tuple[str, ...]
) -> None:
    check(instance, "polars", mode, batches, rules)


@pytest.mark.spark
@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
@given(batches=batches, rules=rules)
def test_what_is_published_keeps_its_contracts_on_spark(
    _spark: Any, instance: dg.DagsterInstance, batches: list[list[Row]], rules: tuple[str, ...]
) -> None:
    check(instance, "spark", "upsert", batches, rules)
