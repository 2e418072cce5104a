"""Connections to databases: what may be written, and that no secret shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from odibi_dagster.connections.base import Wanted, connections
from odibi_dagster.connections.database import DatabaseConnection, TableLocation
from odibi_dagster.core.secret import Secret
from odibi_dagster.errors import ConfigError

PARTS = {"host": "db", "database": "shop"}


def connection(kind: str, **params: Any) -> DatabaseConnection:
    made = connections[kind].model_validate(params)
    assert isinstance(made, DatabaseConnection)
    return made


def table(made: DatabaseConnection, root: Path, name: str) -> TableLocation:
    return made.resolve(root, Wanted(table=name), root / "staging")


ADDRESSES = [
    ("postgres", PARTS, "postgresql://db:5432/shop"),
    ("postgres", {**PARTS, "port": 5433, "user": "u"}, "postgresql://db:5433/shop"),
    ("postgres", {"url": "postgresql://u:p@db/shop"}, "postgresql://db:5432/shop"),
    ("postgres", {"url": "postgres://u:p@db:1/shop?sslpassword=x"}, "postgresql://db:1/shop"),
    ("postgres", {"url": "postgresql+psycopg2://u@/shop?host=/run"}, "postgresql:///run:5432/shop"),
    ("mysql", PARTS, "mysql://db:3306/shop"),
    ("mysql", {"url": "mariadb://u:p@db/shop"}, "mysql://db:3306/shop"),
]


@pytest.mark.parametrize(("kind", "params", "address"), ADDRESSES)
def test_addresses_name_neither_user_nor_password(
    tmp_path: Path, kind: str, params: dict[str, Any], address: str
) -> None:
    made = connection(kind, **params)
    assert made.address(tmp_path) == address
    location = table(made, tmp_path, "mart.orders")
    assert location.uri == str(location) == f"{address}/mart.orders"


def test_a_plain_url_means_the_driver_that_is_there(tmp_path: Path) -> None:
    for kind, url, driver in (
        ("postgres", "postgresql://u@db/shop", "postgresql+psycopg2"),
        ("mysql", "mysql://u@db/shop", "mysql+pymysql"),
    ):
        made = connection(kind, url=url)
        assert made.sqlalchemy_url(tmp_path).drivername == driver
        assert made.engine(tmp_path).dialect.driver == driver.partition("+")[2]


BROKEN = [
    ("postgres", {}, "write host and database, or url"),
    ("postgres", {"host": "db"}, "write host and database, or url"),
    ("postgres", {"url": "postgresql://u:hunter2@db:bad/x"}, "invalid url; write postgresql://"),
    ("postgres", {"url": "hunter2"}, "invalid url; write postgresql://"),
    ("postgres", {"url": "mysql://u:hunter2@db/x"}, "a connection of type postgres begins with"),
    ("postgres", {"url": "postgresql://u:hunter2@db"}, "and names a database"),
    ("postgres", {"url": "postgresql+psycopg://u:hunter2@db/x"}, r"use postgresql\+psycopg2://"),
    ("postgres", {"url": "postgresql://db/x", "password": "hunter2"}, "write url alone"),
    ("postgres", {"url": 5}, "expected text; quote it"),
    ("mysql", {**PARTS, "password": ["hunter2"]}, "expected text; quote it"),
    ("mysql", {**PARTS, "port": 0}, "greater than or equal to 1"),
    ("sqlite", {"database": " "}, "is no file"),
    ("sqlite", {"database": "sqlite:///x"}, "is no file"),
]


@pytest.mark.parametrize(("kind", "params", "words"), BROKEN)
def test_what_is_refused_says_what_to_write(kind: str, params: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words) as error:
        connection(kind, **params)
    said = [detail["msg"] for detail in error.value.errors(include_input=False)]
    assert "hunter2" not in str(said)


TABLES = [
    ("a.b.c", "invalid table name"),
    ("", "invalid table name"),
    ('x"; DROP TABLE y; --', "invalid table name"),
    ("x" * 64, "at most 63 bytes"),
    ("ü" * 32, "at most 63 bytes"),
]


@pytest.mark.parametrize(("name", "words"), TABLES)
def test_names_of_tables(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        table(connection("postgres", **PARTS), tmp_path, name)


def test_paths_and_schemas_where_there_are_none(tmp_path: Path) -> None:
    made = connection("sqlite", database="shop.db")
    with pytest.raises(ValueError, match="has tables, not paths; write table"):
        made.resolve(tmp_path, Wanted(path="a.csv"), tmp_path)
    with pytest.raises(ValueError, match="sqlite has no schemas"):
        table(made, tmp_path, "main.orders")
    with pytest.raises(ValueError, match="query is empty"):
        made.resolve(tmp_path, Wanted(query=" ; "), tmp_path)


def test_one_table_has_one_place_whoever_reads_it(tmp_path: Path) -> None:
    one = connection("postgres", url="postgresql://a:secret@db/shop")
    other = connection("postgres", **PARTS, user="b")
    assert table(one, tmp_path, "orders").path == table(other, tmp_path, "public.orders").path
    assert table(one, tmp_path, "mart.orders").path != table(one, tmp_path, "orders").path
    assert table(one, tmp_path, "orders").beside("_error").name == "orders_error"


def test_an_sqlite_file_is_relative_to_the_project(tmp_path: Path) -> None:
    made = connection("sqlite", path="data/../shop.db")
    assert made.address(tmp_path) == f"sqlite://{tmp_path}/shop.db"
    assert made.sqlalchemy_url(tmp_path).database == str(tmp_path / "shop.db")


def test_a_secret_is_read_when_it_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = connection(
        "postgres", **PARTS, user="u", password="${PW}", options={"sslpassword": "${env:PW}"}
    )
    for value in ("first", "second"):
        monkeypatch.setenv("PW", value)
        assert made.sqlalchemy_url(tmp_path).password == value
        assert made.connect_args()["sslpassword"] == value
        location = table(made, tmp_path, "orders")
        shown = f"{made!r} {made} {made.model_dump_json()} {location!r} {location}"
        assert value not in shown
    monkeypatch.delenv("PW")
    with pytest.raises(ValueError, match="PW is not set"):
        made.sqlalchemy_url(tmp_path)


def test_a_secret_never_shows() -> None:
    secret = Secret("hunter2")
    assert "hunter2" not in f"{secret} {secret!r} {[secret]}"
    assert secret.reveal() == "hunter2"
    assert secret == Secret("hunter2")
    assert secret != Secret("other")


def test_a_missing_driver_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pymysql", None)
    with pytest.raises(ConfigError, match="needs the Python package 'pymysql'; install it"):
        connection("mysql", **PARTS).engine(tmp_path)
