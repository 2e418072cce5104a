"""What Polars raises, in our words. The first line of its message says what and which column."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from polars import exceptions

from odibi_dagster.engines.base import LONG_NAME, TOO_LONG
from odibi_dagster.errors import (
    DataReadError,
    OdibiError,
    SchemaContractError,
    WriteError,
    as_cause,
    shortened,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from odibi_dagster.core.discretion import Discretion

_COLUMNS = (
    exceptions.ColumnNotFoundError,
    exceptions.DuplicateError,
    exceptions.SchemaFieldNotFoundError,
    exceptions.StructFieldNotFoundError,
    exceptions.SchemaError,
)
_DATA = (
    exceptions.ComputeError,
    exceptions.InvalidOperationError,
    exceptions.NoDataError,
    exceptions.OutOfBoundsError,
    exceptions.ShapeError,
)


@contextmanager
def translating(discretion: Discretion) -> Iterator[None]:
    """Errors of a running plan: columns that do not fit, data that cannot be read, a full disk.

    Only those of data quote values of it.
    """
    try:
        yield
    except _COLUMNS as error:
        raise SchemaContractError(_first_line(error)) from as_cause(error)
    except _DATA as error:
        kind, told = _of_data(_first_line(error)), discretion.told(error, _first_line(error))
        raise kind(told) from as_cause(error)
    except FileNotFoundError as error:
        raise DataReadError(str(error)) from as_cause(error)
    except OSError as error:
        if LONG_NAME in str(error):
            raise SchemaContractError(TOO_LONG) from as_cause(error)
        raise WriteError(str(error)) from as_cause(error)
    except OdibiError:
        raise
    except Exception as error:
        # what the code of a user raises inside a plan
        if not discretion.withholds:
            raise
        raise DataReadError(discretion.told(error, "")) from None


def _first_line(error: Exception) -> str:
    return shortened(str(error).strip().split("\n", 1)[0])


def _of_data(message: str) -> type[DataReadError | WriteError]:
    """The Parquet sink reports a full disk as a ComputeError with the system's own words."""
    if "underlying IO error" in message and "os error" in message:
        return WriteError
    return DataReadError
