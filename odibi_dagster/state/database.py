"""A connection to the database of the state, set up so that nothing in it can hang or leak."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa
from filelock import FileLock
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    InterfaceError,
    NoSuchModuleError,
    SQLAlchemyError,
)

from odibi_dagster.errors import ConfigError, StateUnavailableError
from odibi_dagster.state.commands import command

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")

PATIENCE = 30.0
"""Seconds for which a database that does not answer is asked again."""
_QUEUE = 90.0
"""The same for a SQLite file that others write to: its writers do not queue up, so one of many may
have bad luck for long."""
_BUSY = 10.0
"""Seconds of that which SQLite itself waits at a time."""
_PAUSES = (0.05, 0.1, 0.2, 0.5, 1.0)
_CONNECT: dict[str, dict[str, Any]] = {
    "sqlite": {},
    "postgresql": {
        "connect_timeout": 10,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 30_000,
        # the last one frees the rows that a paused process holds
        "options": "-c lock_timeout=30000 -c statement_timeout=60000 "
        "-c idle_in_transaction_session_timeout=30000",
    },
    "mysql": {
        "connect_timeout": 10,
        "read_timeout": 60,
        "write_timeout": 60,
        # MySQL takes what only MariaDB knows for a comment
        "init_command": "SET SESSION innodb_lock_wait_timeout = 30 "
        "/*M!100303 , max_statement_time = 60, idle_transaction_timeout = 30 */",
    },
}
_ISOLATION = {"postgresql": "READ COMMITTED", "mysql": "READ COMMITTED"}
"""Each statement sees what is committed by then, whatever a server's own default is."""


def parse(url: str) -> sa.URL:
    """The URL of a state; nothing is opened. ConfigError where it is none, without a password."""
    try:
        parsed = sa.make_url(url)
        if (name := parsed.get_backend_name()) == "mariadb":
            # SQLAlchemy has two names for one dialect
            parsed = parsed.set(drivername=parsed.drivername.replace("mariadb", "mysql", 1))
            name = "mysql"
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        raise _no_url(error) from None
    if name not in _CONNECT:
        msg = f"invalid state url: {name} is not supported; use sqlite, postgresql or mysql"
        raise ConfigError(msg)
    if name == "sqlite" and parsed.database in (None, "", ":memory:"):
        msg = "invalid state url: it names no file, and nothing would be remembered; write "
        raise ConfigError(msg + "sqlite:////path/of/state.db")
    return parsed


def _no_url(error: Exception) -> ConfigError:
    """The text of the error may hold the URL, and the URL a password."""
    return ConfigError(
        f"invalid state url ({type(error).__name__}); write "
        "postgresql://user:password@host:5432/name, mysql+pymysql://... or sqlite:////path"
    )


def connect(url: str) -> sa.Engine:
    """An engine for the state. ConfigError where the URL is none; it never shows a password."""
    parsed = parse(url)
    name = parsed.get_backend_name()
    try:
        engine = sa.create_engine(
            parsed,
            connect_args=_arguments(parsed, name),
            hide_parameters=True,
            # a transaction was ended by whoever began it: not another round trip to end none
            pool_reset_on_return=None,
            pool_size=2,
            max_overflow=4,
            **({"isolation_level": _ISOLATION[name]} if name in _ISOLATION else {}),
        )
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        raise _no_url(error) from None
    except ModuleNotFoundError as error:
        msg = f"the state url needs the Python package '{error.name}'; install it"
        if parsed.drivername == "postgresql+psycopg":
            msg = "the state url needs psycopg; install psycopg or use postgresql+psycopg2://"
        raise ConfigError(msg) from None
    if name == "sqlite":
        _prepare_sqlite(engine)
    return engine


def _arguments(url: sa.URL, name: str) -> dict[str, Any]:
    """What the driver is told; the `options` of the URL come last, so they win."""
    arguments = dict(_CONNECT[name])
    if "options" in arguments and (own := url.query.get("options")):
        arguments["options"] += f" {own if isinstance(own, str) else ' '.join(own)}"
    return arguments


def _prepare_sqlite(engine: sa.Engine) -> None:
    """Writers queue up from their first statement on; what is committed is on the disk."""
    try:
        Path(str(engine.url.database)).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unavailable(engine, error) from error

    @sa.event.listens_for(engine, "connect")
    def _set_up(connection: Any, _: Any) -> None:
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout = {_BUSY * 1000:.0f}")
        connection.execute("PRAGMA synchronous = FULL")

    @sa.event.listens_for(engine, "begin")
    def _queue(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def first_start(engine: sa.Engine) -> AbstractContextManager[sa.Connection]:
    """A transaction that only one process at a time is in, before there is any table."""
    return _ALONE[engine.dialect.name](engine)


@contextmanager
def _alone_sqlite(engine: sa.Engine) -> Iterator[sa.Connection]:
    try:
        held = FileLock(f"{engine.url.database}.lock", timeout=2 * PATIENCE).acquire()
    except OSError as error:  # filelock's own time-out is one as well
        raise _unavailable(engine, error) from error
    with held:
        _use_wal(engine)
        with engine.begin() as connection:
            yield connection


def _use_wal(engine: sa.Engine) -> None:
    """Readers do not wait for writers, and a commit is one flush instead of four.

    SQLite refuses to switch while another process looks whether there are tables, and does not
    wait for it of its own accord.
    """
    until = time.monotonic() + PATIENCE
    with engine.connect() as connection:
        while True:
            try:
                connection.connection.cursor().execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > until:
                    raise
                time.sleep(_PAUSES[0])
            else:
                return


@contextmanager
def _alone_postgresql(engine: sa.Engine) -> Iterator[sa.Connection]:
    with engine.begin() as connection:
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(7106420137)"))
        yield connection


@contextmanager
def _alone_mysql(engine: sa.Engine) -> Iterator[sa.Connection]:
    with engine.connect() as connection:
        if connection.execute(sa.text("SELECT GET_LOCK('odibi_schema', 60)")).scalar() != 1:
            raise _unavailable(engine, TimeoutError("another process makes its tables"))
        connection.commit()
        try:
            with connection.begin():
                yield connection
        finally:
            connection.invalidate()  # the lock is the session's, and ends with it


_ALONE = {"sqlite": _alone_sqlite, "postgresql": _alone_postgresql, "mysql": _alone_mysql}
"""One process at a time, per database; the lock ends with the process that holds it."""


def patiently(engine: sa.Engine, work: Callable[[sa.Connection], T]) -> T:
    """The result of `work` in one transaction, tried again while the database does not answer.

    `work` must be safe to repeat: whether a commit whose answer was lost took place is unknown.
    StateUnavailableError after `PATIENCE` seconds.
    """

    def attempt() -> T:
        with engine.begin() as connection:
            return work(connection)

    return insist(engine, attempt)


def insist(engine: sa.Engine, attempt: Callable[[], T]) -> T:
    """The result of `attempt`, made again while the database does not answer. See `patiently`."""
    started = time.monotonic()
    for number in count():
        try:
            return attempt()
        except DBAPIError as error:
            if not _passes(error):
                raise _unavailable(engine, error) from error
            patience = _QUEUE if "database is locked" in str(error.orig) else PATIENCE
            if time.monotonic() - started > patience:
                raise _unavailable(engine, error, patience) from error
            time.sleep(_PAUSES[min(number, len(_PAUSES) - 1)])
        except SQLAlchemyError as error:
            raise _unavailable(engine, error) from error
    raise AssertionError  # pragma: no cover


def _passes(error: DBAPIError) -> bool:
    """Whether the same statement may succeed a moment later."""
    if error.connection_invalidated or isinstance(error, InterfaceError):
        return True
    text = str(error.orig).lower()
    return any(word in text for word in _PASSING)


_PASSING = (
    "could not connect", "connection refused", "server closed the connection", "starting up",
    "shutting down", "terminating connection", "connection reset", "can't connect", "gone away",
    "lost connection", "database is locked", "deadlock", "could not serialize", "lock wait timeout",
    "lock timeout", "connection timed out", "no such file or directory", "recovery mode",
)  # fmt: skip


def _unavailable(engine: sa.Engine, error: Exception, seconds: float = 0) -> StateUnavailableError:
    where = engine.url.render_as_string(hide_password=True).split("?")[0]
    cause = getattr(error, "orig", error)
    told = str(cause).strip() if isinstance(error, DBAPIError | OSError) else ""
    reason = (told or type(cause).__name__).splitlines()[0]
    how = f"unreachable for {seconds:.0f} s" if seconds else "cannot be used"
    again = f"{command('state', 'list', 'CONFIG')} says when it answers; the same run then goes on"
    return StateUnavailableError(f"state database {where} {how}: {reason}; {again}")
