"""Small words for the tests of databases: a place for a table, and what lies in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from odibi_dagster.connections.base import Wanted, connections
from odibi_dagster.connections.database import DatabaseConnection, TableLocation
from odibi_dagster.core.frame import Frame
from odibi_dagster.engines.base import Engine
from odibi_dagster.formats.base import Published
from odibi_dagster.formats.sql import Sql
from tests.formats.support import POLARS, numbered

SQL = Sql()

SERVED = {"postgres": "postgres_url", "mysql": "mariadb_url"}
"""The fixture that gives the URL of a server."""


@dataclass
class Database:
    """One database of a test."""

    kind: str
    connection: DatabaseConnection
    root: Path

    def table(self, name: str = "orders") -> TableLocation:
        return self.connection.resolve(self.root, Wanted(table=name), self.root / "staging")

    def query(self, text: str) -> TableLocation:
        return self.connection.resolve(self.root, Wanted(query=text), self.root / "staging")

    def run(self, *statements: str) -> list[tuple[Any, ...]]:
        """Statements of the test's own; the rows of the last one."""
        engine = self.connection.engine(self.root)
        with engine.connect().execution_options(no_parameters=True) as connection:
            for statement in statements:
                result = connection.exec_driver_sql(statement)
            rows = [tuple(row) for row in result.all()] if result.returns_rows else []
            connection.commit()
        return rows

    def rows(self, name: str = "orders") -> list[tuple[Any, ...]]:
        return sorted(self.run(f"SELECT * FROM {name}"))

    def write(
        self,
        frame: Frame,
        name: str = "orders",
        *,
        engine: Engine = POLARS,
        batch: str | None = None,
        mode: str = "overwrite",
        **options: Any,
    ) -> Published:
        """Stage and publish; without a name of its own every write is another batch."""
        staged = SQL.stage(
            engine,
            frame,
            self.table(name),
            batch=numbered(batch),
            mode=mode,
            options=SQL.write_options.model_validate(options),
        )
        SQL.vet(engine, staged)
        return SQL.publish(engine, staged)

    def leftovers(self) -> list[Path]:
        return [path for path in (self.root / "staging").rglob("*") if ".staged-" in path.name]


def database(kind: str, root: Path, url: str) -> Database:
    params = {"database": "shop.db"} if kind == "sqlite" else {"url": url}
    connection = connections[kind].model_validate(params)
    assert isinstance(connection, DatabaseConnection)
    return Database(kind, connection, root)


def names_of(db: Database) -> set[str]:
    engine = db.connection.engine(db.root)
    with engine.connect() as connection:
        return set(sa.inspect(connection).get_table_names())
