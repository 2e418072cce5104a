"""Errors of storage in our words: which place, what was found."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from odibi_dagster.errors import DataReadError, OdibiError, SchemaContractError, WriteError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from odibi_dagster.connections.base import Location


@contextmanager
def reading(location: Location, kind: str) -> Iterator[None]:
    """What goes wrong on opening, as `<path> is not a readable <kind> file: ...`."""
    try:
        yield
    except DataReadError as error:
        if str(location) in str(error) or "is not a readable" in str(error):
            raise
        msg = f"{location} is not a readable {kind} file: {error}"
        raise DataReadError(msg) from error
    except OSError as error:
        msg = f"{location} cannot be read: {error.strerror or error}"
        raise DataReadError(msg) from error


@contextmanager
def writing(location: Location) -> Iterator[None]:
    """What goes wrong while a target is staged or published, with the target's name in front."""
    try:
        yield
    except OdibiError as error:
        if str(location) in str(error):
            raise
        msg = f"{location}: {error}"
        raise type(error)(msg) from error
    except OSError as error:
        msg = (
            f"{location} cannot be written: {error.strerror or error}; what was there is unchanged"
        )
        raise WriteError(msg) from error


def check_names(names: Iterable[str], place: object) -> None:
    """SchemaContractError where a column has no name, or a name that another one has.

    >>> check_names(["id", "id"], "orders.csv")
    Traceback (most recent call last):
        ...
    odibi_dagster.errors.SchemaContractError: orders.csv: duplicate column 'id'; give ...
    """
    seen: set[str] = set()
    for number, name in enumerate(names, start=1):
        if not name:
            msg = f"{place}: column {number} has no name; give every column a name"
            raise SchemaContractError(msg)
        if name in seen:
            msg = f"{place}: duplicate column '{name}'; give every column a name of its own"
            raise SchemaContractError(msg)
        seen.add(name)
