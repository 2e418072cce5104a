"""Tables and queries as sources: read once, with the types that the database says."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import pytest

from odibi_dagster.connections.database import TableLocation
from odibi_dagster.engines.base import Engine
from odibi_dagster.errors import DataReadError, SchemaContractError
from odibi_dagster.formats.base import Bounds
from tests.formats.support import POLARS, rows_of
from tests.formats.tables import SQL, Database, database

MAKE = "CREATE TABLE orders (id BIGINT, name VARCHAR(40), at TIMESTAMP NULL, amount DECIMAL(12, 2))"
FILL = """INSERT INTO orders VALUES
    (1, 'a', '2024-01-01 00:00:00', 1.50), (2, 'it''s 100% :x', '2024-01-02 00:00:00', 2.25),
    (3, NULL, '2024-01-03 00:00:00', NULL), (4, 'd', NULL, 4.00)"""


@pytest.fixture
def orders(db: Database) -> Database:
    db.run(MAKE, FILL)
    return db


def scan(location: TableLocation, engine: Engine = POLARS, **more: Any) -> list[tuple[Any, ...]]:
    return rows_of(engine, SQL.scan(engine, location, **more))


def test_a_table_and_a_query_are_the_same_rows(orders: Database, engine: Engine) -> None:
    query = orders.query("SELECT id, name FROM orders WHERE id < 3 -- the first two\n;")
    table = SQL.scan(engine, orders.table()).filter(nw.col("id") < 3).select("id", "name")
    expected = [(1, "a"), (2, "it's 100% :x")]
    assert sorted(rows_of(engine, table)) == sorted(scan(query, engine)) == expected


def test_a_query_may_hold_what_placeholders_are_made_of(orders: Database) -> None:
    query = orders.query(
        "SELECT id, '12:30 :x %s %(y)s $lower$' AS t FROM orders WHERE name LIKE '%:x'"
    )
    bounds = Bounds(("id",), lower=0)
    frame = SQL.scan_within(POLARS, query, bounds)
    assert rows_of(POLARS, frame) == [(2, "12:30 :x %s %(y)s $lower$")]


def test_what_was_read_stays_as_it_was(orders: Database) -> None:
    """A second look at the frame is no second query."""
    frame = SQL.scan(POLARS, orders.table())
    orders.run("DELETE FROM orders")
    assert len(rows_of(POLARS, frame)) == len(rows_of(POLARS, frame)) == 4


def test_no_row_is_still_a_table(orders: Database, engine: Engine) -> None:
    frame = SQL.scan(engine, orders.query("SELECT id, amount FROM orders WHERE id > 99"))
    assert rows_of(engine, frame) == []
    assert frame.collect_schema() == {"id": nw.Int64(), "amount": nw.Decimal(12, 2)}


def test_the_schema_costs_no_row(orders: Database) -> None:
    schema = SQL.stored_schema(POLARS, orders.table())
    assert list(schema) == ["id", "name", "at", "amount"]
    assert schema["amount"] == nw.Decimal(12, 2)
    assert orders.leftovers() == []


BOUNDS = [
    (Bounds(("id",), lower=2), [3, 4]),
    (Bounds(("id",), lower=2, inclusive=True), [2, 3, 4]),
    (Bounds(("id",), upper=2), [1, 2]),
    (Bounds(("id",), lower=1, upper=3), [2, 3]),
    (Bounds(("id",)), [1, 2, 3, 4]),
    (Bounds(("amount",), lower=Decimal("1.50")), [2, 3, 4]),
    (Bounds(("id",), lower=datetime(2024, 1, 1)), [1, 2, 3, 4]),
]


@pytest.mark.parametrize(("bounds", "ids"), BOUNDS)
def test_the_database_leaves_out_other_rows(
    orders: Database, bounds: Bounds, ids: list[int]
) -> None:
    frame = SQL.scan_within(POLARS, orders.table(), bounds)
    assert sorted(row[0] for row in rows_of(POLARS, frame)) == ids


def test_times_as_bounds(orders: Database) -> None:
    """SQLite keeps times as text, and is asked for whole days around them: more, never less."""
    moment: Any = datetime(2024, 1, 2)
    if orders.kind == "mysql":
        moment = moment.replace(tzinfo=UTC)
    frame = SQL.scan_within(POLARS, orders.table(), Bounds(("at",), lower=moment))
    wanted = {3, 4} if orders.kind != "sqlite" else {1, 2, 3, 4}
    assert {row[0] for row in rows_of(POLARS, frame.select("id"))} == wanted
    upper = SQL.scan_within(POLARS, orders.table(), Bounds(("at",), upper=moment))
    more = {1, 2, 4} if orders.kind != "sqlite" else {1, 2, 3, 4}
    assert {row[0] for row in rows_of(POLARS, upper.select("id"))} == more


def test_a_second_column_where_the_first_is_null(db: Database) -> None:
    db.run(
        "CREATE TABLE t (a INTEGER, b INTEGER)", "INSERT INTO t VALUES (NULL, 5), (1, 9), (7, 0)"
    )
    frame = SQL.scan_within(POLARS, db.table("t"), Bounds(("a", "b"), lower=4))
    assert sorted(rows_of(POLARS, frame.select("b"))) == [(0,), (5,)]


def test_a_mark_is_bound_and_never_part_of_the_statement(orders: Database) -> None:
    """Q03: a mark comes from data, and data says anything."""
    evil = "2026'; DELETE FROM orders; --"
    frame = SQL.scan_within(POLARS, orders.table(), Bounds(("name",), lower=evil))
    assert {row[0] for row in rows_of(POLARS, frame)} == {1, 2, 3, 4}
    assert orders.run("SELECT count(*) FROM orders") == [(4,)]


def test_text_is_not_compared_with_a_time(orders: Database) -> None:
    """Only its reader knows what the text means: all rows come."""
    bounds = Bounds(("name",), lower=datetime(2024, 1, 1))
    assert len(rows_of(POLARS, SQL.scan_within(POLARS, orders.table(), bounds))) == 4


def test_a_cursor_that_is_no_column(orders: Database) -> None:
    with pytest.raises(DataReadError, match="no column 'idd'; did you mean 'id'"):
        SQL.scan_within(POLARS, orders.table(), Bounds(("idd",), lower=1))


WRONG = [
    ("SELECT * FROM nowhere", "cannot be read"),
    ("SELEKT 1", "cannot be read"),
    ("SELECT 1; DROP TABLE orders", "cannot be read"),
]


@pytest.mark.parametrize(("query", "words"), WRONG)
def test_queries_that_are_wrong(orders: Database, query: str, words: str) -> None:
    with pytest.raises(DataReadError, match=words):
        scan(orders.query(query))
    assert len(orders.run("SELECT id FROM orders")) == 4


@pytest.mark.databases
def test_two_columns_of_one_name(tmp_path: Path, postgres_url: str) -> None:
    db = database("postgres", tmp_path, postgres_url)
    with pytest.raises(SchemaContractError, match="duplicate column 'a'"):
        scan(db.query("SELECT 1 AS a, 2 AS a"))


def test_a_missing_table(db: Database) -> None:
    db.run("CREATE TABLE elsewhere (id INTEGER)")
    with pytest.raises(DataReadError, match="nowhere cannot be read"):
        scan(db.table("nowhere"))
    assert not SQL.exists(db.table("nowhere"))


def test_many_batches_are_one_file(db: Database) -> None:
    db.run("CREATE TABLE t (n BIGINT)", "INSERT INTO t VALUES (0), (1), (2), (3), (4), (5), (6)")
    db.run("INSERT INTO t SELECT a.n FROM t a, t b, t c, t d, t e")
    query = db.query("SELECT a.n FROM t a, (SELECT DISTINCT n FROM t WHERE n < 2) b")
    expected = db.run(f"SELECT count(*) FROM ({query.query}) x")[0][0]
    assert expected > 30_000
    frame = SQL.scan(POLARS, query)
    assert rows_of(POLARS, frame.select(nw.len())) == [(expected,)]


def described(db: Database, *columns: tuple[str, str, Any, Any]) -> None:
    """Each column: its type in the database, a literal, the type read, the value read."""
    types = ", ".join(f"c{i} {column[0]}" for i, column in enumerate(columns))
    db.run(
        f"CREATE TABLE t ({types})",
        f"INSERT INTO t VALUES ({', '.join(column[1] for column in columns)})",
        f"INSERT INTO t VALUES ({', '.join(['NULL'] * len(columns))})",
    )
    frame = SQL.scan(POLARS, db.table("t"))
    assert list(frame.collect_schema().values()) == [column[2] for column in columns]
    first, nulls = rows_of(POLARS, frame)
    assert list(first) == [column[3] for column in columns]
    assert set(nulls) == {None}


NAIVE, ZONED = nw.Datetime("us"), nw.Datetime("us", "UTC")
NOON = datetime(2024, 1, 1, 12, 0, 0, 250_000)


@pytest.mark.databases
def test_types_of_postgres(tmp_path: Path, postgres_url: str) -> None:
    described(
        database("postgres", tmp_path, postgres_url),
        ("boolean", "true", nw.Boolean(), True),
        ("smallint", "-5", nw.Int16(), -5),
        ("integer", "5", nw.Int32(), 5),
        ("bigint", "9223372036854775807", nw.Int64(), 2**63 - 1),
        ("real", "1.1", nw.Float32(), pytest.approx(1.1, rel=1e-7)),
        ("double precision", "0.1", nw.Float64(), 0.1),
        ("numeric(38, 10)", "1.0000000001", nw.Decimal(38, 10), Decimal("1.0000000001")),
        ("numeric", "1.5", nw.Decimal(38, 18), Decimal("1.5")),
        ("char(3)", "'a'", nw.String(), "a  "),
        ("text", "'é'", nw.String(), "é"),
        ("bytea", "'\\x00ff'", nw.Binary(), b"\x00\xff"),
        ("date", "'2024-02-29'", nw.Date(), date(2024, 2, 29)),
        ("timestamp", "'2024-01-01 12:00:00.25'", NAIVE, NOON),
        ("timestamptz", "'2024-01-01 14:00:00.25+02'", ZONED, NOON.replace(tzinfo=UTC)),
        ("time", "'12:30'", nw.String(), "12:30:00"),
        ("interval", "'1 day'", nw.String(), "1 day"),
        ("json", """'{"a": 1}'""", nw.String(), '{"a": 1}'),
        ("jsonb", """'{"a":1}'""", nw.String(), '{"a": 1}'),
        ("uuid", "'00000000-0000-0000-0000-000000000001'", nw.String(),
         "00000000-0000-0000-0000-000000000001"),
        ("integer[]", "'{1,2}'", nw.String(), "{1,2}"),
    )  # fmt: skip


@pytest.mark.databases
def test_types_of_mysql(tmp_path: Path, mariadb_url: str) -> None:
    described(
        database("mysql", tmp_path, mariadb_url),
        ("BOOLEAN", "true", nw.Boolean(), True),
        ("TINYINT", "-5", nw.Int8(), -5),
        ("TINYINT UNSIGNED", "255", nw.Int16(), 255),
        ("SMALLINT UNSIGNED", "65535", nw.Int32(), 65_535),
        ("MEDIUMINT", "-5", nw.Int32(), -5),
        ("INT", "-5", nw.Int32(), -5),
        ("INT UNSIGNED", "4294967295", nw.Int64(), 2**32 - 1),
        ("BIGINT", "9223372036854775807", nw.Int64(), 2**63 - 1),
        ("BIGINT UNSIGNED", "18446744073709551615", nw.Decimal(20, 0), Decimal(2**64 - 1)),
        ("FLOAT", "16777215", nw.Float64(), 16_777_215.0),
        ("DOUBLE", "0.1", nw.Float64(), 0.1),
        ("DECIMAL(12, 2)", "-1.50", nw.Decimal(12, 2), Decimal("-1.50")),
        ("DECIMAL(5) UNSIGNED", "99999", nw.Decimal(5, 0), Decimal(99_999)),
        ("YEAR", "2024", nw.Int16(), 2024),
        ("BIT(9)", "b'100000001'", nw.Decimal(20, 0), Decimal(257)),
        ("VARCHAR(9) CHARACTER SET latin1", "'é'", nw.String(), "é"),
        ("TEXT", "'é'", nw.String(), "é"),
        ("ENUM('a', 'b')", "'b'", nw.String(), "b"),
        ("JSON", """'{"a": 1}'""", nw.String(), '{"a": 1}'),
        ("BLOB", "x'00ff'", nw.Binary(), b"\x00\xff"),
        ("VARBINARY(4)", "x'00ff'", nw.Binary(), b"\x00\xff"),
        ("DATE", "'2024-02-29'", nw.Date(), date(2024, 2, 29)),
        ("DATETIME(6)", "'2024-01-01 12:00:00.25'", NAIVE, NOON),
        ("TIMESTAMP(6) NULL", "'2024-01-01 12:00:00.25'", ZONED, NOON.replace(tzinfo=UTC)),
        ("TIME", "'-12:30:00'", nw.String(), "-12:30:00"),
    )


def test_types_of_sqlite(tmp_path: Path) -> None:
    described(
        database("sqlite", tmp_path, ""),
        ("BOOLEAN", "1", nw.Boolean(), True),
        ("INTEGER", "9223372036854775807", nw.Int64(), 2**63 - 1),
        ("REAL", "1", nw.Float64(), 1.0),
        ("DECIMAL(12, 2)", "1.10", nw.Decimal(12, 2), Decimal("1.10")),
        ("VARCHAR(9)", "'é'", nw.String(), "é"),
        ("BLOB", "x'00ff'", nw.Binary(), b"\x00\xff"),
        ("DATE", "'2024-02-29'", nw.Date(), date(2024, 2, 29)),
        ("DATETIME", "'2024-01-01T12:00:00.25'", NAIVE, NOON),
        ("TIMESTAMPTZ", "'2024-01-01 14:00:00.25+02:00'", ZONED, NOON.replace(tzinfo=UTC)),
        ("", "'no type at all'", nw.String(), "no type at all"),
        ("NUMERIC", "2.5", nw.Float64(), 2.5),
    )


UNREADABLE = [
    ("BOOLEAN", "2", "no Boolean .*2 is neither 0 nor 1"),
    ("DATE", "'soon'", "no Date"),
    ("DATETIME", "1700000000", "no Datetime"),
    ("DATETIME", "'2024-01-01 00:00:00+02:00'", "no Datetime.*names a zone"),
    ("INTEGER", "'x'", "no Int64 .*'x' is no whole number"),
    ("DECIMAL(12, 2)", "1.125", "no Decimal"),
    ("BLOB", "'text'", "no Binary"),
]


@pytest.mark.parametrize(("kind", "value", "words"), UNREADABLE)
def test_sqlite_values_of_another_type(tmp_path: Path, kind: str, value: str, words: str) -> None:
    db = database("sqlite", tmp_path, "")
    db.run(f"CREATE TABLE t (c {kind})", f"INSERT INTO t VALUES ({value})")
    with pytest.raises(DataReadError, match=f"column 'c' holds a value that is {words}"):
        scan(db.table("t"))
    assert db.leftovers() == []


def test_sqlite_values_of_several_types(tmp_path: Path) -> None:
    db = database("sqlite", tmp_path, "")
    db.run("CREATE TABLE t (c)", "INSERT INTO t VALUES (1), ('x')")
    with pytest.raises(DataReadError, match="column 'c' holds integer and text; cast it"):
        scan(db.table("t"))


def test_a_declared_decimal_says_how_many_digits(db: Database) -> None:
    db.run("CREATE TABLE t (c DECIMAL(20, 10))", "INSERT INTO t VALUES (1.125)")
    rows = scan(db.table("t"), declared={"c": nw.Decimal(10, 3)})
    assert rows == [(Decimal("1.125"),)]
    with pytest.raises(DataReadError, match="holds a value that is no Decimal"):
        scan(db.table("t"), declared={"c": nw.Decimal(10, 2)})


def test_a_declared_type_is_cast_to(orders: Database, engine: Engine) -> None:
    frame = SQL.scan(engine, orders.table(), declared={"id": nw.String()})
    assert sorted(rows_of(engine, frame.select("id"))) == [("1",), ("2",), ("3",), ("4",)]
