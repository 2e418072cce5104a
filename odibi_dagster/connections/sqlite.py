"""SQLite: a database in one file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import AliasChoices, Field, field_validator

from odibi_dagster.connections.base import connections
from odibi_dagster.connections.database import DatabaseConnection

if TYPE_CHECKING:
    import sqlalchemy as sa

_WAIT = 60
"""Seconds for which a writer waits for another one."""


@connections.register("sqlite")
class SqliteConnection(DatabaseConnection):
    """An SQLite file, relative to odibi.yaml.

    ```yaml
    connections:
      shop: {type: sqlite, database: data/shop.db}
    ```
    """

    type: Literal["sqlite"] = "sqlite"
    database: str = Field(validation_alias=AliasChoices("database", "path"))

    scheme = "sqlite"
    has_schemas = False

    @field_validator("database")
    @classmethod
    def _is_a_file(cls, text: str) -> str:
        if not text.strip() or "\0" in text or ":" in text:
            msg = f"database {text[:60]!r} is no file; write a path such as data/shop.db"
            raise ValueError(msg)
        return text

    def _file(self, root: Path) -> Path:
        return Path(os.path.normpath(root / self.database))

    def is_missing(self, root: Path) -> bool:
        """See `DatabaseConnection.is_missing`: SQLite would make the file that it does not find."""
        return not self._file(root).exists()

    def address(self, root: Path) -> str:
        """See `DatabaseConnection.address`."""
        return f"sqlite://{self._file(root)}"

    def sqlalchemy_url(self, root: Path) -> sa.URL:
        """See `DatabaseConnection.sqlalchemy_url`."""
        import sqlalchemy as sa

        return sa.URL.create("sqlite", database=str(self._file(root)))

    def connect_args(self) -> dict[str, Any]:
        """See `DatabaseConnection.connect_args`."""
        return {"timeout": _WAIT}

    def prepare(self, engine: sa.Engine) -> None:
        """Transactions begin where we say so, and only there."""
        import sqlalchemy as sa

        @sa.event.listens_for(engine, "connect")
        def _no_hidden_transactions(connection: Any, _: Any) -> None:
            connection.isolation_level = None
