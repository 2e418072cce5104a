"""Tables of databases as targets: every mode, exactly once, on three databases."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from odibi_dagster.engines.base import Engine
from odibi_dagster.errors import DataReadError, SchemaContractError, WriteError
from tests.formats.support import POLARS, frame_of, rows_of
from tests.formats.tables import SQL, Database, database, names_of

ONE = {"id": [1, 2], "name": ["é", 'b,\n"c"']}
TWO = {"id": [3, 1], "name": ["d", "\\."]}


def rows(*parts: dict[str, list[Any]]) -> list[tuple[Any, ...]]:
    return sorted(row for part in parts for row in zip(*part.values(), strict=True))


def add(db: Database, data: Any, batch: str, engine: Engine = POLARS, **more: Any) -> Any:
    frame = frame_of(engine, data) if isinstance(data, dict) else engine.wrap(data)
    return db.write(frame, engine=engine, batch=batch, **{"mode": "append", **more})


def test_batches_add_up_and_a_second_try_is_adopted(db: Database, engine: Engine) -> None:
    assert not add(db, ONE, "b1", engine).adopted
    second = add(db, TWO, "b2", engine)
    assert (second.rows, second.adopted) == (2, False)
    assert db.rows() == rows(ONE, TWO)
    assert rows_of(engine, SQL.scan(engine, db.table()).sort("id", "name")) == rows(ONE, TWO)

    for batch in ("b1", "b2"):
        assert add(db, TWO, batch, engine).adopted
    assert db.rows() == rows(ONE, TWO)
    add(db, TWO, "b3", engine)
    assert db.rows() == rows(ONE, TWO, TWO)
    assert SQL.published(db.table(), "tests") == 3
    assert SQL.published(db.table(), "somebody else") is None
    assert [path for path in db.leftovers() if "read" not in path.name] == []


def test_an_overwrite_replaces_all_rows_once(db: Database) -> None:
    db.write(frame_of(POLARS, ONE), batch="b1")
    db.write(frame_of(POLARS, TWO), batch="b2")
    assert db.rows() == rows(TWO)
    assert db.write(frame_of(POLARS, ONE), batch="b2").adopted
    assert db.rows() == rows(TWO)
    empty = db.write(frame_of(POLARS, ONE).head(0), batch="b3")
    assert (empty.rows, empty.total, db.rows()) == (0, 0, [])


def test_an_overwrite_with_the_same_columns_keeps_the_table_as_it_was_made(db: Database) -> None:
    db.run("CREATE TABLE orders (name VARCHAR(20), id BIGINT PRIMARY KEY)")
    db.write(frame_of(POLARS, ONE), batch="b1")
    assert db.rows() == sorted((name, number) for number, name in rows(ONE))
    with pytest.raises(SchemaContractError, match="orders cannot be written"):
        db.write(frame_of(POLARS, {"id": [1, 1], "name": ["a", "b"]}), batch="b2")
    assert len(db.rows()) == 2


@pytest.mark.parametrize("made", ["by us", "by hand"])
def test_an_overwrite_with_other_columns_swaps_the_table(db: Database, made: str) -> None:
    if made == "by us":
        db.write(frame_of(POLARS, ONE), batch="b1")
    else:
        db.run("CREATE TABLE orders (id INTEGER, name CHAR(20))")
    other = {"id": ["x"], "price": [1.5]}
    db.write(frame_of(POLARS, other), batch="b2")
    assert db.rows() == rows(other)
    assert db.write(frame_of(POLARS, ONE), batch="b2").adopted
    db.write(frame_of(POLARS, other), batch="b3", mode="append")
    assert db.rows() == rows(other, other)
    assert names_of(db) == {"orders", "odibi_published"}


def test_append_once_adds_what_is_not_there(db: Database, engine: Engine) -> None:
    keys = {"mode": "append_once", "keys": ["id"]}
    add(db, ONE, "b1", engine, **keys)
    done = add(db, TWO, "b2", engine, **keys)
    assert done.metadata == {"inserted_rows": 1}
    assert db.rows() == [*rows(ONE), (3, "d")]
    assert add(db, TWO, "b2", engine, **keys).adopted


def test_upsert_replaces_and_adds(db: Database, engine: Engine) -> None:
    keys = {"mode": "upsert", "keys": ["id"]}
    add(db, ONE, "b1", engine, **keys)
    done = add(db, TWO, "b2", engine, **keys)
    assert done.metadata == {"inserted_rows": 1, "updated_rows": 1}
    assert db.rows() == [(1, "\\."), (2, 'b,\n"c"'), (3, "d")]
    assert add(db, ONE, "b2", engine, **keys).adopted


def test_keys_of_text_are_compared_byte_by_byte(db: Database) -> None:
    first = {"k": ["a", "b"], "l": [1, 1], "n": [1, 2]}
    second = {"k": ["A", "a ", "b", "b"], "l": [1, 1, 1, 2], "n": [3, 4, 5, 6]}
    for batch, data in (("b1", first), ("b2", second)):
        add(db, data, batch, mode="upsert", keys=["k", "l"])
    assert db.rows() == sorted([("a", 1, 1), ("A", 1, 3), ("a ", 1, 4), ("b", 1, 5), ("b", 2, 6)])
    add(db, {"k": ["c", "a"], "l": [1, 1]}, "b3", mode="upsert", keys=["k", "l"], name="pairs")
    add(db, {"k": ["c", "d"], "l": [1, 1]}, "b4", mode="upsert", keys=["k", "l"], name="pairs")
    assert db.rows("pairs") == [("a", 1), ("c", 1), ("d", 1)]


def test_keys_that_identify_nothing_are_refused(db: Database) -> None:
    add(db, ONE, "b1", mode="upsert", keys=["id"])
    with pytest.raises(SchemaContractError, match="is null in 1 of the rows"):
        add(db, {"id": [1, None], "name": ["a", "b"]}, "b2", mode="upsert", keys=["id"])
    with pytest.raises(SchemaContractError, match="stand in several of the rows"):
        add(db, {"id": [1, 1], "name": ["a", "b"]}, "b2", mode="upsert", keys=["id"])
    assert db.rows() == rows(ONE)


def test_an_empty_batch_changes_nothing(db: Database) -> None:
    add(db, ONE, "b1")
    assert add(db, pl.DataFrame(schema={"id": pl.Int64, "name": pl.String}), "b2").rows == 0
    assert SQL.published(db.table(), "tests") == 1


def test_the_first_batch_may_be_empty(db: Database) -> None:
    assert not SQL.exists(db.table())
    add(db, pl.DataFrame(schema={"id": pl.Int64, "name": pl.String}), "b1")
    assert SQL.exists(db.table())
    add(db, ONE, "b2")
    assert db.rows() == rows(ONE)


def test_a_dropped_table_holds_no_batch(db: Database) -> None:
    add(db, ONE, "b1")
    db.run("DROP TABLE orders")
    assert SQL.published(db.table(), "tests") is None
    assert not add(db, ONE, "b1").adopted
    assert db.rows() == rows(ONE)


def test_two_tables_of_one_owner(db: Database) -> None:
    """A node and its quarantine are one batch in two tables."""
    for name in ("orders", "orders_error"):
        assert not db.write(frame_of(POLARS, ONE), name, batch="b1", mode="append").adopted
    assert db.rows("orders_error") == rows(ONE)


OTHER = [
    ({"id": [1], "nme": ["a"]}, "column 'nme' is new, column 'name' is missing"),
    ({"id": ["1"], "name": ["a"]}, "column 'id' is String and stored as Int64"),
]


@pytest.mark.parametrize(("data", "words"), OTHER)
def test_other_columns_are_refused(db: Database, data: dict[str, list[Any]], words: str) -> None:
    add(db, ONE, "b1")
    with pytest.raises(SchemaContractError, match=words):
        add(db, data, "b2")
    assert db.rows() == rows(ONE)
    assert db.leftovers() == []


def test_a_column_of_nulls_takes_the_stored_type(db: Database) -> None:
    add(db, ONE, "b1")
    add(db, pl.DataFrame({"name": [None], "id": [7]}), "b2")
    assert (7, None) in db.run("SELECT id, name FROM orders")


EVERY_TYPE = pl.DataFrame(
    {
        "b": [True, False, None],
        "i": pl.Series([1, -(2**31), None], dtype=pl.Int32),
        "l": [2**63 - 1, -(2**63), None],
        "f": [0.1, -1e300, None],
        "s": ["", "x'); DROP TABLE orders; --", None],
        "y": [b"", b"\x00\xff\\n", None],
        "d": [date(2024, 2, 29), date(1, 1, 1), None],
        "t": [datetime(2024, 1, 1, 12, 0, 0, 123456), datetime(1, 1, 1), None],
        "z": [datetime(2024, 1, 1, 12, 0, 0, 7, UTC), datetime(1999, 12, 31, tzinfo=UTC), None],
        "n": [Decimal("12345678.90"), Decimal("-0.01"), None],
        "a b%": [1, 2, None],
        ":c": [1, 2, None],
    },
    schema_overrides={"n": pl.Decimal(12, 2)},
)


def test_every_type_comes_back_as_it_was(db: Database) -> None:
    data = EVERY_TYPE
    if db.kind == "mysql":  # its years begin with 1000, says its manual
        data = data.with_columns(
            pl.when(pl.col("d").dt.year() < 1000)
            .then(pl.lit(date(1000, 1, 1)))
            .otherwise("d")
            .alias("d"),
            pl.when(pl.col("t").dt.year() < 1000)
            .then(pl.lit(datetime(1000, 1, 1)))
            .otherwise("t")
            .alias("t"),
        )
    db.write(POLARS.wrap(data), batch="b1")
    db.write(POLARS.wrap(data), batch="b2", mode="append")
    found = SQL.scan(POLARS, db.table()).to_native().collect()
    assert found.schema == data.schema
    assert found.sort("l").equals(pl.concat([data, data]).sort("l"))


NARROW = pl.DataFrame(
    {"a": [1], "b": [2], "c": [3], "d": [4.5], "e": ["x"]},
    schema={"a": pl.Int8, "b": pl.UInt32, "c": pl.UInt8, "d": pl.Float32, "e": pl.Categorical},
)


def test_types_that_become_others(db: Database) -> None:
    published = db.write(POLARS.wrap(NARROW), batch="b1")
    assert [str(dtype) for dtype in published.schema.values()] == [
        "Int16", "Int64", "Int16", "Float64", "String",
    ]  # fmt: skip
    assert db.rows() == [(1, 2, 3, 4.5, "x")]


REFUSED = [
    (pl.Series([[1]]), "type List cannot be written to .*; unnest it"),
    (pl.Series([{"a": 1}]), "type Struct cannot be written to .*; unnest it"),
    (pl.Series([None]), "type Null cannot be written"),
    (pl.Series([1], dtype=pl.Duration), "type Duration cannot be written to .*; cast it"),
]


@pytest.mark.parametrize(("column", "words"), REFUSED)
def test_types_without_a_column(db: Database, column: pl.Series, words: str) -> None:
    with pytest.raises(SchemaContractError, match=words):
        db.write(POLARS.wrap(pl.DataFrame({"x": column})))
    assert not SQL.exists(db.table())


def test_a_number_that_sqlite_would_round_is_refused(db: Database) -> None:
    frame = POLARS.wrap(pl.DataFrame({"n": [Decimal("1.5")]}, schema={"n": pl.Decimal(38, 2)}))
    if db.kind == "sqlite":
        with pytest.raises(SchemaContractError, match="SQLite keeps 15 digits"):
            db.write(frame)
    else:
        db.write(frame)
        assert db.rows() == [(Decimal("1.50"),)]


def test_nan_is_kept_or_refused_and_never_a_null(db: Database) -> None:
    frame = POLARS.wrap(pl.DataFrame({"f": [float("nan")]}))
    if db.kind == "postgres":
        db.write(frame)
        assert str(db.rows()) == "[(nan,)]"
    else:
        with pytest.raises(SchemaContractError, match="column 'f' holds NaN"):
            db.write(frame)
        assert not SQL.exists(db.table())


def test_a_row_that_the_table_refuses_leaves_all_as_it_was(db: Database) -> None:
    db.run("CREATE TABLE orders (id BIGINT NOT NULL, name VARCHAR(20))")
    with pytest.raises(SchemaContractError, match="orders cannot be written"):
        add(db, {"id": [1, None], "name": ["a", "b"]}, "b1")
    assert db.rows() == []
    assert SQL.published(db.table(), "tests") is None


@pytest.mark.databases
def test_a_table_without_transactions_is_refused(tmp_path: Path, mariadb_url: str) -> None:
    db = database("mysql", tmp_path, mariadb_url)
    db.run("CREATE TABLE orders (id BIGINT, name VARCHAR(20)) ENGINE = MyISAM")
    with pytest.raises(WriteError, match="has the engine MyISAM"):
        add(db, ONE, "b1")


@pytest.mark.parametrize(
    ("column", "value", "constraint"),
    [
        ("id", -4_711, "positive"),
        ("name", "s3cr3t' for key 'x'\nof two lines", "name"),
        ("name", 's3cr3t": "x"', "name"),
    ],
)
def test_a_constraint_is_named_and_no_value_is_shown(
    db: Database, column: str, value: Any, constraint: str
) -> None:
    """D13: nothing of the batch is there, and trying again would not help."""
    db.run(
        "CREATE TABLE orders (id BIGINT NOT NULL, name VARCHAR(40), "
        "CONSTRAINT positive CHECK (id > 0), CONSTRAINT one_name UNIQUE (name))"
    )
    batch: dict[str, list[Any]] = {"id": [1, 2], "name": ["a", "b"]}
    batch[column] = [value, value]
    with pytest.raises(SchemaContractError, match=constraint) as refused:
        add(db, batch, "b1")
    said = str(refused.value)
    assert "4711" not in said
    assert "s3cr3t" not in said
    assert "of two lines" not in said
    assert db.rows() == []
    assert SQL.published(db.table(), "tests") is None


@pytest.mark.databases
def test_a_value_that_a_query_cannot_cast_is_not_shown(tmp_path: Path, postgres_url: str) -> None:
    db = database("postgres", tmp_path, postgres_url)
    db.write(frame_of(POLARS, {"name": ["s3cr3t"]}))
    with pytest.raises(DataReadError, match="invalid input syntax for type integer") as refused:
        SQL.scan(POLARS, db.query("SELECT CAST(name AS integer) AS x FROM orders"))
    assert "s3cr3t" not in str(refused.value)


@pytest.mark.parametrize(
    ("mode", "table"),
    [
        *product(("append", "overwrite", "append_once", "upsert"), ("new", "kept")),
        ("overwrite", "other columns"),  # which every other mode refuses
    ],
)
def test_a_second_try_of_every_mode_is_adopted(db: Database, mode: str, table: str) -> None:
    """A retry by Dagster, by Airflow or by hand: the rows are there once, the number says so."""
    options = {"keys": ["id"]} if mode in ("append_once", "upsert") else {}
    if table == "kept":
        db.write(frame_of(POLARS, ONE), batch="b1")
    elif table == "other columns":
        db.run("CREATE TABLE orders (other BIGINT)")
    first = db.write(frame_of(POLARS, TWO), batch="b2", mode=mode, **options)
    rows = db.rows()
    again = db.write(frame_of(POLARS, TWO), batch="b2", mode=mode, **options)
    late = db.write(frame_of(POLARS, ONE), batch="b1", mode=mode, **options)
    assert (first.adopted, again.adopted, late.adopted) == (False, True, True)
    assert db.rows() == rows
