"""What a database answers with, in our words; no value of a row, and no password, is in them."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import exc

from odibi_dagster.errors import (
    DatabaseUnavailableError,
    DataReadError,
    OdibiError,
    SchemaContractError,
    WriteError,
)
from odibi_dagster.formats.database.dialects import dialect_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from odibi_dagster.connections.database import TableLocation

_VALUES = (
    # MySQL: Duplicate entry 'ada@example.org' for key 'PRIMARY'; Incorrect integer value: 'x' for
    re.compile(r"(Duplicate entry) '.*'(?= for )", re.DOTALL),
    re.compile(r"(value:|value is out of range in) '.*'(?= for |$)", re.DOTALL),
    # PostgreSQL: invalid input syntax for type integer: "x"; value "9" is out of range
    re.compile(r'((?:: |^value ))".*"', re.DOTALL),
)
"""Where a database shows a value: what stays is in the group. A value may have several lines."""


@contextmanager
def reading_from(location: TableLocation) -> Iterator[None]:
    """DataReadError where a query is wrong, DatabaseUnavailableError where nobody answers."""
    if location.connection.is_missing(location.root):
        msg = f"{location.connection.address(location.root)} does not exist"
        raise DataReadError(msg)
    try:
        yield
    except Exception as error:
        cause = _of_the_driver(error)
        if cause is None:
            raise
        if _is_down(location, error, cause):
            raise _unavailable(location, cause) from error
        msg = f"{location} cannot be read: {_reason(cause)}"
        raise DataReadError(msg) from error


@contextmanager
def writing_to(location: TableLocation) -> Iterator[None]:
    """The error of a statement that changes a table; nothing of it is there then.

    SchemaContractError where rows do not fit the table and its constraints.
    """
    try:
        yield
    except Exception as error:
        cause = _of_the_driver(error)
        if cause is None:
            raise
        if _is_down(location, error, cause):
            raise _unavailable(location, cause) from error
        rows = dialect_of(location).is_of_rows(cause)
        kind: type[OdibiError] = SchemaContractError if rows else WriteError
        raise kind(f"{location} cannot be written: {_reason(cause)}") from error


def _of_the_driver(error: Exception) -> BaseException | None:
    """The driver's own error, as SQLAlchemy wraps it or as it is."""
    if isinstance(error, exc.DBAPIError):
        return error.orig
    if isinstance(error, exc.SQLAlchemyError):
        return error
    module = type(error).__module__.partition(".")[0]
    return error if module in ("psycopg2", "pymysql", "sqlite3") else None


def _is_down(location: TableLocation, error: Exception, cause: BaseException) -> bool:
    lost = isinstance(error, exc.DBAPIError) and error.connection_invalidated
    return lost or dialect_of(location).is_down(cause)


def _unavailable(location: TableLocation, cause: BaseException) -> DatabaseUnavailableError:
    where = location.connection.address(location.root)
    return DatabaseUnavailableError(f"database {where} does not answer: {_reason(cause)}")


def _reason(error: BaseException) -> str:
    """The first line, which names columns and constraints; no value is in it."""
    text = error.args[1] if len(error.args) == 2 and isinstance(error.args[1], str) else str(error)
    text = getattr(getattr(error, "diag", None), "message_primary", None) or text
    for pattern in _VALUES:
        text = pattern.sub(r"\1", text)
    return (text.strip().splitlines() or [type(error).__name__])[0]
