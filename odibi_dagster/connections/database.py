"""Databases: where tables and queries are, and how a database is opened. SQLAlchemy comes last.

Nothing here imports it before a URL is parsed or a database is opened.
"""

from __future__ import annotations

import hashlib
import re
from abc import abstractmethod
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from pydantic import AliasChoices, Field, model_validator

from odibi_dagster.connections.base import Connection, Location, Wanted
from odibi_dagster.core.fate import NoEffect
from odibi_dagster.core.names import slug
from odibi_dagster.core.partition import filled
from odibi_dagster.core.secret import Secret
from odibi_dagster.errors import ConfigError

if TYPE_CHECKING:
    import sqlalchemy as sa

_MAX_NAME = 63
"""Bytes in the name of a table: Postgres cuts off what is longer, and says nothing."""


@dataclass(frozen=True)
class TableLocation(Location):
    """A table of a database, or a query. `path` is where its rows lie while they are staged."""

    connection: DatabaseConnection
    root: Path
    """The folder of odibi.yaml: an SQLite file may be relative to it."""
    schema: str | None = None
    name: str = ""
    """The table; empty where a query is read."""
    query: str | None = None

    def __str__(self) -> str:
        """The place as a URI; it holds no password."""
        return self.uri

    @property
    def uri(self) -> str:
        """`postgresql://host:5432/shop/public.orders`: never with user or password."""
        return f"{self.connection.address(self.root)}/{self.title}"

    @property
    def title(self) -> str:
        """The table with its schema, or the beginning of the query."""
        if self.query is not None:
            return f"({' '.join(self.query.split())[:40]} ...)"
        return f"{self.schema}.{self.name}" if self.schema else self.name

    def beside(self, suffix: str) -> Self:
        """The table with `suffix` at the end of its name."""
        name = _checked(self.name + suffix)
        return replace(self, name=name, path=self.path.with_name(self.path.name + suffix))

    def filled(self, key: str) -> Self:
        """See `core.partition.filled`; ConfigError where the name of the table gets too long."""
        said = {"schema": self.schema, "name": self.name, "query": self.query}
        if (now := filled(said, key)) is said:
            return self
        path = filled(self.path, key)
        if self.query is not None:
            return replace(self, query=now["query"], path=path.with_name(f"{path.name}-{key}"))
        try:
            return replace(self, schema=now["schema"], name=_checked(now["name"] or ""), path=path)
        except ValueError as error:
            raise ConfigError(str(error)) from None

    def engine(self) -> sa.Engine:
        """A SQLAlchemy engine without a pool. ConfigError where its driver is missing."""
        return self.connection.engine(self.root)


class DatabaseConnection(Connection):
    """What databases share: tables and queries in them, and how an engine is made."""

    scheme: ClassVar[str]
    """How its address begins."""
    has_schemas: ClassVar[bool] = True

    validation_mode: Annotated[Any, NoEffect("a connection is tried when it is used")] = "lazy"

    @abstractmethod
    def address(self, root: Path) -> str:
        """Where the database is, without user and password."""

    @abstractmethod
    def sqlalchemy_url(self, root: Path) -> sa.URL:
        """The URL to open it with, secrets and all."""

    def connect_args(self) -> dict[str, Any]:
        """What its driver is told beside the URL."""
        return {}

    def is_missing(self, root: Path) -> bool:  # noqa: ARG002
        """Whether it is known, before anything is opened, that there is no database."""
        return False

    def main_schema(self) -> str | None:
        """The schema of tables that name none."""
        return None

    def prepare(self, engine: sa.Engine) -> None:
        """What every connection to it begins with."""

    def engine(self, root: Path) -> sa.Engine:
        """A new engine: one connection at a time, nothing kept open, no value in any error."""
        import sqlalchemy as sa

        try:
            engine = sa.create_engine(
                self.sqlalchemy_url(root),
                connect_args=self.connect_args(),
                poolclass=sa.pool.NullPool,
                hide_parameters=True,
            )
        except ModuleNotFoundError as error:
            msg = f"a connection of type {self.kind} needs the Python package '{error.name}'"
            raise ConfigError(f"{msg}; install it") from None
        self.prepare(engine)
        return engine

    def resolve(self, root: Path, wanted: Wanted, staging: Path) -> TableLocation:
        """See `Connection.resolve`."""
        if wanted.path is not None:
            msg = f"a connection of type {self.kind} has tables, not paths; write table"
            raise ValueError(msg)
        if wanted.query is not None:
            return self._query(root, wanted.query, staging)
        schema, _, name = (wanted.table or "").rpartition(".")
        _checked(name)
        if schema and not self.has_schemas:
            msg = f"table {wanted.table!r}: {self.kind} has no schemas; write the table alone"
            raise ValueError(msg)
        place = f"{_checked(schema) if schema else self.main_schema() or ''}.{name}".lstrip(".")
        path = self._folder(root, staging) / place.replace("/", "_")
        return TableLocation(path, self, root, schema or None, name)

    def _query(self, root: Path, query: str, staging: Path) -> TableLocation:
        text = query.strip().rstrip(";").strip()
        if not text:
            msg = "query is empty; write a SELECT"
            raise ValueError(msg)
        digest = hashlib.sha256(text.encode()).hexdigest()[:12]
        return TableLocation(
            self._folder(root, staging) / f"query-{digest}", self, root, query=text
        )

    def _folder(self, root: Path, staging: Path) -> Path:
        """The same for every connection to one database."""
        address = self.address(root)
        digest = hashlib.sha256(address.encode()).hexdigest()[:8]
        return staging / "sql" / f"{slug(address.rpartition('/')[2])[:40]}-{digest}"


def _checked(name: str) -> str:
    """A name of a table or schema; ValueError where a database would take it for another."""
    if not name.strip() or re.search(r"[\x00-\x1f\x7f\"`.]", name):
        msg = f"invalid table name {name[:60]!r}; write table, or schema.table"
        raise ValueError(msg)
    if len(name.encode()) > _MAX_NAME:
        msg = f"invalid table name {name[:60]!r}...: at most {_MAX_NAME} bytes"
        raise ValueError(msg)
    return name


class ServerConnection(DatabaseConnection):
    """A database behind a server: `url`, or host, database, user and password."""

    default_port: ClassVar[int]
    drivers: ClassVar[tuple[str, ...]]
    """The SQLAlchemy drivers that do; the first one is taken where the URL names none."""

    url: Secret | None = None
    host: str | None = None
    port: int | None = Field(default=None, ge=1, le=65_535)
    database: str | None = None
    username: str | None = Field(default=None, validation_alias=AliasChoices("user", "username"))
    password: Secret | None = None
    options: dict[str, Secret | bool | int] = {}
    """Further words for its driver, such as `sslmode: require`."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        parts = ("host", "port", "database", "username", "password")
        if self.url is not None:
            if beside := [name for name in parts if getattr(self, name) is not None]:
                msg = f"write url alone, or no url: {', '.join(beside)} say it too"
                raise ValueError(msg)
            self._parsed(self.url)
        elif not (self.host and self.database):
            msg = f"write host and database, or url: {self.scheme}://user:${{PASSWORD}}@host/name"
            raise ValueError(msg)
        return self

    def _parsed(self, secret: Secret) -> sa.URL:
        """The URL with a driver; ValueError that shows nothing of it where it is none."""
        import sqlalchemy as sa

        text = secret.reveal()
        try:
            url = sa.make_url(text)
        except (sa.exc.ArgumentError, ValueError):
            msg = f"invalid url; write {self.scheme}://user:${{PASSWORD}}@host:port/name"
            raise ValueError(msg) from None
        name, _, driver = url.drivername.partition("+")
        if name not in self.names or not url.database:
            msg = f"invalid url; a connection of type {self.kind} begins with {self.scheme}://"
            raise ValueError(f"{msg} and names a database")
        if driver and driver not in self.drivers:
            usable = " or ".join(f"{self.scheme}+{each}://" for each in self.drivers)
            msg = f"driver {driver} is not supported; use {usable}"
            raise ValueError(msg)
        return url.set(drivername=f"{self.scheme}+{driver or self.drivers[0]}")

    names: ClassVar[tuple[str, ...]]
    """How a URL of this kind may begin."""

    def sqlalchemy_url(self, root: Path) -> sa.URL:  # noqa: ARG002
        """See `DatabaseConnection.sqlalchemy_url`."""
        import sqlalchemy as sa

        if self.url is not None:
            return self._parsed(self.url)
        return sa.URL.create(
            f"{self.scheme}+{self.drivers[0]}",
            username=self.username,
            password=self.password.reveal() if self.password else None,
            host=self.host,
            port=self.port,
            database=self.database,
        )

    def address(self, root: Path) -> str:  # noqa: ARG002
        """See `DatabaseConnection.address`."""
        host, port, database = self.host, self.port, self.database
        if self.url is not None:
            url = self._parsed(self.url)
            asked = url.query.get("host")
            host = url.host or (asked if isinstance(asked, str) else None) or "localhost"
            port, database = url.port, url.database
        return f"{self.scheme}://{host}:{port or self.default_port}/{database}"

    def connect_args(self) -> dict[str, Any]:
        """See `DatabaseConnection.connect_args`."""
        given = {
            name: value.reveal() if isinstance(value, Secret) else value
            for name, value in self.options.items()
        }
        return {**self.patience, **given}

    patience: ClassVar[dict[str, Any]] = {}
    """How long its driver waits, where `options` do not say."""
