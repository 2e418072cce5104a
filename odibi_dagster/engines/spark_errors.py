"""What Spark raises, in our words. Imported with a Spark session only."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from pyspark.errors import AnalysisException, PySparkException

from odibi_dagster.errors import DataReadError, SchemaContractError

if TYPE_CHECKING:
    from collections.abc import Iterator

_COLUMNS = (
    "UNRESOLVED_COLUMN",
    "AMBIGUOUS_REFERENCE",
    "COLUMN_ALREADY_EXISTS",
    "DATATYPE_MISMATCH",
    "UNSUPPORTED_DATA_TYPE_FOR_DATASOURCE",
)


@contextmanager
def translating() -> Iterator[None]:
    """Errors of a plan, when it is resolved and when it runs."""
    try:
        yield
    except AnalysisException as error:
        condition = str(error.getCondition() or "")
        kind = SchemaContractError if condition.startswith(_COLUMNS) else DataReadError
        raise kind(_first_line(error)) from error
    except PySparkException as error:
        raise DataReadError(_first_line(error)) from error


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0]
