"""What differs between databases."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

import narwhals.stable.v2 as nw
import sqlalchemy as sa

from odibi_dagster.errors import SchemaContractError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import polars as pl

    from odibi_dagster.connections.database import TableLocation
    from odibi_dagster.core.batch import Batch
    from odibi_dagster.core.types import DType

_OF_ROWS = ("IntegrityError", "DataError")
NUMBER = (38, 18)
"""What is taken for a number without bounds of its own; a value beyond it is an error."""


@dataclass(frozen=True)
class Column:
    """One column of a table or a query, and how its values become what they are here."""

    name: str
    dtype: DType
    expression: str | None = None
    """What is selected for it; None is the column as it is."""
    convert: Callable[[Any], Any] | None = None
    """What a value becomes that is not null; ValueError where it cannot."""
    wide: bool = False
    """Whether it is too long for an index."""


class Dialect(ABC):
    """One kind of database."""

    title: ClassVar[str]
    """Its name in messages."""

    @abstractmethod
    def describe(self, connection: sa.Connection, source: str) -> list[Column]:
        """The columns of what stands behind FROM; no row of it is read where that can be."""

    @abstractmethod
    def column_type(self, name: str, dtype: DType) -> str:
        """The type of a new column. SchemaContractError where the database has none."""

    @abstractmethod
    def load(
        self,
        connection: sa.Connection,
        table: str,
        schema: Mapping[str, DType],
        batches: Iterable[pl.DataFrame],
    ) -> None:
        """Add the rows of all batches to a table, in bulk."""

    @abstractmethod
    def reading(self, engine: sa.Engine) -> AbstractContextManager[sa.Connection]:
        """One transaction that changes nothing, with rows that come as they are taken."""

    @abstractmethod
    def writing(
        self, engine: sa.Engine, location: TableLocation
    ) -> AbstractContextManager[sa.Connection]:
        """One transaction; other publishers to the same table wait for its end."""

    def hold(self, connection: sa.Connection, table: str) -> None:
        """Keep every other writer from the table until the transaction ends, where it can be."""

    def make_room(self, connection: sa.Connection) -> None:
        """Let nobody else make the table of batches, before it is made."""

    def create(self, table: str, schema: Mapping[str, DType], batch: Batch) -> str:
        """The statement that makes a table for rows of this schema, which begins with a batch."""
        columns = (f"{self.quote(n)} {self.column_type(n, dtype)}" for n, dtype in schema.items())
        return f"CREATE TABLE {table} ({', '.join(columns)})"

    def create_staged(
        self,
        name: str,
        table: str,
        columns: Sequence[Column],
        keys: Sequence[str],
    ) -> str:
        """The statement that makes a temporary table, whose columns are those of `table`."""
        names = self.names(column.name for column in columns)
        return f"CREATE TEMPORARY TABLE {name} AS SELECT {names} FROM {table} WHERE 1 = 0"

    def settle(self, connection: sa.Connection, staged: str, keys: Sequence[str]) -> None:
        """Tell the database about the rows in a temporary table, so that it joins them well."""

    def swap(self, connection: sa.Connection, location: TableLocation, side: str) -> None:
        """Put another table of the same schema into the place of this one, if there is one."""
        table = self.table(location)
        execute(connection, f"DROP TABLE IF EXISTS {table}")
        name = self.quote(location.name)
        execute(connection, f"ALTER TABLE {self.table(location, side)} RENAME TO {name}")

    def begins_with(
        self, connection: sa.Connection, location: TableLocation, owner: str
    ) -> int | None:
        """The number of the owner's batch that the table was made for, where a table says so."""
        return None

    def vet(self, connection: sa.Connection, location: TableLocation) -> None:
        """WriteError where the table that is there cannot be written in a transaction."""

    @abstractmethod
    def update(self, table: str, other: str, keys: Sequence[str], columns: Sequence[str]) -> str:
        """The statement that sets `columns` where all keys are those of a row in `other`."""

    @abstractmethod
    def drop_known(self, staged: str, table: str, keys: Sequence[str]) -> str:
        """The statement that removes staged rows whose keys are in the table.

        One join, which needs no index on the table.
        """

    @abstractmethod
    def is_down(self, error: BaseException) -> bool:
        """Whether an error of the driver says that the database does not answer, for now."""

    def is_of_rows(self, error: BaseException) -> bool:
        """Whether an error of the driver says that rows do not fit the table."""
        return any(each.__name__ in _OF_ROWS for each in type(error).__mro__)

    def bound(self, dtypes: Sequence[DType], value: Any, end: str) -> Any:
        """What the cursor is compared with; None where the database would compare it otherwise.

        A bound may be wider than asked for, never narrower. `end` is `lower` or `upper`. Text that
        stands for something else is compared by nobody but its reader, and a value of another kind
        is an error that its reader explains.
        """
        return value if all(_alike(dtype, value) for dtype in dtypes) else None

    def unsure(self, cursor: str, dtypes: Sequence[DType]) -> str:
        """The condition of rows that no bound may leave out: here, those without a cursor.

        Whoever reads them counts them, or says what is wrong with them.
        """
        return f"{cursor} IS NULL"

    def quote(self, name: str) -> str:
        """A name as the database reads it, whatever characters it has."""
        return '"' + name.replace('"', '""') + '"'

    def table(self, location: TableLocation, name: str | None = None) -> str:
        """The table of a location, or another one of its schema, as SQL names it."""
        parts = [location.schema] if location.schema else []
        return ".".join(self.quote(part) for part in (*parts, name or location.name))

    def same(self, left: str, right: str, keys: Iterable[str]) -> str:
        """The condition that all keys of two tables are equal."""
        return " AND ".join(f"{left}.{self.quote(key)} = {right}.{self.quote(key)}" for key in keys)

    def names(self, columns: Iterable[str]) -> str:
        """Columns, quoted and separated by commas."""
        return ", ".join(self.quote(name) for name in columns)


def _alike(dtype: DType, value: Any) -> bool:
    if isinstance(dtype, (nw.Date, nw.Datetime)):
        return isinstance(value, date)
    if dtype.is_numeric():
        return isinstance(value, (int, float, Decimal))
    return isinstance(dtype, nw.String) and isinstance(value, str)


@contextmanager
def driver(connection: sa.Connection) -> Iterator[Any]:
    """A cursor of the driver itself, for what SQLAlchemy has no word for."""
    cursor = connection.connection.cursor()
    try:
        yield cursor
    finally:
        cursor.close()


def execute(connection: sa.Connection, statement: str) -> sa.CursorResult[Any]:
    """Run a statement that has no placeholder, whatever characters it has."""
    return connection.execute(sa.text(plain(statement)))


def plain(statement: str) -> str:
    """A statement as `sqlalchemy.text` takes it: a colon is a colon, and begins no placeholder."""
    return statement.replace(":", "\\:")


def number(precision: int | None, scale: int | None) -> tuple[int, int]:
    """Precision and scale that we can hold; of a number without bounds, `NUMBER`."""
    if not precision or scale is None or not 0 <= scale <= NUMBER[0]:
        return NUMBER
    return min(precision, NUMBER[0]), scale


def refuse_floats(batch: pl.DataFrame, title: str, *, infinite: bool) -> None:
    """SchemaContractError where a float is what the database cannot keep: NaN, or `infinite` too.

    Left to itself, a database takes it for a null, or the driver says nothing of its column.
    """
    for name, dtype in batch.schema.items():
        if dtype.is_float():
            odd = batch[name].is_nan() | (batch[name].is_infinite() & infinite)
            if odd.any():
                what = "NaN or infinity" if infinite else "NaN"
                msg = (
                    f"column '{name}' holds {what}, which {title} cannot keep; replace it in a step"
                )
                raise SchemaContractError(msg)


def one_of_two(value: Any) -> bool:
    """A boolean that a database keeps as a number."""
    if value in (0, 1):
        return bool(value)
    msg = f"{value!r} is neither 0 nor 1"
    raise ValueError(msg)
