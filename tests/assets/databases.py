"""A project that reads from a database and writes to it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from tests.formats.tables import SERVED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.assets.support import Shop

PROJECT = """\
project: shop
engine: {engine}
connections:
  db: {{{connection}}}
pipelines:
  - pipeline: bronze
    nodes:
      - name: orders
        read:
          connection: db
          format: sql
          table: source
          incremental: {{mode: {how}}}
        validation:
          tests: [{{type: range, column: v, min: 0, on_fail: quarantine}}]
        write: {{connection: db, format: sql, table: orders, mode: {mode}{more}}}
      - name: big
        depends_on: [orders]
        transform: {{steps: [SELECT id FROM df WHERE v > 10]}}
  - pipeline: gold
    nodes:
      - name: orders_again
        read: {{connection: db, format: sql, table: orders}}
        write: {{connection: db, format: sql, table: again}}
"""


class Database:
    """The database of a shop, as a test fills it and looks at it."""

    def __init__(self, url: str, kind: str, connection: str) -> None:
        self.kind = kind
        self.connection = connection
        """As odibi.yaml says it."""
        self._engine = sa.create_engine(url, poolclass=sa.pool.NullPool)

    def run(self, *statements: str) -> list[tuple[Any, ...]]:
        with self._engine.begin() as connection:
            for statement in statements:
                result = connection.exec_driver_sql(statement)
            return [tuple(row) for row in result.all()] if result.returns_rows else []

    @contextmanager
    def sent(self) -> Iterator[list[tuple[str, Any]]]:
        """What is sent to it meanwhile, with what is bound to each statement."""
        sent: list[tuple[str, Any]] = []

        def note(connection: sa.Connection, _: Any, statement: str, values: Any, *__: Any) -> None:
            if connection.engine.url.database == self._engine.url.database:
                sent.append((statement, values))

        sa.event.listen(sa.Engine, "before_cursor_execute", note)
        try:
            yield sent
        finally:
            sa.event.remove(sa.Engine, "before_cursor_execute", note)

    def rows(self, table: str = "orders", columns: str = "id, v") -> list[tuple[Any, ...]]:
        return sorted(self.run(f"SELECT {columns} FROM {table}"))


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("postgres", marks=pytest.mark.databases),
        pytest.param("mysql", marks=pytest.mark.databases),
    ]
)
def db(request: pytest.FixtureRequest, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Database:
    """A database with a source, and a project that loads it into another table."""
    kind = request.param
    if kind == "sqlite":
        url, connection = f"sqlite:///{shop.root / 'shop.db'}", "type: sqlite, database: shop.db"
    else:
        url, connection = request.getfixturevalue(SERVED[kind]), f'type: {kind}, url: "${{DB}}"'
        monkeypatch.setenv("DB", url)
    found = Database(url, kind, connection)
    found.run("CREATE TABLE source (id BIGINT, v BIGINT, at TIMESTAMP NULL)")
    write(shop, connection)
    return found


def write(
    shop: Shop,
    connection: str,
    *,
    engine: str = "polars",
    mode: str = "append",
    how: str = "stateful, column: id",
    more: str = "",
) -> None:
    """An odibi.yaml; `how` is its `read.incremental`, `more` is at the end of its `write`."""
    text = PROJECT.format(engine=engine, connection=connection, mode=mode, how=how, more=more)
    shop.config.write_text(text, encoding="utf-8")
