"""An incremental node leaves to its database which rows it has read, and loses none by it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.assets.databases import Database, write
from tests.assets.support import Shop

ORDERS = "bronze/orders"
STATEFUL = "incremental: {{mode: stateful, column: id}}"
KEYED = "upsert, options: {keys: [id]}"
EXPLAIN = {"sqlite": "EXPLAIN QUERY PLAN", "postgres": "EXPLAIN (FORMAT JSON)", "mysql": "EXPLAIN"}


def reads(sent: list[tuple[str, Any]], *tables: str) -> list[tuple[str, list[Any]]]:
    """The statements that took rows of these tables, and the values bound to them."""
    return [
        (statement, list(values.values() if isinstance(values, dict) else values))
        for statement, values in sent
        if statement.startswith("SELECT") and any(table in statement for table in tables)
    ]


def run(db: Database, shop: Shop, **options: Any) -> list[tuple[str, list[Any]]]:
    """One run that succeeds; what it asked the source."""
    with db.sent() as sent:
        done = shop.run(ORDERS, **options)
    assert done.ok, done.failures
    return reads(sent, "source")


def test_the_mark_is_in_the_where_of_the_database(db: Database, shop: Shop) -> None:
    db.run("INSERT INTO source (id, v) VALUES (1, 1), (2, 2)")
    ((first, values),) = run(db, shop)
    assert "WHERE" not in first
    assert values == []
    db.run("INSERT INTO source (id, v) VALUES (3, 3)")
    ((second, values),) = run(db, shop)
    assert "WHERE" in second
    assert "id" in second.partition("WHERE")[2]
    assert values == [2]
    ((_, values),) = run(db, shop)
    assert values == [3], "an empty batch leaves the mark"
    ((whole, _),) = run(db, shop, tags={"odibi/full_refresh": "true"})
    assert "WHERE" not in whole
    assert db.rows() == [(1, 1), (2, 2), (3, 3)]


def test_the_database_finds_new_rows_by_its_index(db: Database, shop: Shop) -> None:
    """Its own plan says so: of 2,000 rows it does not look at every one."""
    rows = ", ".join(f"({number}, 1)" for number in range(1, 2_001))
    db.run(f"INSERT INTO source (id, v) VALUES {rows}", "CREATE INDEX by_id ON source (id)")
    db.run("ANALYZE TABLE source" if db.kind == "mysql" else "ANALYZE source")
    run(db, shop)
    ((statement, values),) = run(db, shop)
    for value in values:
        statement = statement.replace("%(lower)s", str(value)).replace("?", str(value))
    plan = str(db.run(f"{EXPLAIN[db.kind]} {statement}"))
    assert "by_id" in plan, plan


def test_a_batch_that_is_repeated_has_the_bounds_it_was_announced_with(
    db: Database, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    from odibi_dagster.formats.sql import Sql

    db.run("INSERT INTO source (id, v) VALUES (1, 1)")
    run(db, shop)
    db.run("INSERT INTO source (id, v) VALUES (2, 2)")
    with monkeypatch.context() as patch:
        patch.setattr(Sql, "publish", lambda *_: 1 / 0)
        assert not shop.run(ORDERS).ok
    db.run("INSERT INTO source (id, v) VALUES (3, 3)")
    ((_, values),) = run(db, shop)
    assert values == [1]
    assert db.rows() == [(1, 1), (2, 2)]
    run(db, shop)
    assert db.rows() == [(1, 1), (2, 2), (3, 3)]


@pytest.mark.parametrize(
    ("how", "back"),
    [
        ("stateful, column: at", timedelta(0)),
        ("stateful, column: at, watermark_lag: 10d", timedelta(days=10)),
        ("stateful, column: seen, fallback_column: at", timedelta(0)),
    ],
)
def test_times_reach_back_by_the_lag_and_a_little_more(
    db: Database, shop: Shop, how: str, back: timedelta
) -> None:
    """A zone, or a day without one, is a matter of two days at most."""
    db.run("ALTER TABLE source ADD COLUMN seen TIMESTAMP NULL")
    write(shop, db.connection, how=how, mode=KEYED)
    mark = datetime(2026, 3, 31, 23, 59, 59, 500_000)
    db.run(f"INSERT INTO source (id, v, at) VALUES (1, 1, '2020-01-01 00:00:00'), (2, 2, '{mark}')")
    run(db, shop)
    late = mark - back - timedelta(days=30)
    db.run(f"INSERT INTO source (id, v, at) VALUES (3, 3, '{late}')")
    db.run(f"INSERT INTO source (id, v, at) VALUES (4, 4, '{mark + timedelta(seconds=1)}')")
    ((statement, (bound,)),) = run(db, shop)
    said = datetime.fromisoformat(str(bound)).replace(tzinfo=None)
    assert mark - back - timedelta(days=4) < said < mark - back - timedelta(days=1)
    if "fallback" in how:
        assert "COALESCE" in statement
    assert [id for id, _ in db.rows()] == [1, 2, 4]


def test_a_rolling_window_is_a_window_of_the_database(db: Database, shop: Shop) -> None:
    write(shop, db.connection, how="rolling_window, column: at, lookback: 3", mode="overwrite")
    now = datetime.now(UTC).replace(tzinfo=None)
    new, old = now - timedelta(days=1), now - timedelta(days=30)
    db.run(f"INSERT INTO source VALUES (1, 1, '{old}'), (2, 2, '{new}')")
    run(db, shop)
    assert [id for id, _ in db.rows()] == [1, 2], "the first run reads everything"
    ((statement, (bound,)),) = run(db, shop)
    said = datetime.fromisoformat(str(bound)).replace(tzinfo=None)
    assert now - timedelta(days=7) < said < now - timedelta(days=4)
    assert [id for id, _ in db.rows()] == [2], "the table is the window"
    assert "WHERE" in statement


def test_text_is_compared_by_nobody_but_its_reader(db: Database, shop: Shop) -> None:
    """In the order of a collation, or of days before months, new rows would be old ones."""
    db.run("ALTER TABLE source ADD COLUMN day VARCHAR(20)")
    write(shop, db.connection, how='stateful, column: day, date_format: "%d.%m.%Y"')
    db.run("INSERT INTO source (id, v, day) VALUES (1, 1, '31.01.2026')")
    run(db, shop)
    db.run("INSERT INTO source (id, v, day) VALUES (2, 2, '01.02.2026'), (3, 3, '30.01.2026')")
    ((statement, _),) = run(db, shop)
    assert "WHERE" not in statement
    assert db.rows() == [(1, 1), (2, 2)]


def test_a_time_before_all_others_is_a_mark_too(db: Database, shop: Shop) -> None:
    """0001-01-01 stands for none in many a database; two days before it there is no day."""
    first = "1970-01-02 00:00:00" if db.kind == "mysql" else "0001-01-01 00:00:00"
    write(shop, db.connection, how="stateful, column: at")
    db.run(f"INSERT INTO source VALUES (1, 1, '{first}')")
    run(db, shop)
    db.run("INSERT INTO source VALUES (2, 2, '2026-01-01 00:00:00')")
    run(db, shop)
    assert db.rows() == [(1, 1), (2, 2)]


def test_a_query_and_a_table_of_another_node_are_asked_alike(db: Database, shop: Shop) -> None:
    write(shop, db.connection, mode=KEYED)
    again = "table: orders}}\n        write: {{connection: db, format: sql, table: again"
    text = shop.config.read_text()
    for old, new in (
        ("table: source", 'query: "SELECT * FROM source WHERE v < 100"'),
        (
            again.format(),
            again.replace("orders", f"orders, {STATEFUL}").format() + ", mode: append",
        ),
    ):
        assert old in text
        text = text.replace(old, new)
    shop.config.write_text(text)
    db.run("INSERT INTO source (id, v) VALUES (1, 1), (9, 900)")
    assert shop.run().ok
    db.run("INSERT INTO source (id, v) VALUES (2, 2)")
    with db.sent() as sent:
        done = shop.run()
    assert done.ok, done.failures
    asked = [values for _, values in reads(sent, "source", "orders") if values == [1]]
    assert len(asked) == 2, "the source of orders, and orders as the source of another node"
    assert db.rows("again") == db.rows() == [(1, 1), (2, 2)]


def test_nothing_new_writes_nothing(db: Database, shop: Shop) -> None:
    db.run("INSERT INTO source (id, v) VALUES (1, 1), (2, -2)")
    run(db, shop)
    with db.sent() as sent:
        assert shop.run(ORDERS).ok
    asked = {statement.split()[0] for statement, _ in sent if "odibi_source" not in statement}
    assert asked <= {"SELECT", "BEGIN", "START", "PRAGMA", "SHOW", "DESCRIBE"}
    assert db.rows("orders_error") == [(2, -2)]


@pytest.mark.parametrize("how", ["stateful, column: id", "rolling_window, column: at"])
def test_a_first_load_has_a_query_of_its_own(db: Database, shop: Shop, how: str) -> None:
    """Until the target is there, and for a full refresh; a dead first load repeats it."""
    query = "SELECT id + 100 AS id, v, at FROM source"
    more = f", first_run_query: {json.dumps(query)}"
    write(shop, db.connection, how=how, mode="append" if "id" in how else KEYED, more=more)
    now = datetime.now(UTC).replace(tzinfo=None)
    db.run(f"INSERT INTO source VALUES (1, 1, '{now}')")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("odibi_dagster.formats.sql.Sql.publish", lambda *_: 1 / 0)
        assert not shop.run(ORDERS).ok
    run(db, shop)
    assert db.rows() == [(101, 1)]
    db.run(f"INSERT INTO source VALUES (102, 2, '{now}')")
    run(db, shop)
    assert (102, 2) in db.rows()
    run(db, shop, tags={"odibi/full_refresh": "true"})
    assert db.rows() == [(101, 1), (202, 2)]


def test_a_first_load_without_a_mark(db: Database, shop: Shop) -> None:
    """The read itself says what is new; the target says whether it is the first."""
    write(shop, db.connection, mode=KEYED, more=', first_run_query: "SELECT * FROM source"')
    text = shop.config.read_text().replace("incremental: {mode: stateful, column: id}", "")
    text = text.replace("table: source", 'query: "SELECT * FROM source WHERE v > 5"')
    shop.config.write_text(text)
    db.run("INSERT INTO source (id, v) VALUES (1, 1)")
    run(db, shop)
    db.run("INSERT INTO source (id, v) VALUES (2, 2), (3, 6)")
    run(db, shop)
    assert db.rows() == [(1, 1), (3, 6)]


@pytest.mark.parametrize("value", ["20260501", "'5/1/2026'", "'01/05/2026'", "1777593600"])
def test_what_is_no_time_in_sqlite_is_an_error_and_not_left_out(shop: Shop, value: str) -> None:
    """A column of times holds anything there, and numbers are below every text."""
    connection = "type: sqlite, database: shop.db"
    db = Database(f"sqlite:///{shop.root / 'shop.db'}", "sqlite", connection)
    write(shop, connection, how="stateful, column: at")
    db.run("CREATE TABLE source (id BIGINT, v BIGINT, at TIMESTAMP)")
    db.run("INSERT INTO source VALUES (1, 1, '2026-04-01T12:00:00')")
    run(db, shop)
    db.run(f"INSERT INTO source VALUES (2, 2, {value})")
    done = shop.run(ORDERS)
    assert not done.ok
    assert "column 'at' holds a value that is no" in done.failures[0]
